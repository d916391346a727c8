package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
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

// Paging is how a list is asked for.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before."`
}

var errCursor = authz.NewError(authz.Invalid, "invalid_cursor", "cursor: is not one this list gave out.")

func (p Paging) page() (authz.Page, error) {
	page := authz.Page{Limit: p.Limit}
	if p.Cursor == "" {
		return page, nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Cursor)
	if err != nil {
		return page, errCursor
	}
	at, id, ok := strings.Cut(string(raw), "|")
	if !ok || id == "" {
		return page, errCursor
	}
	if page.After.CreatedAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return page, errCursor
	}
	page.After.ID = id
	return page, nil
}

// listed renders rows; a full page has a next one.
func listed[R, T any](rows []R, page authz.Page, at func(R) authz.Position, view func(R) T) *answer[list[T]] {
	out := list[T]{Items: make([]T, 0, len(rows))}
	for _, r := range rows {
		out.Items = append(out.Items, view(r))
	}
	if len(rows) > 0 && len(rows) == page.Rows() {
		last := at(rows[len(rows)-1])
		out.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(last.CreatedAt.UTC().Format(time.RFC3339Nano) + "|" + last.ID))
	}
	return answered(out)
}

// register adds an operation whose errors are problems.
func register[I, O any](a *api, h huma.API, method, path, id, summary string, status int, handle func(context.Context, *I) (*O, error)) {
	failures := []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict}
	if method == http.MethodPatch {
		failures = append(failures, http.StatusPreconditionFailed)
	}
	huma.Register(h, huma.Operation{
		OperationID: id, Method: method, Path: path, Summary: summary, DefaultStatus: status, MaxBodyBytes: 64 << 10, Errors: failures,
	}, func(ctx context.Context, in *I) (*O, error) {
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
