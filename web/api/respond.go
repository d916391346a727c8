package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// answer is a body that no cache may keep.
type answer[T any] struct {
	CacheControl string `header:"Cache-Control"`
	ETag         string `header:"ETag"`
	Body         T
}

func answered[T any](body T) *answer[T] {
	return &answer[T]{CacheControl: "no-store", Body: body}
}

// list is a page of a list (cursor pagination).
type list[T any] struct {
	Items      []T    `json:"items"`
	NextCursor string `json:"next_cursor,omitempty" doc:"Ask for the next page with this; absent on the last."`
}

// views are the rows as the API tells of them; none are an empty list.
func views[R, T any](rows []R, view func(R) T) []T {
	out := make([]T, 0, len(rows))
	for _, r := range rows {
		out = append(out, view(r))
	}
	return out
}

// listed renders rows; a full page has a next one.
func listed[R, T any](asked Paging, rows []R, at func(R) authz.Position, view func(R) T) *answer[list[T]] {
	out := list[T]{Items: views(rows, view)}
	if len(rows) > 0 && len(rows) == (authz.Page{Limit: asked.Limit}).Rows() {
		out.NextCursor = asked.cursor(at(rows[len(rows)-1]))
	}
	return answered(out)
}

// register adds an operation whose errors are problems. A POST takes an
// Idempotency-Key, and does not give its answer again.
func register[I, O any](a *api, h huma.API, method, path, id, summary string, status int, handle func(context.Context, *I) (*O, error)) {
	add(a, h, operation(a, h, method, path, id, summary, status), handle)
}

// repeatable adds an operation whose answer holds no secret, and is given again
// to whoever asks with the same Idempotency-Key.
func repeatable[I, O any](a *api, h huma.API, method, path, id, summary string, status int, handle func(context.Context, *I) (*O, error)) {
	o := operation(a, h, method, path, id, summary, status)
	o.Metadata = map[string]any{keepsAnswer: true}
	add(a, h, o, handle)
}

func operation(a *api, h huma.API, method, path, id, summary string, status int) huma.Operation {
	o := huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, MaxBodyBytes: 64 << 10,
		Errors: []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}
	switch method {
	case http.MethodPost:
		longest := 128
		o.Errors = append(o.Errors, http.StatusUnprocessableEntity)
		o.Middlewares = huma.Middlewares{a.once(h)}
		o.Parameters = []*huma.Param{{
			Name: onceHeader, In: "header", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest},
			Description: "Asked again with the same key within a day, the request is not carried out again.",
		}}
	case http.MethodPatch, http.MethodPut:
		o.Errors = append(o.Errors, http.StatusPreconditionFailed)
	}
	return o
}

func add[I, O any](a *api, h huma.API, o huma.Operation, handle func(context.Context, *I) (*O, error)) {
	huma.Register(h, o, func(ctx context.Context, in *I) (*O, error) {
		out, err := handle(ctx, in)
		if err != nil {
			return nil, a.problem(ctx, err)
		}
		return out, nil
	})
}

// stamp renders a time as RFC 3339 in UTC with milliseconds; empty for zero.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}
