package authz

import (
	"context"
	"time"
)

// Once is an act that is carried out once, however often it is asked for
// (draft-ietf-httpapi-idempotency-key-header). Its row says "done" from the
// very transaction that carries the act out.
type Once struct {
	// Digest is of who asks, for what operation, under which key.
	Digest      [32]byte
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// Request is the digest of all that was asked.
	Request [32]byte
	// Attempt names the try that may carry it out.
	Attempt string
	Done    bool
	// Status and Answer are what was answered; 0 and nil until it is known.
	// Answer is nil for good when it held a secret.
	Status int
	Answer []byte
	// Target is the id of what came of it.
	Target    string
	CreatedAt time.Time
	ExpiresAt time.Time
}

type onceKey struct{}

// WithOnce returns a context whose transactions carry out the act.
func WithOnce(ctx context.Context, o Once) context.Context {
	return context.WithValue(ctx, onceKey{}, o)
}

// OnceFrom returns the act the context's transactions carry out.
func OnceFrom(ctx context.Context) (Once, bool) {
	o, ok := ctx.Value(onceKey{}).(Once)
	return o, ok
}
