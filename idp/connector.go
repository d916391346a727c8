package idp

import (
	"context"
	"net/url"
	"time"
)

// Connector is one connection to an upstream identity provider. It is safe for
// concurrent use.
type Connector interface {
	// Begin returns the URL to send the browser to. It fails with an *Error
	// when the upstream cannot be reached.
	Begin(ctx context.Context, login Login) (redirectURL string, err error)
	// Finish turns what the browser brought back into an Identity, or refuses
	// with an *Error.
	Finish(ctx context.Context, callback Callback) (Identity, error)
}

// Login is what the caller chooses for one sign-in. State, Nonce and
// CodeVerifier are required, fresh, random, and used once.
type Login struct {
	State string
	// Nonce ties the ID token to this sign-in (OpenID Connect Core section 3.1.2.1).
	Nonce string
	// CodeVerifier is 43 to 128 unreserved characters (RFC 7636 section 4.1).
	CodeVerifier string
	// LoginHint is what the person typed, if anything. One longer than 320
	// bytes is not sent.
	LoginHint string
	// Prompt is "", "none", "login", "consent" or "select_account".
	Prompt string
	// MaxAge is how old the upstream's authentication may be; nil for any age.
	MaxAge *time.Duration
	// ACRValues are the authentication contexts asked for, best first.
	ACRValues []string
	// UILocales are BCP 47 tags, best first.
	UILocales []string
}

// Callback is what the browser brought back and what was remembered when it
// was sent away.
type Callback struct {
	// Params are the parameters of the callback as received.
	Params url.Values
	// State is the remembered state. Whoever found the sign-in by its state
	// may leave it empty: the parameter must then merely be there, once.
	State        string
	Nonce        string
	CodeVerifier string
	// MaxAge is what Login asked for; nil when it asked for nothing.
	MaxAge *time.Duration
	// Tell asks for all that was told, as an administrator's test sign-in wants.
	Tell bool
}
