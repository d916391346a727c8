package oidc

import (
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const maxParam = 4096

// params are the parameters of an authentication response that are read, each
// there once at most.
type params struct{ values map[string]string }

// parseCallback takes the response apart and refuses one that is not the
// answer to this sign-in by this issuer. Nothing has been sent anywhere by then.
func parseCallback(callback idp.Callback, speaks func(issuer string) bool) (params, error) {
	p := params{values: map[string]string{}}
	for _, name := range []string{"state", "iss", "error", "code"} {
		values := callback.Params[name]
		if len(values) > 1 || (len(values) == 1 && len(values[0]) > maxParam) {
			reason := idp.ReasonCallback
			if name == "state" {
				reason = idp.ReasonState
			}
			return p, idp.Refuse(reason, fmt.Errorf("parameter %s repeated or too long", name))
		}
		if len(values) == 1 && values[0] != "" {
			p.values[name] = values[0]
		}
	}
	state, ok := p.values["state"]
	if !ok {
		return p, idp.Refuse(idp.ReasonState, errors.New("no state"))
	}
	if callback.State != "" && !same(state, callback.State) {
		return p, idp.Refuse(idp.ReasonState, errors.New("another sign-in's state"))
	}
	if iss, ok := p.values["iss"]; ok && !speaks(iss) {
		return p, idp.Refuse(idp.ReasonMixUp, errors.New("iss is another issuer's"))
	}
	return p, nil
}

// code returns the authorization code, or the refusal that came in its place.
// An upstream that promises iss (RFC 9207 section 2.4) must have sent it.
func (p params) code(issPromised bool) (string, error) {
	if _, ok := p.values["iss"]; issPromised && !ok {
		return "", idp.Refuse(idp.ReasonMixUp, errors.New("iss promised but absent"))
	}
	if code, failed := p.values["error"]; failed {
		return "", callbackError(code)
	}
	code, ok := p.values["code"]
	if !ok {
		return "", idp.Refuse(idp.ReasonCallback, errors.New("neither code nor error"))
	}
	if !visible(code) {
		return "", idp.Refuse(idp.ReasonCallback, errors.New("the code holds what no code can"))
	}
	return code, nil
}

// visible reports whether a text is of VSCHAR alone (RFC 6749 appendix A.11):
// no more is passed on of what a browser could have written.
func visible(text string) bool {
	for _, c := range []byte(text) {
		if c < 0x20 || c > 0x7e {
			return false
		}
	}
	return true
}

// callbackError sorts the error codes of RFC 6749 section 4.1.2.1 and OpenID
// Connect Core section 3.1.2.6. The browser could have written any of them:
// what is not known is not repeated.
func callbackError(code string) error {
	reason := idp.ReasonUpstreamError
	switch code {
	case "access_denied":
		reason = idp.ReasonDenied
	case "login_required", "interaction_required", "consent_required", "account_selection_required":
		reason = idp.ReasonLoginRequired
	case "unmet_authentication_requirements":
		reason = idp.ReasonUnmetAuth
	case "server_error", "temporarily_unavailable", "invalid_request", "invalid_scope",
		"unauthorized_client", "unsupported_response_type", "request_not_supported":
	default:
		return idp.Refuse(reason, nil)
	}
	return idp.Refuse(reason, errors.New(code))
}

// same compares in constant time.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
