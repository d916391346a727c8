package web

import (
	"context"
	"net/http"
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
	by, err := s.gatewayOf(ctx, r)
	if err != nil {
		return s.unauthenticated(r.WithContext(ctx), "forward_auth.refused", "", err)
	}
	noteIn(ctx).clientID = by.id
	if err := allow(s.limits.Introspect.PerClient, by.id); err != nil {
		return err
	}
	text, err := s.forwarded(r)
	if err != nil {
		s.reportForwarded(r.WithContext(ctx), err)
		return s.refusedAtGateway(ctx, by, err)
	}
	use.ClientIP = authz.OriginFrom(ctx).IP
	found, err := s.check(ctx, by, text, use)
	if err != nil {
		return err
	}
	tellQuota(w.Header(), found.quota)
	if err := refusalOf(found, use.Action); err != nil {
		return s.refusedAtGateway(ctx, by, err)
	}
	h := w.Header()
	h["Cache-Control"] = noStore
	delete(h, "X-Content-Type-Options") // there is no content; a map of up to eight is the quick one
	s.identity.tell(h, found.record)
	w.WriteHeader(http.StatusOK)
	return nil
}

// refusedAtGateway records what was refused for want of a live credential, or
// for one in the wrong place; refused uses of a live one are recorded already.
func (s *site) refusedAtGateway(ctx context.Context, by asking, err error) error {
	code := authz.CodeOf(err)
	if code == codeNoBearer || authz.KindOf(err) != authz.Unauthenticated && code != errCredentialInURL.Code && code != errKeyInBrowser.Code {
		return err
	}
	if s.refusals.Allow(authz.OriginFrom(ctx).IP+" "+code) != nil {
		return err
	}
	if auditErr := s.Audit(ctx, "credential.refused", code, by.id); auditErr != nil {
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
	return s.askerOf(ctx, r, first(r.Header, callerHeader))
}

var errNoGateway = authz.NewError(authz.Unauthenticated, "authentication_required",
	"The gateway must authenticate: "+callerHeader+": Basic …, Bearer … or, with a certificate, Client client_id.")
