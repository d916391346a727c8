package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// callerHeader is where a gateway authenticates at forward-auth: Authorization
// is the end user's there. Gateways must set it, over whatever a client sent.
const callerHeader = "X-Gatehouse-Caller"

var (
	errCredentialInURL = authz.NewError(authz.Forbidden, "credential_in_query", "Credentials are accepted in the Authorization header only. Revoke the one you sent: it may have been logged on its way.")
	errKeyInBrowser    = authz.NewError(authz.Forbidden, "browser_refused", "An API key in a page is a leaked key.")
	errBound           = authz.NewError(authz.Unauthenticated, "invalid_token", "A token bound to a key cannot be checked here: introspect it and check its proof.")
	errInactiveToken   = authz.NewError(authz.Unauthenticated, "invalid_token", "The credential is not active.")
)

// GET, POST /v1/forward-auth: the decision of verify about a request that a
// gateway holds back meanwhile (nginx auth_request, Traefik ForwardAuth). What
// the request needs comes from the query, which the gateway's configuration
// writes: ?action=…&environment=…&resource=cluster:id. What the client said,
// headers or body, decides nothing but its credential.
func (s *site) forwardAuth(w http.ResponseWriter, r *http.Request) error {
	use, err := useInQuery(r.URL.RawQuery)
	if err != nil {
		return err
	}
	return s.decideForGateway(w, r, use)
}

// /v1/forward-auth/… is the same for a gateway that appends the path, query and
// method of the request it holds back (Envoy ext_authz with a path_prefix): the
// query is the client's then, and what the request needs comes in headers. A
// client that sends them itself only asks more of its own credential.
func (s *site) forwardAuthBelow(w http.ResponseWriter, r *http.Request) error {
	use := credential.Use{Action: r.Header.Get("X-Gatehouse-Action"), Environment: authz.Environment(r.Header.Get("X-Gatehouse-Environment"))}
	kind, id, _ := strings.Cut(r.Header.Get("X-Gatehouse-Resource"), ":")
	use.Kind, use.ID = authz.ResourceKind(kind), id
	if err := validUse(use); err != nil {
		return err
	}
	return s.decideForGateway(w, r, use)
}

func (s *site) decideForGateway(w http.ResponseWriter, r *http.Request, use credential.Use) error {
	ctx := contextOf(w, r)
	r = r.WithContext(ctx)
	by, err := s.gatewayOf(ctx, r)
	if err != nil {
		return s.unauthenticated(r, "forward_auth.refused", "", err)
	}
	noteIn(ctx).clientID = by.id
	if err := allow(s.limits.Introspect.PerClient, by.id); err != nil {
		return err
	}
	text, err := s.forwarded(r)
	if err != nil {
		return s.refusedAtGateway(r, by, err)
	}
	use.ClientIP = authz.OriginFrom(ctx).IP
	found, err := s.check(ctx, by, text, use)
	if err != nil {
		return err
	}
	tellQuota(w.Header(), found.quota)
	if err := refusalOf(found, use.Action); err != nil {
		return s.refusedAtGateway(r, by, err)
	}
	w.Header()["Cache-Control"] = noStore
	identify(w.Header(), found.record)
	w.WriteHeader(http.StatusOK)
	return nil
}

// refusedAtGateway records what was refused for want of a live credential, or
// for one in the wrong place; refused uses of a live one are recorded already.
func (s *site) refusedAtGateway(r *http.Request, by asking, err error) error {
	code := authz.CodeOf(err)
	if code == codeNoBearer || authz.KindOf(err) != authz.Unauthenticated && code != errCredentialInURL.Code && code != errKeyInBrowser.Code {
		return err
	}
	if s.refusals.Allow(authz.OriginFrom(r.Context()).IP+" "+code) != nil {
		return err
	}
	if auditErr := s.Audit(r.Context(), "credential.refused", code, by.id); auditErr != nil {
		return auditErr
	}
	return err
}

// gatewayOf is whoever asks: every request of a trusted listener is the
// operator's own gateway's.
func (s *site) gatewayOf(ctx context.Context, r *http.Request) (asking, error) {
	if trusted(r.Context()) {
		return asking{Asker: credential.Everyone(s.name), id: "trusted_listener"}, nil
	}
	if len(r.Header[callerHeader]) != 1 {
		return asking{}, errNoGateway
	}
	return s.askerOf(ctx, r, r.Header.Get(callerHeader))
}

var errNoGateway = authz.NewError(authz.Unauthenticated, "authentication_required",
	"The gateway must authenticate: "+callerHeader+": Basic …, Bearer … or, with a certificate, Client client_id.")

// forwarded is the credential of the request that is held back. One that is in
// its URL is refused, whatever the header says, and so is a key from a browser.
func (s *site) forwarded(r *http.Request) (authz.Secret, error) {
	if s.urlHoldsCredential(r) {
		return "", errCredentialInURL
	}
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	}
	scheme, text, _ := strings.Cut(headers[0], " ")
	text = strings.TrimSpace(text)
	switch {
	case len(headers) > 1 || text == "":
		return "", errInactiveToken
	case strings.EqualFold(scheme, "DPoP"):
		return "", errBound
	case !strings.EqualFold(scheme, "Bearer"):
		return "", authz.NewError(authz.Unauthenticated, codeNoBearer, "")
	case s.IsKey(text) && r.Header.Get("Origin") != "":
		return "", errKeyInBrowser
	}
	return authz.Secret(text), nil
}

// urlHoldsCredential looks where gateways say which URL they were asked for.
func (s *site) urlHoldsCredential(r *http.Request) bool {
	if s.holdsCredential(r.URL.RawQuery) {
		return true
	}
	for _, header := range []string{"X-Original-Uri", "X-Original-Url", "X-Forwarded-Uri", "X-Envoy-Original-Path"} {
		for _, uri := range r.Header[header] {
			if _, query, ok := strings.Cut(uri, "?"); ok && s.holdsCredential(query) {
				return true
			}
		}
	}
	return false
}

// holdsCredential reports whether a query has a credential in it, by the name
// of a parameter or by what a value looks like.
func (s *site) holdsCredential(query string) bool {
	values, _ := url.ParseQuery(query) // what cannot be read is left out, the rest is looked at
	for name, list := range values {
		switch strings.ToLower(name) {
		case "access_token", "api_key", "apikey":
			return true
		}
		for _, v := range list {
			if s.IsKey(v) {
				return true
			}
		}
	}
	return false
}

// useInQuery reads what the gateway asks of every request.
func useInQuery(query string) (credential.Use, error) {
	var u credential.Use
	if query == "" {
		return u, nil
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return u, invalid("The query could not be read.")
	}
	for name, list := range values {
		if len(list) != 1 {
			return u, invalid("A parameter is there more than once.")
		}
		switch name {
		case "action":
			u.Action = list[0]
		case "environment":
			u.Environment = authz.Environment(list[0])
		case "resource":
			kind, id, _ := strings.Cut(list[0], ":")
			u.Kind, u.ID = authz.ResourceKind(kind), id
		default:
			return u, invalid("There is a parameter that this endpoint does not have; it has action, environment and resource=kind:id.")
		}
	}
	return u, validUse(u)
}

// refusalOf is the error that tells a client why its request goes no further.
func refusalOf(found checked, action string) error {
	switch found.reason {
	case credential.OK:
		if !found.record.Confirmation.Bearer() {
			return errBound
		}
		return nil
	case credential.RateLimited:
		e := authz.NewError(authz.RateLimited, "rate_limited", "The key was used too often; slow down.")
		e.RetryAfter = found.quota.RetryAfter
		return e
	case credential.OutOfScope:
		return authz.NewError(authz.Forbidden, "insufficient_scope", "The scope "+action+" is required.")
	case credential.WrongResource:
		return authz.NewError(authz.Forbidden, "resource_not_allowed", "The credential is restricted to other resources.")
	case credential.WrongEnvironment:
		return authz.NewError(authz.Forbidden, "wrong_environment", "The credential belongs to another environment.")
	case credential.AddressRefused:
		return authz.NewError(authz.Forbidden, "ip_not_allowed", "The key may not be used from this address.")
	case credential.Suspended:
		return authz.NewError(authz.Unauthenticated, "workspace_suspended", "The workspace is suspended.")
	case credential.Inactive:
	}
	return errInactiveToken
}

// tellQuota sets the headers of a rate limit (draft-ietf-httpapi-ratelimit-headers).
func tellQuota(h http.Header, q authz.Quota) {
	if q.Limit == 0 {
		return
	}
	h.Set("RateLimit-Policy", `"key";q=`+strconv.Itoa(q.Limit)+`;w=`+strconv.FormatInt(seconds(q.Window), 10))
	h.Set("RateLimit", `"key";r=`+strconv.Itoa(q.Remaining)+`;t=`+strconv.FormatInt(seconds(q.Reset), 10))
}

// identify tells the service behind the gateway whose request it is. Gateways
// must copy these headers over what the client sent under the same names.
func identify(h http.Header, record *credential.Record) {
	p, in := &record.Principal, &record.Introspection
	for _, header := range [...]struct{ name, value string }{
		{"X-Gatehouse-Subject", in.Sub}, {"X-Gatehouse-Client-Id", in.ClientID}, {"X-Gatehouse-Key-Id", string(p.KeyID)},
		{"X-Gatehouse-Workspace-Id", string(p.WorkspaceID)}, {"X-Gatehouse-Account-Id", string(p.AccountID)},
		{"X-Gatehouse-Environment", string(p.Environment)}, {"X-Gatehouse-Scope", in.Scope},
		{"X-Gatehouse-Credential-Type", in.CredentialType},
	} {
		h[header.name] = []string{header.value} // empty too: a client's own must not stand
	}
}
