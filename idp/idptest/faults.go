package idptest

import (
	"net/http"
	"net/url"
)

// Faults spoil a provider for a test; the zero Faults spoil nothing.
type Faults struct {
	// IDToken changes the claims of an ID token before it is signed.
	IDToken func(claims map[string]any)
	// Header adds to the ID token's protected header. A kid here replaces the key's.
	Header map[string]any
	// Signature is how the ID token is signed.
	Signature Signature
	// UserInfo changes the claims of a userinfo response.
	UserInfo func(claims map[string]any)
	// Callback changes the parameters sent to the redirect URI.
	Callback func(params url.Values)
	// Serve answers a path in the provider's place.
	Serve map[string]http.Handler
}

// Signature is a way to sign an ID token, right or wrong.
type Signature string

// The ways to sign.
const (
	SignedWell             Signature = ""
	SignedByStranger       Signature = "stranger"     // another key under the same kid
	SignedByOtherType      Signature = "other_type"   // EC for RSA and the reverse, under the same kid
	SignedNotAtAll         Signature = "none"         // alg none
	SignedHS256WithSecret  Signature = "hs256_secret" // with the client's secret
	SignedHS256WithPublic  Signature = "hs256_public" // with the public key's PKIX form
	SignedWithUnlistedHash Signature = "384"          // RS384 where RS256 alone is advertised; needs an RS256 provider
)

// SetFaults replaces the faults.
func (p *Provider) SetFaults(f Faults) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.faults = f
}
