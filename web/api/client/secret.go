package client

import "log/slog"

// What shows a secret does not print it: neither by fmt nor into a log.

// Secret is a text that is not printed. Convert it to send it.
type Secret string

// String hides the text.
func (Secret) String() string { return "hidden" }

// GoString hides the text.
func (s Secret) GoString() string { return s.String() }

// LogValue hides the text.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String names the client.
func (c *ClientCredentials) String() string { return "client credentials at " + c.Issuer }

// GoString names the client.
func (c *ClientCredentials) GoString() string { return c.String() }

// LogValue names the client.
func (c *ClientCredentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String names the key.
func (k Key) String() string { return "API key " + k.ID }

// GoString names the key.
func (k Key) GoString() string { return k.String() }

// LogValue names the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the key.
func (k RotatedKey) String() string { return "API key " + k.ID }

// GoString names the key.
func (k RotatedKey) GoString() string { return k.String() }

// LogValue names the key.
func (k RotatedKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the key.
func (k RevokedKey) String() string { return "API key " + k.ID }

// GoString names the key.
func (k RevokedKey) GoString() string { return k.String() }

// LogValue names the key.
func (k RevokedKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the client.
func (c Client) String() string { return "client " + c.ClientID }

// GoString names the client.
func (c Client) GoString() string { return c.String() }

// LogValue names the client.
func (c Client) LogValue() slog.Value { return slog.StringValue(c.String()) }

// String names the destination.
func (d Destination) String() string { return "key destination " + d.ID }

// GoString names the destination.
func (d Destination) GoString() string { return d.String() }

// LogValue names the destination.
func (d Destination) LogValue() slog.Value { return slog.StringValue(d.String()) }

// String names the invitation.
func (i Invitation) String() string { return "invitation " + i.ID }

// GoString names the invitation.
func (i Invitation) GoString() string { return i.String() }

// LogValue names the invitation.
func (i Invitation) LogValue() slog.Value { return slog.StringValue(i.String()) }

// String names the token.
func (t RegistrationToken) String() string { return "registration token " + t.ID }

// GoString names the token.
func (t RegistrationToken) GoString() string { return t.String() }

// LogValue names the token.
func (t RegistrationToken) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String names the account.
func (b BreakGlass) String() string { return "break-glass account " + b.Login }

// GoString names the account.
func (b BreakGlass) GoString() string { return b.String() }

// LogValue names the account.
func (b BreakGlass) LogValue() slog.Value { return slog.StringValue(b.String()) }

// String says what it is.
func (DestinationSecrets) String() string { return "secrets of a key destination" }

// GoString says what it is.
func (s DestinationSecrets) GoString() string { return s.String() }

// LogValue says what it is.
func (s DestinationSecrets) LogValue() slog.Value { return slog.StringValue(s.String()) }

// String says what it is.
func (Token) String() string { return "access token" }

// GoString says what it is.
func (t Token) GoString() string { return t.String() }

// LogValue says what it is.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// String says what it is.
func (LeakReport) String() string { return "report of a leaked key" }

// GoString says what it is.
func (r LeakReport) GoString() string { return r.String() }

// LogValue says what it is.
func (r LeakReport) LogValue() slog.Value { return slog.StringValue(r.String()) }

// String names the key.
func (k ImportedKey) String() string { return "imported key " + k.Name }

// GoString names the key.
func (k ImportedKey) GoString() string { return k.String() }

// LogValue names the key.
func (k ImportedKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// String names the server.
func (a *API) String() string { return "Gatehouse at " + a.base }

// GoString names the server.
func (a *API) GoString() string { return a.String() }

// LogValue names the server.
func (a *API) LogValue() slog.Value { return slog.StringValue(a.String()) }
