package idp

import "log/slog"

// RefreshToken is an upstream's (RFC 6749 section 1.5). It cannot be printed,
// logged or encoded by accident.
type RefreshToken string

const redacted = "[redacted]"

// Reveal returns the text. Every call is a place to look at in review.
func (t RefreshToken) Reveal() string { return string(t) }

// String returns "[redacted]", or "" for none.
func (t RefreshToken) String() string {
	if t == "" {
		return ""
	}
	return redacted
}

// GoString returns the same as String, for %#v.
func (t RefreshToken) GoString() string { return t.String() }

// MarshalText returns the same as String, for JSON.
func (t RefreshToken) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue returns the same as String, for log/slog.
func (t RefreshToken) LogValue() slog.Value { return slog.StringValue(t.String()) }
