package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// rememberMethod notes the method of a pattern by its path.
func rememberMethod(allowed map[string][]string, pattern string) {
	method, path, ok := strings.Cut(pattern, " ")
	if ok && !strings.HasPrefix(path, "/static/") {
		allowed[path] = append(allowed[path], method)
	}
}

// crossOrigin are the paths that scripts on other origins may use: they look
// at no cookie.
var crossOrigin = []string{
	"/oauth2/token", "/oauth2/revoke", "/oauth2/par", "/oauth2/userinfo", "/oauth2/register", "/oauth2/register/{client_id}",
	"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server", "/.well-known/jwks.json",
	"/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/v1",
}

// otherMethods answers the methods a path does not have: OPTIONS with what it
// has, and with the preflight answer where other origins are welcome; any
// other with 405.
func (s *server) otherMethods(path string, methods []string) route {
	slices.Sort(methods)
	list := strings.Join(append(slices.Compact(methods), http.MethodOptions), ", ")
	handle := func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", list)
		if r.Method != http.MethodOptions {
			w.Header()["Cache-Control"] = noStore
			w.WriteHeader(http.StatusMethodNotAllowed)
			noteError(r, authz.NewError(authz.Invalid, "method_not_allowed", ""))
			return nil
		}
		if slices.Contains(crossOrigin, path) && r.Header.Get("Access-Control-Request-Method") != "" {
			h := w.Header()
			h.Set("Access-Control-Allow-Methods", list)
			// MCP clients tell their revision wherever they ask, documents included.
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, DPoP, MCP-Protocol-Version")
			h.Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	kind := apiRoute
	if slices.Contains(crossOrigin, path) {
		kind = protocolRoute
	}
	return route{path, handle, oauthError, kind, Limit{}}
}
