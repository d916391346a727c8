package oauth

import (
	"context"
	"errors"

	"github.com/go-jose/go-jose/v3"
)

// fosite must neither hash nor fetch: both are done elsewhere, under bounds.

var errNotHere = errors.New("oauth: fosite has no business with this")

type refusingHasher struct{}

func (refusingHasher) Compare(context.Context, []byte, []byte) error { return errNotHere }
func (refusingHasher) Hash(context.Context, []byte) ([]byte, error)  { return nil, errNotHere }

type refusingFetcher struct{}

func (refusingFetcher) Resolve(context.Context, string, bool) (*jose.JSONWebKeySet, error) {
	return nil, errNotHere
}
