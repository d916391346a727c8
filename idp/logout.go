package idp

import (
	"context"
	"net/url"
	"time"
)

// MaxForm is what a posted message may have in bytes; whoever reads the form
// holds it to that (http.MaxBytesReader).
const MaxForm = 350 << 10

// Form is what a browser posts to an upstream.
type Form struct {
	// Action is where to; its origin belongs in the page's form-action.
	Action string
	// Fields are names and values of hidden fields.
	Fields map[string]string
}

// LogoutToken is an upstream's word that a session has ended there (OpenID
// Connect Back-Channel Logout section 2.4), whose signature and claims held.
type LogoutToken struct {
	// ID is the token's own (jti), good once, until Until.
	ID    string
	Until time.Time
	// Subject and SessionID say whose sessions and which; one may be empty.
	Subject, SessionID string
}

// RelyingParty is a Connector to an upstream of OpenID Connect. Its refusals are
// *Errors.
type RelyingParty interface {
	Connector
	// LogoutToken accepts a logout token, as often as it comes: whoever ends the
	// sessions uses its ID once.
	LogoutToken(ctx context.Context, raw string) (LogoutToken, error)
	// Refresh asks whether the upstream still knows the person it gave the token
	// for, and returns the token to ask with next. ReasonEnded says that it does
	// not; any other refusal says nothing about the person.
	Refresh(ctx context.Context, token RefreshToken) (next RefreshToken, err error)
}

// Message is one of ours for the browser to carry to an upstream.
type Message struct {
	// ID is the message's own, to recognise its answer by.
	ID string
	// URL is where to send the browser; empty when Form must be posted.
	URL  string
	Form Form
}

// NameID names a subject (SAML Core section 2.2.3).
type NameID struct{ Value, Format, NameQualifier, SPNameQualifier string }

// Logout is a message about the end of a session, whose signature held.
type Logout struct {
	// Request says that the provider asks us to end sessions; else it answers us.
	Request bool
	ID      string
	// InResponseTo is, in an answer, the id of our request: the caller compares.
	InResponseTo string
	// Done says that the provider ended all sessions, in an answer.
	Done bool
	// NameID and SessionIndexes say whose sessions and which; all of them when
	// there is no index.
	NameID         NameID
	SessionIndexes []string
	// RelayState goes back as it came.
	RelayState string
}

// ServiceProvider is a Connector to an upstream of SAML 2.0. Its refusals are
// *Errors.
type ServiceProvider interface {
	Connector
	// ByForm reports whether the upstream takes requests as posted forms alone:
	// then BeginForm stands in for Begin (SAML Bindings section 3.5).
	ByForm() bool
	BeginForm(login Login) (Form, error)
	// Unsolicited reports whether a posted form holds a response that answers no
	// request: a hint that somebody wants to sign in, and no more.
	Unsolicited(params url.Values) bool
	// Metadata is our own at this connection, for the upstream's administrator.
	Metadata() ([]byte, error)
	// LogoutByRedirect and LogoutByPOST accept a message about the end of a
	// session, in a URL's raw query or a posted form, as often as it comes.
	LogoutByRedirect(ctx context.Context, rawQuery string) (Logout, error)
	LogoutByPOST(ctx context.Context, params url.Values) (Logout, error)
	// UseLogout notes that a request is carried out, or refuses one that was
	// before: it would end sessions that began after it. It belongs in the
	// transaction that ends them, or a failure would leave them for good.
	UseLogout(ctx context.Context, request Logout) error
	// AnswerLogout tells the upstream, which asked, whether all sessions ended.
	AnswerLogout(request Logout, all bool) (Message, error)
}
