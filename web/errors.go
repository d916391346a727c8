package web

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"strconv"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// StatusClientClosed is what the log says of a client that hung up; nobody
// receives it.
const statusClientClosed = 499

// Status is the one table from kinds of error to HTTP status codes.
func Status(kind authz.Kind) int {
	switch kind {
	case authz.Invalid, authz.Expired:
		return http.StatusBadRequest
	case authz.Unauthenticated:
		return http.StatusUnauthorized
	case authz.Forbidden:
		return http.StatusForbidden
	case authz.NotFound:
		return http.StatusNotFound
	case authz.Conflict:
		return http.StatusConflict
	case authz.Stale:
		return http.StatusPreconditionFailed
	case authz.RateLimited:
		return http.StatusTooManyRequests
	case authz.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// classify makes every error one that can be told: what is not ours is
// internal, a cancelled request is nobody's fault.
func classify(err error) (*authz.Error, int) {
	if errors.Is(err, context.Canceled) {
		return authz.NewError(authz.Unavailable, "temporarily_unavailable", "The request was cancelled."), statusClientClosed
	}
	e, ok := errors.AsType[*authz.Error](err)
	away := ok && e.Kind == authz.Unavailable // it says whose time ran out, such as an upstream's
	if errors.Is(err, context.DeadlineExceeded) && !away {
		return authz.NewError(authz.Unavailable, "temporarily_unavailable", "The request took too long; try again."), http.StatusServiceUnavailable
	}
	if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return authz.NewError(authz.Invalid, "invalid_request", "The body is too large.").Because(tooLarge), http.StatusRequestEntityTooLarge
	}
	if !ok {
		e = authz.NewError(authz.Internal, "server_error", "Something went wrong on our side.").Because(err)
	}
	return e, Status(e.Kind)
}

// RetryAfter sets the headers that say when to come back, if that is all that
// is wrong (RFC 9110 section 10.2.3, draft-ietf-httpapi-ratelimit-headers).
func RetryAfter(h http.Header, e *authz.Error) {
	if e.Kind != authz.RateLimited && e.Kind != authz.Unavailable {
		return
	}
	wait := max(time.Second, e.RetryAfter)
	after := strconv.FormatInt(seconds(wait), 10)
	h.Set("Retry-After", after)
	switch {
	case e.Quota != nil:
		tellQuota(h, *e.Quota)
	case e.Kind == authz.RateLimited:
		h.Set("RateLimit", `"default";r=0;t=`+after)
	}
}

// oauthError renders an error of the token, introspection and revocation
// endpoints (RFC 6749 section 5.2).
func oauthError(w http.ResponseWriter, r *http.Request, err error) {
	e, status := classify(err)
	h := w.Header()
	if status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="gatehouse", charset="UTF-8"`)
	}
	RetryAfter(h, e)
	h.Set("Cache-Control", "no-store")
	body := map[string]string{"error": e.Code, "error_description": e.Description}
	if e.Rule != nil { // the client is told how to ask for another sign-in (RFC 9470 section 4)
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse", `+e.Challenge())
		maps.Copy(body, e.Rule.Parameters())
	}
	writeJSON(w, status, body)
	noteError(r, e)
}

// bearerError renders an error of an endpoint that takes a bearer token (RFC
// 6750 section 3): a request without one is told nothing.
func bearerError(w http.ResponseWriter, r *http.Request, err error) {
	e, status := classify(err)
	h := w.Header()
	challenge(h, e, status)
	RetryAfter(h, e)
	h.Set("Cache-Control", "no-store")
	if e.Code == codeNoBearer {
		w.WriteHeader(status)
	} else {
		writeJSON(w, status, map[string]string{"error": e.Code, "error_description": e.Description})
	}
	noteError(r, e)
}

// challenge tells how to authenticate with a token, and what was wrong with the
// one that was presented, under the scheme it was presented with.
func challenge(h http.Header, e *authz.Error, status int) {
	const algorithms = `, algs="PS256 ES256 EdDSA"` // RFC 9449 section 7.1
	switch {
	case e.Code == codeNoBearer:
		h["Www-Authenticate"] = []string{`Bearer realm="gatehouse"`, `DPoP realm="gatehouse"` + algorithms}
	case e.Code == "invalid_dpop_proof" || e.Code == "use_dpop_nonce":
		h.Set("WWW-Authenticate", `DPoP realm="gatehouse", error="`+e.Code+`"`+algorithms)
	case e.Rule != nil:
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse", `+e.Challenge())
	case status <= http.StatusForbidden: // 400, 401, 403 (RFC 6750 section 3.1)
		h["Www-Authenticate"] = []string{
			`Bearer realm="gatehouse", error="` + e.Code + `"`, `DPoP realm="gatehouse", error="` + e.Code + `"` + algorithms,
		}
	}
}

// pageError renders an error a person reads, or sends it to the client when
// the client's redirect URI was proven.
func (s *site) pageError(w http.ResponseWriter, r *http.Request, err error) {
	if redirect, ok := errors.AsType[*oauth.RedirectError](err); ok {
		noteError(r, redirect.Err)
		if err := login.Answer(w, r, s.pages, redirect.Redirect); err != nil {
			noteError(r, authz.NewError(authz.Internal, "server_error", "").Because(err))
		}
		return
	}
	e, status := classify(err)
	if e.Code == "invalid_client" {
		status = http.StatusBadRequest // RFC 6749 section 4.1.2.1: told to the person, not a challenge
	}
	RetryAfter(w.Header(), e)
	if err := s.pages.Write(w, status, ui.ErrorPage, errorView(e, r)); err != nil {
		noteError(r, authz.NewError(authz.Internal, "server_error", "").Because(err))
		return
	}
	noteError(r, e)
}

func errorView(e *authz.Error, r *http.Request) map[string]any {
	title := "This did not work"
	switch e.Kind {
	case authz.Unavailable:
		title = "Not available right now"
	case authz.Forbidden:
		title = "Not allowed"
	case authz.NotFound:
		title = "Nothing here"
	case authz.Expired, authz.Conflict, authz.Stale:
		title = "Start again"
	}
	return map[string]any{
		"Title": title, "Description": e.Description, "Code": e.Code, "RequestID": authz.OriginFrom(r.Context()).RequestID,
	}
}

// Problem is a problem document (RFC 9457). It never quotes the request.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Code   string `json:"code"`
	Detail string `json:"detail,omitempty"`
}

// problemError renders an error of /v1.
func problemError(w http.ResponseWriter, r *http.Request, err error) {
	e, status := classify(err)
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
	}
	RetryAfter(w.Header(), e)
	body, _ := json.Marshal(Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Description})
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(body)
	noteError(r, e)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	writeRendered(w, status, body)
}

func writeRendered(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = jsonContentType
	if len(body) > chunkedAbove {
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// chunkedAbove is the length, in bytes, up to which net/http finds out by itself
// how long an answer is; it sends longer ones in chunks unless told.
const chunkedAbove = 2048

var jsonContentType = []string{"application/json;charset=UTF-8"}
