package oidc

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	maxSubject  = 255
	maxIssueAge = 10 * time.Minute
)

// check holds the claims of a verified ID token against this connection and
// this sign-in (OpenID Connect Core section 3.1.3.7, from step 2).
func (c *Connector) check(id claims, callback idp.Callback) error {
	now := c.config.Now()
	for _, check := range []func() error{
		func() error { return checkIdentity(id, c.config.Issuer, c.config.Tenant) },
		func() error { return checkAudience(id, c.config.ClientID) },
		func() error { return checkTimes(id, now, c.config.Skew) },
		func() error { return checkNonce(id, callback.Nonce) },
		func() error { return checkFreshness(id, callback.MaxAge, now, c.config.Skew) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func checkIdentity(id claims, issuer, tenant string) error {
	if id.text("iss") != issuer {
		return idp.Refuse(idp.ReasonIssuerMismatch, errors.New("iss is another issuer's"))
	}
	if tenant != "" && !strings.EqualFold(id.text("tid"), tenant) {
		return idp.Refuse(idp.ReasonIssuerMismatch, errors.New("tid is not the tenant of iss"))
	}
	if sub := id.text("sub"); sub == "" || len(sub) > maxSubject {
		return idp.Refuse(idp.ReasonSubject, errors.New("sub absent or too long"))
	}
	// A logout token carries events where an ID token cannot
	// (OpenID Connect Back-Channel Logout section 2.4).
	if id.object("events")[logoutEvent] != nil {
		return idp.Refuse(idp.ReasonType, errors.New("a logout token"))
	}
	return nil
}

func checkAudience(id claims, clientID string) error {
	audience, ok := id.texts("aud")
	if !ok || !slices.Contains(audience, clientID) {
		return idp.Refuse(idp.ReasonAudience, errors.New("aud does not name us"))
	}
	if (id.has("azp") || len(audience) > 1) && id.text("azp") != clientID {
		return idp.Refuse(idp.ReasonAZP, errors.New("azp is not us"))
	}
	return nil
}

func checkTimes(id claims, now time.Time, skew time.Duration) error {
	if exp, ok := id.time("exp"); !ok || now.After(exp.Add(skew)) {
		return idp.Refuse(idp.ReasonExpired, errors.New("exp absent or past"))
	}
	iat, ok := id.time("iat")
	if !ok || now.Sub(iat).Abs() > maxIssueAge {
		return idp.Refuse(idp.ReasonIssuedAt, errors.New("iat absent or too far off"))
	}
	if nbf, ok := id.time("nbf"); id.has("nbf") && (!ok || now.Add(skew).Before(nbf)) {
		return idp.Refuse(idp.ReasonIssuedAt, errors.New("nbf ahead"))
	}
	return nil
}

func checkNonce(id claims, nonce string) error {
	if nonce == "" || !same(id.text("nonce"), nonce) {
		return idp.Refuse(idp.ReasonNonce, errors.New("nonce is not this sign-in's"))
	}
	return nil
}

// checkFreshness demands auth_time when max_age was asked for: upstreams are
// free to ignore the request, but not to have it taken for granted.
func checkFreshness(id claims, maxAge *time.Duration, now time.Time, skew time.Duration) error {
	at, ok := id.time("auth_time")
	if id.has("auth_time") && (!ok || now.Add(skew).Before(at)) {
		return idp.Refuse(idp.ReasonStaleAuth, errors.New("auth_time malformed or ahead"))
	}
	if maxAge == nil {
		return nil
	}
	if !ok || now.Sub(at) > *maxAge+skew {
		return idp.Refuse(idp.ReasonStaleAuth, errors.New("auth_time absent or older than max_age"))
	}
	return nil
}
