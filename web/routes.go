package web

import (
	"net/http"

	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// A route is a pattern of net/http.ServeMux, its handler, and how its errors
// are told.
type route struct {
	pattern string
	handle  func(http.ResponseWriter, *http.Request) error
	fail    func(http.ResponseWriter, *http.Request, error)
	kind    routeKind
}

type routeKind uint8

const (
	documentRoute routeKind = iota // public, cacheable, readable from any origin
	protocolRoute                  // authenticated by header or form, no cookies
	pageRoute                      // a person's browser, cookies
	apiRoute                       // authenticated by header, never from a browser
)

// issuerRoutes is what the issuer's host serves.
func issuerRoutes(s *site) []route {
	return []route{
		{"GET /.well-known/openid-configuration", s.getMetadata, oauthError, documentRoute},
		{"GET /.well-known/oauth-authorization-server", s.getMetadata, oauthError, documentRoute},
		{"GET /.well-known/jwks.json", s.getJWKS, oauthError, documentRoute},

		{"POST /oauth2/token", s.postToken, oauthError, protocolRoute},
		{"POST /oauth2/revoke", s.postRevoke, oauthError, protocolRoute},
		{"GET /oauth2/userinfo", s.userinfo, bearerError, protocolRoute},
		{"POST /oauth2/userinfo", s.userinfo, bearerError, protocolRoute},

		{"GET /oauth2/authorize", s.Login.Authorize, s.pageError, pageRoute},
		{"POST /oauth2/authorize", s.Login.Authorize, s.pageError, pageRoute},
		{"GET /signin", s.Login.ChooseConnection, s.pageError, pageRoute},
		{"POST /signin", s.Login.SubmitEmail, s.pageError, pageRoute},
		{"GET /signin/done", s.Login.Done, s.pageError, pageRoute},
		{"GET /oidc/{upstream}/callback", s.Login.Callback, s.pageError, pageRoute},
		{"GET /consent", s.Login.ShowConsent, s.pageError, pageRoute},
		{"POST /consent", s.Login.SubmitConsent, s.pageError, pageRoute},

		{"GET /static/", serve(ui.Static()), s.pageError, documentRoute},
		{"GET /{$}", s.getWelcome, s.pageError, pageRoute},
		{"/", s.notFound, s.pageError, pageRoute},
	}
}

// apiRoutes is what the API's host serves: the same host, or one of its own.
func apiRoutes(s *site) []route {
	return []route{
		{"POST /oauth2/introspect", s.postIntrospect, oauthError, apiRoute},
		{"/v1/", serve(s.API), problemError, apiRoute},
	}
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
	hasFallback := false
	for _, table := range tables {
		for _, rt := range table(st) {
			mux.Handle(rt.pattern, s.ring(st, rt))
			rememberMethod(allowed, rt.pattern)
			hasFallback = hasFallback || rt.pattern == "/"
		}
	}
	for path, methods := range allowed {
		mux.Handle(path, s.ring(st, s.otherMethods(path, methods)))
	}
	if !hasFallback {
		mux.Handle("/", s.ring(st, route{"/", st.notFound, problemError, apiRoute}))
	}
	return mux
}
