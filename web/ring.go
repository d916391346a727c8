package web

import (
	"context"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// requestTime bounds the work on one request.
const requestTime = 20 * time.Second

// ring wraps a route's handler in what every request passes.
func (s *server) ring(st *site, rt route) http.Handler {
	meter := s.cfg.Metrics.route(st.name, rt.pattern)
	lines := s.linesOf(st, rt)
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		p := &passage{recorder: recorder{ResponseWriter: w}, id: [1]string{s.ids.next()}}
		p.Context, p.Origin = r.Context(), authz.Origin{RequestID: p.id[0], IP: s.clientAddress(r), UserAgent: clip(first(r.Header, "User-Agent"), 256)}
		if rt.kind.waits() {
			ctx, cancel := context.WithTimeout(p.Context, requestTime)
			defer cancel()
			p.Context = ctx
			r = r.WithContext(p)
		}
		securityHeaders(p.Header(), rt.kind, p.id[:], r.TLS != nil)
		if r.ContentLength < 0 || r.ContentLength > s.cfg.MaxBody { // net/http holds a body to the length it tells
			r.Body = http.MaxBytesReader(p, r.Body, s.cfg.MaxBody)
		}
		err := s.handle(p, r, st, rt, protection)
		if err != nil {
			rt.fail(p, r.WithContext(p), err)
		}
		took := time.Since(began)
		meter.observe(p.status(), took)
		s.cfg.Metrics.operation(st.name, p.notes.operation, p.status())
		lines.log(r, p, began, took)
	})
}

// handle runs the handler, after the limits, and turns a panic into an error:
// one request fails, the process lives.
func (s *server) handle(p *passage, r *http.Request, st *site, rt route, protection *http.CrossOriginProtection) (err error) {
	defer func() {
		if panicked := recover(); panicked != nil {
			err = authz.NewError(authz.Internal, "server_error", "Something went wrong on our side.").
				Because(fmt.Errorf("panic: %v\n%s", panicked, debug.Stack()))
		}
	}()
	if err := allow(rt.limit.PerAddress, p.Origin.IP); err != nil {
		return err
	}
	if err := st.leaks(p, r, rt); err != nil {
		return err
	}
	if rt.kind == pageRoute {
		if err := protection.Check(r); err != nil {
			return authz.NewError(authz.Forbidden, "cross_origin", "This form was sent from another site.").Because(err)
		}
	}
	if rt.kind == pageRoute && r.Method == http.MethodHead && strings.HasPrefix(rt.pattern, "GET ") {
		return nil // pages act when they are got: the preview of a link must not spend it
	}
	return rt.handle(p, r)
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// securityHeaders are set before the handler runs, which may tighten them.
func securityHeaders(h http.Header, kind routeKind, requestID []string, https bool) {
	h["X-Content-Type-Options"] = nosniff
	h["X-Request-Id"] = requestID
	if https {
		h["Strict-Transport-Security"] = hsts
	}
	switch kind {
	case pageRoute, postedRoute:
		h.Set("Referrer-Policy", "same-origin") // no-referrer would make a form's Origin null
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	case documentRoute:
		h["Access-Control-Allow-Origin"] = anyOrigin
	case protocolRoute:
		h["Access-Control-Allow-Origin"] = anyOrigin
		h["Access-Control-Expose-Headers"] = readable
	case apiRoute, hotRoute:
	}
}

var (
	nosniff   = []string{"nosniff"}
	hsts      = []string{"max-age=63072000; includeSubDomains"}
	anyOrigin = []string{"*"}
	// What a script must read of an answer: the nonce of its next proof (RFC 9449
	// section 8.2), what was wrong, when to come back.
	readable = []string{"DPoP-Nonce, WWW-Authenticate, Retry-After, RateLimit"}
	noStore  = []string{"no-store"}
)
