package config

import "log/slog"

// Placeholder is what a secret looks like wherever it is printed.
const Placeholder = "[redacted]"

// Secret is text that must not be printed: every form of it but Reveal is
// "[redacted]", or "" when it is empty. It remembers where it came from, so
// that a printed configuration can name the place instead.
type Secret struct {
	text   string
	source string // "${env:NAME}", fromFile, or "" for a value given inline
}

// fromFile marks a secret whose place is named by the setting beside it.
const fromFile = "file"

// NewSecret returns a Secret that holds text.
func NewSecret(text string) Secret { return Secret{text: text} }

// Reveal returns the text. Every call is a place to look at in review.
func (s Secret) Reveal() string { return s.text }

// Empty reports whether there is no text.
func (s Secret) Empty() bool { return s.text == "" }

// String returns "[redacted]", or "" for the empty Secret.
func (s Secret) String() string {
	if s.text == "" {
		return ""
	}
	return Placeholder
}

// GoString returns the same as String, for %#v.
func (s Secret) GoString() string { return s.String() }

// MarshalText returns the same as String, for JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue returns the same as String, for log/slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalYAML returns a reference to the environment as it was written,
// nothing for a secret that came from a file, and otherwise the same as String.
func (s Secret) MarshalYAML() (any, error) {
	switch s.source {
	case "":
		return s.String(), nil
	case fromFile:
		return "", nil
	}
	return s.source, nil
}
