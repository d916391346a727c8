package api

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/url"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Paging is how a list is asked for.
type Paging struct {
	Limit  int    `query:"limit" minimum:"1" maximum:"500" default:"100"`
	Cursor string `query:"cursor" maxLength:"400" doc:"next_cursor of the page before, from the same list with the same filter."`

	list binding
}

// binding is a list as one caller asks for it: its cursors are good nowhere
// else.
type binding struct {
	keys [][]byte
	text string
}

type cursorKeys struct{}

// Resolve remembers which list is asked for.
func (p *Paging) Resolve(ctx huma.Context) []error {
	u := ctx.URL()
	filter, _ := url.ParseQuery(u.RawQuery) // it was read before
	filter.Del("cursor")
	filter.Del("limit")
	p.list.keys, _ = ctx.Context().Value(cursorKeys{}).([][]byte)
	by := principal(ctx.Context())
	p.list.text = strings.Join([]string{string(by.Issuer), string(by.WorkspaceID), ctx.Method(), u.Path, filter.Encode()}, "\n")
	return nil
}

var errCursor = authz.NewError(authz.Invalid, "invalid_cursor", "cursor: is not one this list gave out.")

const macSize = 16

func (p Paging) page() (authz.Page, error) {
	page := authz.Page{Limit: p.Limit}
	if p.Cursor == "" {
		return page, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(p.Cursor)
	if err != nil || len(raw) < macSize {
		return page, errCursor
	}
	mac, position := raw[:macSize], string(raw[macSize:])
	genuine := false
	for _, key := range p.list.keys {
		genuine = genuine || hmac.Equal(mac, p.list.mac(key, position))
	}
	at, id, ok := strings.Cut(position, "|")
	if !genuine || !ok {
		return page, errCursor
	}
	if page.After.CreatedAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return page, errCursor
	}
	page.After.ID = id
	return page, nil
}

func (b binding) mac(key []byte, position string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(b.text))
	h.Write([]byte{0})
	h.Write([]byte(position))
	return h.Sum(nil)[:macSize]
}

// cursor is the text that asks for what comes after the position.
func (p Paging) cursor(at authz.Position) string {
	if len(p.list.keys) == 0 {
		return ""
	}
	position := at.CreatedAt.UTC().Format(time.RFC3339Nano) + "|" + at.ID
	return base64.RawURLEncoding.EncodeToString(append(p.list.mac(p.list.keys[0], position), position...))
}

// withCursorKeys lets the lists of a request make and read cursors.
func (a *api) withCursorKeys(ctx context.Context) context.Context {
	return context.WithValue(ctx, cursorKeys{}, a.cfg.CursorKeys)
}
