package web

import (
	"context"
	"net/http"
)

type trustedKey struct{}

// Trusted serves the handler on a listener that only the operator's own
// gateways reach: at forward-auth they need no credential of their own.
func Trusted(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), trustedKey{}, true)))
	})
}

func trusted(ctx context.Context) bool {
	t, _ := ctx.Value(trustedKey{}).(bool)
	return t
}
