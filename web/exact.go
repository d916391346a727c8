package web

import (
	"net/http"
	"strings"
)

// exactly is a request's method and its path without any escape.
type exactly struct{ method, path string }

// exactRoutes finds the routes that are one method and one path by one look,
// ahead of the mux, which weighs every pattern. All else is the mux's: other
// methods, other spellings, wildcards, whole directories.
type exactRoutes struct {
	routes map[exactly]http.Handler
	rest   http.Handler
}

// rememberExact keeps the handler if its pattern fits one path only.
func rememberExact(routes map[exactly]http.Handler, pattern string, h http.Handler) {
	method, path, ok := strings.Cut(pattern, " ")
	if ok && !strings.Contains(path, "{") && !strings.HasSuffix(path, "/") {
		routes[exactly{method, path}] = h
	}
}

func (e exactRoutes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if h, ok := e.routes[exactly{r.Method, r.URL.Path}]; ok && r.URL.RawPath == "" {
		h.ServeHTTP(w, r)
		return
	}
	e.rest.ServeHTTP(w, r)
}
