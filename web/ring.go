package web

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
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
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		notes := &notes{}
		origin := authz.Origin{RequestID: newRequestID(), IP: s.clientAddress(r), UserAgent: clip(r.UserAgent(), 256)}
		ctx := withNotes(authz.WithOrigin(r.Context(), origin), notes)
		if rt.kind != hotRoute {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, requestTime)
			defer cancel()
		}
		r = r.WithContext(ctx)
		out := &recorder{ResponseWriter: w}
		securityHeaders(out.Header(), rt.kind, origin.RequestID, r.TLS != nil)
		r.Body = http.MaxBytesReader(out, r.Body, s.cfg.MaxBody)

		err := s.handle(out, r, rt, protection, origin)
		if err != nil {
			rt.fail(out, r, err)
		}
		took := time.Since(began)
		meter.observe(out.status(), took)
		s.log(r, st, rt, out, notes, origin, took)
	})
}

// handle runs the handler, after the limits, and turns a panic into an error:
// one request fails, the process lives.
func (s *server) handle(w http.ResponseWriter, r *http.Request, rt route, protection *http.CrossOriginProtection, origin authz.Origin) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = authz.NewError(authz.Internal, "server_error", "Something went wrong on our side.").
				Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := allow(rt.limit.PerAddress, origin.IP); err != nil {
		return err
	}
	if rt.kind == pageRoute && rt.pattern != "POST /oauth2/authorize" && rt.pattern != "POST /oauth2/logout" {
		if err := protection.Check(r); err != nil {
			return authz.NewError(authz.Forbidden, "cross_origin", "This form was sent from another site.").Because(err)
		}
	}
	if rt.kind == pageRoute && r.Method == http.MethodHead && strings.HasPrefix(rt.pattern, "GET ") {
		return nil // pages act when they are got: the preview of a link must not spend it
	}
	return rt.handle(w, r)
}

func newRequestID() string {
	var raw [10]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return base32.StdEncoding.EncodeToString(raw[:])
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

// securityHeaders are set before the handler runs, which may tighten them.
func securityHeaders(h http.Header, kind routeKind, requestID string, https bool) {
	h["X-Content-Type-Options"] = nosniff
	h["X-Request-Id"] = []string{requestID}
	if https {
		h["Strict-Transport-Security"] = hsts
	}
	switch kind {
	case pageRoute:
		h.Set("Referrer-Policy", "same-origin") // no-referrer would make a form's Origin null
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=()")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	case documentRoute, protocolRoute:
		h["Access-Control-Allow-Origin"] = anyOrigin
	case apiRoute, hotRoute:
	}
}

var (
	nosniff   = []string{"nosniff"}
	hsts      = []string{"max-age=63072000; includeSubDomains"}
	anyOrigin = []string{"*"}
	noStore   = []string{"no-store"}
)

// recorder remembers the status and size of an answer.
type recorder struct {
	http.ResponseWriter
	code int
	size int
}

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
	r.ResponseWriter.WriteHeader(code)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.code == 0 {
		r.code = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.size += n
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) status() int {
	if r.code == 0 {
		return http.StatusOK
	}
	return r.code
}

// log writes the one line of a request. It names routes, not paths, as a path
// may hold what should not be kept.
func (s *server) log(r *http.Request, st *site, rt route, out *recorder, n *notes, origin authz.Origin, took time.Duration) {
	level := slog.LevelInfo
	if out.status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !s.cfg.Logger.Enabled(r.Context(), level) {
		return
	}
	attrs := make([]slog.Attr, 0, 12)
	attrs = append(attrs,
		slog.String("request_id", origin.RequestID), slog.String("issuer", st.name), slog.String("method", r.Method),
		slog.String("route", rt.pattern), slog.Int("status", out.status()), slog.Int("bytes", out.size),
		slog.Int64("took_us", took.Microseconds()), slog.String("client_ip", origin.IP))
	attrs = n.attrs(attrs)
	s.cfg.Logger.LogAttrs(r.Context(), level, "request", attrs...)
}
