package authz

import "context"

type unsettledKey struct{}

// WithUnsettled returns the context of a transaction: what is read with it may
// be undone, by it or, where many are committed together, by another's part.
func WithUnsettled(ctx context.Context) context.Context {
	return context.WithValue(ctx, unsettledKey{}, true)
}

// Unsettled reports whether what is read with the context may be undone, and so
// must not be remembered past it.
func Unsettled(ctx context.Context) bool { return ctx.Value(unsettledKey{}) != nil }
