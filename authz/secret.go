package authz

import "log/slog"

// Secret is text that must not be printed: a key, a token, a password. Its
// String, JSON, text and log forms are all "[redacted]"; only Reveal returns
// the text. The empty Secret is empty in every form.
type Secret string

const redacted = "[redacted]"

// Reveal returns the text. Every call is a place to look at in review.
func (s Secret) Reveal() string { return string(s) }

// String returns "[redacted]", or "" for the empty Secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString returns the same as String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns the same as String, for JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the same as String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
