package client

import "log/slog"

// What shows a secret does not print it: neither by fmt nor into a log.

// String names the key.
func (k Key) String() string { return "API key " + k.ID }

// LogValue names the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the key.
func (k RotatedKey) String() string { return "API key " + k.ID }

// LogValue names the key.
func (k RotatedKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the client.
func (c Client) String() string { return "client " + c.ClientID }

// LogValue names the client.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String says what it is.
func (t Token) String() string { return "access token" }

// LogValue says what it is.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }
