package authz

import "context"

type originKey struct{}

// WithOrigin returns a context that knows where its request came from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return context.WithValue(ctx, originKey{}, o)
}

// OriginFrom returns the origin of the context's request; zero for background work.
func OriginFrom(ctx context.Context) Origin {
	o, _ := ctx.Value(originKey{}).(Origin)
	return o
}

// From fills the entry's request id, address and user agent.
func (e AuditEntry) From(o Origin) AuditEntry {
	e.RequestID, e.IP, e.UserAgent = o.RequestID, o.IP, o.UserAgent
	return e
}
