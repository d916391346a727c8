package web

// Limiter decides whether a request may go on (authz/ratelimit).
type Limiter interface {
	// Allow counts one request of the key and returns an authz.Error of kind
	// RateLimited when it is one too many.
	Allow(key string) error
}

// Limit bounds an endpoint twice; nil limiters bound nothing.
type Limit struct {
	PerAddress Limiter // by client address, before anything is looked at
	PerClient  Limiter // by client id, once it has proven itself
}

// Limits are the limits of the endpoints.
type Limits struct {
	Token, Introspect, Authorize, Login, Registration, Leaks Limit
}

// allow counts a request of the key, if there is a limiter.
func allow(l Limiter, key string) error {
	if l == nil || key == "" {
		return nil
	}
	return l.Allow(key)
}
