package client

import (
	"net/url"
	"strconv"
)

// Option changes one call.
type Option func(*call)

// InWorkspace names the workspace the call is about; without it, it is the
// caller's own. Bodies that have a WorkspaceID name it there.
func InWorkspace(id string) Option { return Query("workspace_id", id) }

// Query sets a parameter that few calls have, such as successors at RevokeKey.
func Query(name, value string) Option {
	return func(c *call) { set(c, name, value) }
}

// IfMatch makes a change conditional: it is refused with 412 when what was read
// under that ETag has changed since (RFC 9110 section 13.1.1).
func IfMatch(etag string) Option {
	return func(c *call) { c.ifMatch = etag }
}

// IfRevision is IfMatch by the Revision that was read.
func IfRevision(n int64) Option { return IfMatch(`"` + strconv.FormatInt(n, 10) + `"`) }

// ETag puts the ETag of the answer into to.
func ETag(to *string) Option {
	return func(c *call) { c.etag = to }
}

// IdempotencyKey is the key of a call that makes something; without it the call
// has a random one. With the key of a call before, within a day, it is not
// carried out again: the answer is that one's or, where that showed a secret,
// an *Error that names in Target what came of it.
func IdempotencyKey(key string) Option {
	return func(c *call) { c.onceKey = key }
}

// set sends a query parameter unless it is zero.
func set[T comparable](c *call, name string, value T) {
	var zero T
	if value == zero {
		return
	}
	if c.query == nil {
		c.query = url.Values{}
	}
	c.query.Set(name, text(value))
}

func text(v any) string {
	switch v := v.(type) {
	case int64:
		return strconv.FormatInt(v, 10)
	case bool:
		return strconv.FormatBool(v)
	}
	s, _ := v.(string)
	return s
}
