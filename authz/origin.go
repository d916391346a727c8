package authz

import "context"

type originKey struct{}

// OriginContext is a context that knows where its request came from. Whoever
// keeps something of its own for every request may embed one.
type OriginContext struct {
	context.Context
	Origin Origin
}

// Value returns the origin to OriginFrom.
func (c *OriginContext) Value(key any) any {
	if _, ok := key.(originKey); ok {
		return &c.Origin
	}
	return c.Context.Value(key)
}

// WithOrigin returns a context that knows where its request came from.
func WithOrigin(ctx context.Context, o Origin) context.Context {
	return &OriginContext{ctx, o}
}

// OriginFrom returns the origin of the context's request; zero for background work.
func OriginFrom(ctx context.Context) Origin {
	if o, ok := ctx.Value(originKey{}).(*Origin); ok {
		return *o
	}
	return Origin{}
}

// From fills the entry's request id, address and user agent.
func (e AuditEntry) From(o Origin) AuditEntry {
	e.RequestID, e.IP, e.UserAgent = o.RequestID, o.IP, o.UserAgent
	return e
}
