package api

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
)

// Problem is a problem document (RFC 9457). Errors names the members at fault,
// never their values.
type Problem struct {
	Type   string      `json:"type" doc:"about:blank"`
	Title  string      `json:"title"`
	Status int         `json:"status"`
	Code   string      `json:"code" doc:"A stable code for programs."`
	Detail string      `json:"detail,omitempty"`
	Errors []Detail    `json:"errors,omitempty" doc:"What is wrong with which member."`
	Target string      `json:"target,omitempty" doc:"The id of what came of the request before."`
	wait   http.Header // when to come back
	// challenge is what WWW-Authenticate says beyond the realm.
	challenge string
}

// Detail is one fault of a request.
type Detail struct {
	Location string `json:"location" doc:"Such as body.name."`
	Message  string `json:"message"`
}

// Error returns the code and detail.
func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus is the HTTP status code.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is that of problem documents.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{"Cache-Control": {"no-store"}}
	maps.Copy(h, p.wait)
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="gatehouse"`)
		if p.challenge != "" {
			h.Set("WWW-Authenticate", `Bearer realm="gatehouse", `+p.challenge)
		}
	}
	return h
}

// problem makes of any error one that can be told.
func (a *api) problem(ctx context.Context, err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	e, ok := errors.AsType[*authz.Error](err)
	if !ok {
		e = authz.NewError(authz.Internal, "server_error", "Something went wrong on our side.").Because(err)
		if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			e = authz.NewError(authz.Unavailable, "temporarily_unavailable", "The request took too long; try again.")
		}
	}
	a.cfg.Note(ctx, "", authz.Principal{}, e)
	status := a.cfg.Status(e.Kind)
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: e.Code, Detail: e.Description, wait: make(http.Header), challenge: e.Challenge()}
	a.cfg.RetryAfter(p.wait, e)
	if rules, ok := errors.AsType[*access.RulesError](err); ok {
		p.Errors = ruleProblems(rules)
	}
	return p
}

// ruleProblems are all that is wrong with a rule set, by place.
func ruleProblems(e *access.RulesError) []Detail {
	details := make([]Detail, 0, len(e.Problems))
	for _, one := range e.Problems {
		place, what, _ := strings.Cut(one.Description, ": ")
		details = append(details, Detail{Location: "body." + place, Message: what})
	}
	return details
}

// humaError is how huma reports what it refuses itself: it would echo the
// value that was sent, which may be a secret.
func humaError(status int, msg string, errs ...error) huma.StatusError {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest // one status for every malformed request
	}
	for _, err := range errs {
		if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
			status, msg = http.StatusRequestEntityTooLarge, "The body is too large."
		}
	}
	p := &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: "invalid_request", Detail: msg}
	if status >= http.StatusInternalServerError {
		p.Code, p.Detail = "server_error", "Something went wrong on our side."
		return p
	}
	for _, err := range errs {
		if d, ok := errors.AsType[*huma.ErrorDetail](err); ok {
			p.Errors = append(p.Errors, Detail{Location: place(d), Message: d.Message})
		}
	}
	return p
}

// humaErrorOf is humaError about a request: that an API key was sent in its body
// is recorded, as one in its query is.
func humaErrorOf(ctx huma.Context, status int, msg string, errs ...error) huma.StatusError {
	ctx.SetHeader("Cache-Control", "no-store") // of what huma refuses itself it asks no headers
	held := slices.ContainsFunc(errs, func(err error) bool {
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		return ok && d.Message == errKey.Error()
	})
	refused, ok := ctx.Context().Value(refusedKey{}).(func(reason string) *Problem)
	if held && ok {
		return refused(codeInBody)
	}
	return humaError(status, msg, errs...)
}

// place is where a fault is. The name of a member that does not exist was sent
// like any value: it is told if it looks like a name of ours, misspelled, and
// like nothing that anybody keeps to themselves.
func place(d *huma.ErrorDetail) string {
	if d.Message != validation.MsgUnexpectedProperty && d.Message != "unknown query parameter" {
		return d.Location
	}
	where, name, _ := strings.Cut(d.Location, ".")
	if !plainName.MatchString(name) {
		return where
	}
	return d.Location
}

// plainName is up to three names in a row, of letters and lines alone: secrets
// have digits or length.
var plainName = regexp.MustCompile(`^[a-z]{1,16}(_[a-z]{1,16}){0,2}(\.[a-z]{1,16}(_[a-z]{1,16}){0,2}){0,2}$`)

func writeProblem(_ huma.API, ctx huma.Context, p *Problem) {
	for name, values := range p.GetHeaders() {
		for _, v := range values {
			ctx.SetHeader(name, v)
		}
	}
	ctx.SetHeader("Content-Type", "application/problem+json")
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p)
}

// fallback answers what the mux has no route for as a problem too.
func (a *api) fallback(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusProbe{header: http.Header{}}
		h.ServeHTTP(probe, r)
		p := &Problem{Type: "about:blank", Title: "Not Found", Status: http.StatusNotFound, Code: "not_found", Detail: "There is nothing at this address."}
		if probe.code == http.StatusMethodNotAllowed {
			p = &Problem{Type: "about:blank", Title: "Method Not Allowed", Status: probe.code, Code: "method_not_allowed"}
			w.Header().Set("Allow", probe.header.Get("Allow"))
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(p.Status)
		_ = json.NewEncoder(w).Encode(p)
	})
}

// statusProbe learns what the mux would have answered.
type statusProbe struct {
	header http.Header
	code   int
}

func (p *statusProbe) Header() http.Header         { return p.header }
func (p *statusProbe) WriteHeader(code int)        { p.code = code }
func (p *statusProbe) Write(b []byte) (int, error) { return len(b), nil }
