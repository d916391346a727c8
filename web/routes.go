package web

import (
	"net/http"
	"path"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// A route is a pattern of net/http.ServeMux, its handler, and how its errors
// are told.
type route struct {
	pattern string
	handle  func(http.ResponseWriter, *http.Request) error
	fail    func(http.ResponseWriter, *http.Request, error)
	kind    routeKind
	limit   Limit
}

type routeKind uint8

const (
	documentRoute routeKind = iota // public, cacheable, readable from any origin
	protocolRoute                  // authenticated by header or form, no cookies
	pageRoute                      // a person's browser, cookies
	postedRoute                    // the same, by a form that another site may have sent
	apiRoute                       // authenticated by header, never from a browser
	hotRoute                       // the same, answered from memory: what it must wait for bounds itself
)

// waits reports whether handlers may have to wait for something, and are bound
// by requestTime. To those that answer from memory a timer and a copy of the
// request for each would be the dearer part; they get neither, and find their
// context with contextOf.
func (k routeKind) waits() bool { return k != hotRoute && k != documentRoute }

// issuerRoutes is what the issuer's host serves.
func issuerRoutes(s *site) []route {
	var none Limit
	limits := s.limits
	return append(append(registrationRoutes(s), accountRoutes(s)...), []route{
		{"GET /.well-known/openid-configuration", s.getMetadata, oauthError, documentRoute, none},
		{"GET /.well-known/oauth-authorization-server", s.getMetadata, oauthError, documentRoute, none},
		{"GET /.well-known/jwks.json", s.getJWKS, oauthError, documentRoute, none},

		{"POST /oauth2/token", s.postToken, oauthError, protocolRoute, limits.Token},
		{"POST /oauth2/revoke", s.postRevoke, oauthError, protocolRoute, limits.Token},
		{deviceRoute, s.postDeviceAuthorization, oauthError, apiRoute, limits.Token},
		{"POST /oauth2/par", s.postPushed, oauthError, protocolRoute, limits.Token},
		{"GET /oauth2/userinfo", s.userinfo, s.bearerError, protocolRoute, limits.Introspect},
		{"POST /oauth2/userinfo", s.userinfo, s.bearerError, protocolRoute, limits.Introspect},

		{"GET /oauth2/authorize", s.authorize, s.pageError, pageRoute, limits.Authorize},
		{"POST /oauth2/authorize", s.authorize, s.pageError, postedRoute, limits.Authorize},
		{"GET /signin", s.Login.ChooseConnection, s.pageError, pageRoute, limits.Login},
		{"POST /signin", s.Login.SubmitEmail, s.pageError, pageRoute, limits.Login},
		{"POST /signin/fallback", s.Login.SubmitFallback, s.pageError, pageRoute, limits.Login},
		{"GET /signin/done", s.Login.Done, s.pageError, pageRoute, limits.Login},
		{"GET /signin/factor", s.Login.ShowFactor, s.pageError, pageRoute, limits.Login},
		{"POST /signin/factor", s.Login.SubmitFactor, s.pageError, pageRoute, limits.Login},
		{"GET /oidc/{upstream}/callback", s.Login.Callback, s.pageError, pageRoute, limits.Login},
		{"POST /oidc/{upstream}/backchannel-logout", s.Login.BackChannelLogout, oauthError, apiRoute, limits.Login},
		{"GET /oidc/{upstream}/frontchannel-logout", s.perUpstream(s.Login.FrontChannelLogout), s.pageError, pageRoute, limits.Login},
		{"POST /saml/{upstream}/acs", s.Login.ACS, s.pageError, postedRoute, limits.Login},
		{"GET /saml/{upstream}/continue", s.Login.ContinueSAML, s.pageError, pageRoute, limits.Login},
		{"GET /saml/{upstream}/metadata", s.perUpstream(s.Login.SAMLMetadata), s.pageError, pageRoute, limits.Login},
		{"GET /saml/{upstream}/slo", s.perUpstream(s.Login.SAMLLogout), s.pageError, pageRoute, limits.Login},
		{"POST /saml/{upstream}/slo", s.perUpstream(s.Login.SAMLLogout), s.pageError, postedRoute, limits.Login},
		{"GET /consent", s.Login.ShowConsent, s.pageError, pageRoute, limits.Authorize},
		{"POST /consent", s.Login.SubmitConsent, s.pageError, pageRoute, limits.Authorize},
		{"GET /oauth2/logout", s.Login.Logout, s.pageError, pageRoute, limits.Authorize},
		{"POST /oauth2/logout", s.Login.Logout, s.pageError, postedRoute, limits.Authorize},
		{"POST /logout", s.Login.SubmitLogout, s.pageError, pageRoute, limits.Authorize},

		{"GET /device", s.Login.ShowDevice, s.pageError, pageRoute, limits.Login},
		{"POST /device", s.Login.SubmitDevice, s.pageError, pageRoute, limits.Login},

		{"GET /static/", serve(ui.Static()), s.pageError, documentRoute, none},
		{"/static", s.notFound, s.pageError, pageRoute, none},
		{"GET /{$}", s.getWelcome, s.pageError, pageRoute, none},
		{"/", s.notFound, s.pageError, pageRoute, none},
	}...)
}

// accountRoutes are pages for people about what is theirs: factors, invitations,
// local accounts, and a connection that its customer sets up.
func accountRoutes(s *site) []route {
	limits := s.limits
	return []route{
		{"GET /enrol", s.Login.ShowEnrol, s.pageError, pageRoute, limits.Login},
		{"POST /enrol", s.Login.SubmitEnrol, s.pageError, pageRoute, limits.Login},
		{"GET /break-glass", s.Login.ShowBreakGlass, s.pageError, pageRoute, limits.Login},
		{"POST /break-glass", s.Login.SignInBreakGlass, s.pageError, pageRoute, limits.Login},
		{"GET /operator", s.Login.ShowOperator, s.pageError, pageRoute, limits.Login},
		{"POST /operator", s.Login.SubmitOperator, s.pageError, pageRoute, limits.Login},
		{"POST /operator/signin", s.Login.SignInOperator, s.pageError, pageRoute, limits.Login},
		{"GET /security", s.Login.ShowSecurity, s.pageError, pageRoute, limits.Login},
		{"POST /security", s.Login.SubmitSecurity, s.pageError, pageRoute, limits.Login},
		{"GET /security/link", s.Login.ShowLinking, s.pageError, pageRoute, limits.Login},
		{"POST /security/link", s.Login.SubmitLinking, s.pageError, pageRoute, limits.Login},
		{"POST /security/link/confirm", s.Login.ConfirmLinking, s.pageError, pageRoute, limits.Login},
		{"GET /join", s.Login.ShowJoin, s.pageError, pageRoute, limits.Login},
		{"POST /join", s.Login.SubmitJoin, s.pageError, pageRoute, limits.Login},
		{"POST /join/confirm", s.Login.ConfirmJoin, s.pageError, pageRoute, limits.Login},
		{"GET /setup", s.Setup.Show, s.pageError, pageRoute, limits.Login},
		{"POST /setup/vendor", s.Setup.SubmitVendor, s.pageError, pageRoute, limits.Login},
		{"POST /setup/oidc", s.Setup.SubmitOIDC, s.pageError, pageRoute, limits.Login},
		{"POST /setup/saml", s.Setup.SubmitSAML, s.pageError, pageRoute, limits.Login},
		{"POST /setup/check", s.Setup.SubmitCheck, s.pageError, pageRoute, limits.Login},
		{"GET /connection-test", s.Login.BeginTest, s.pageError, pageRoute, limits.Login},
		{"GET /invitation", s.Login.ShowInvitation, s.pageError, pageRoute, limits.Login},
		{"POST /invitation", s.Login.SubmitInvitation, s.pageError, pageRoute, limits.Login},
	}
}

// deviceRoute is for clients that are no pages, and prove themselves.
const deviceRoute = "POST /oauth2/device_authorization"

// certifiedRoutes is what the host for clients with certificates serves beside
// the API: what clients call themselves.
func certifiedRoutes(s *site) []route {
	var own []route
	for _, rt := range issuerRoutes(s) {
		if rt.kind == protocolRoute || rt.kind == documentRoute || rt.pattern == deviceRoute {
			own = append(own, rt)
		}
	}
	return own
}

// apiRoutes is what the API's host serves: the same host, or one of its own.
func apiRoutes(s *site) []route {
	limits := s.limits
	return []route{
		{"GET /.well-known/oauth-protected-resource", s.getResource, oauthError, documentRoute, Limit{}},
		{"GET /.well-known/oauth-protected-resource/v1", s.getManagementResource, oauthError, documentRoute, Limit{}},
		{"POST /oauth2/introspect", s.postIntrospect, oauthError, hotRoute, limits.Introspect},
		{"POST /v1/verify", s.postVerify, problemError, hotRoute, limits.Introspect},
		{"GET /v1/forward-auth", s.forwardAuth, bearerError, hotRoute, limits.Introspect},
		{"POST /v1/forward-auth", s.forwardAuth, bearerError, hotRoute, limits.Introspect},
		{"/v1/forward-auth/", s.forwardAuthBelow, bearerError, hotRoute, limits.Introspect},
		{"POST /v1/leaks/report", s.postLeakReport, problemError, apiRoute, limits.Leaks},
		{"/v1/", s.management, problemError, apiRoute, limits.Introspect},
		{"/v1", s.management, problemError, apiRoute, limits.Introspect},
	}
}

// elsewhereRoutes answer, at the issuer's host, those who look there for what
// the API's host serves.
func elsewhereRoutes(s *site) []route {
	api := s.OAuth.Settings().APIURL
	elsewhere := func(http.ResponseWriter, *http.Request) error {
		return authz.NewError(authz.NotFound, "not_found", "This is served at "+api+", as the metadata says.")
	}
	return []route{
		{"/oauth2/introspect", elsewhere, oauthError, apiRoute, Limit{}},
		{"/v1/", elsewhere, problemError, apiRoute, Limit{}},
		{"/v1", elsewhere, problemError, apiRoute, Limit{}},
	}
}

// management serves /v1, which learns of a client's certificate by the context.
func (s *site) management(w http.ResponseWriter, r *http.Request) error {
	s.API.ServeHTTP(s.leading(w), r.WithContext(withCertificates(r.Context(), s.certificates(r))))
	return nil
}

func serve(h http.Handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		h.ServeHTTP(w, r)
		return nil
	}
}

// routes makes the handler of one host.
func (s *server) routes(st *site, tables ...func(*site) []route) http.Handler {
	mux := http.NewServeMux()
	allowed := make(map[string][]string)
	nothing := s.ring(st, route{"/", st.notFound, problemError, apiRoute, Limit{}})
	hasFallback := false
	exact := make(map[exactly]http.Handler)
	for _, table := range tables {
		for _, rt := range table(st) {
			h := s.ring(st, rt)
			mux.Handle(rt.pattern, h)
			rememberExact(exact, rt.pattern, h)
			rememberMethod(allowed, rt.pattern)
			if rt.pattern == "/" {
				nothing, hasFallback = h, true
			}
		}
	}
	for path, methods := range allowed {
		mux.Handle(path, s.ring(st, s.otherMethods(path, methods)))
	}
	if !hasFallback {
		mux.Handle("/", nothing)
	}
	return exactRoutes{exact, plainPaths(mux, nothing)}
}

// plainPaths leaves other spellings of a path to nothing: the mux would answer
// them itself, past the ring.
func plainPaths(mux, nothing http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p := r.URL.Path; p != "/" && (strings.HasSuffix(p, "//") || path.Clean(p) != strings.TrimSuffix(p, "/")) {
			nothing.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	})
}
