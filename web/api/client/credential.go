package client

import (
	"context"
	"errors"
	"net/http"
)

// Credential authenticates requests.
type Credential interface {
	// Authorize puts what authenticates on the request.
	Authorize(ctx context.Context, r *http.Request) error
}

// APIKey is an API key, or an access token of somebody else's keeping, sent as
// Bearer (RFC 6750).
func APIKey(text string) Credential { return &bearer{Secret(text)} }

// bearer is given by pointer: printed within something else it is an address.
type bearer struct{ text Secret }

func (b *bearer) Authorize(_ context.Context, r *http.Request) error {
	if b.text == "" {
		return errors.New("client: the API key is empty")
	}
	r.Header.Set("Authorization", "Bearer "+string(b.text))
	return nil
}

// String says what it is.
func (b *bearer) String() string { return "API key" }

// GoString is for %#v.
func (b *bearer) GoString() string { return b.String() }

// renew reports whether the credential may be better the next time.
func renew(c Credential, refused *Error) bool {
	r, ok := c.(interface{ renew(refused *Error) bool })
	return ok && r.renew(refused)
}
