package authz

import "time"

// SigningKey is a key pair that signs an issuer's tokens. A key is published
// before it signs and stays published until the last token it signed is dead:
//
//	PublishedAt ≤ ActiveAt < RetiredAt < RemoveAt
type SigningKey struct {
	KID       string
	Issuer    IssuerName
	Algorithm string // a JWS alg (RFC 7518 section 3.1): RS256, ES256, …
	// Period numbers the rotation this key is for; unique with Issuer and
	// Algorithm, so that two nodes never both rotate.
	Period int64
	// Public is the public JWK (RFC 7517) as JSON.
	Public []byte
	// Sealed is the private key, encrypted with a key from outside the database.
	Sealed      []byte
	PublishedAt time.Time // in the JWKS from here on
	ActiveAt    time.Time // signs from here on
	RetiredAt   time.Time // no longer signs
	RemoveAt    time.Time // leaves the JWKS
}

// SignsAt reports whether the key may sign at now.
func (k SigningKey) SignsAt(now time.Time) bool {
	return !now.Before(k.ActiveAt) && now.Before(k.RetiredAt)
}

// PublishedAtTime reports whether the key belongs in the JWKS at now.
func (k SigningKey) PublishedAtTime(now time.Time) bool {
	return !now.Before(k.PublishedAt) && now.Before(k.RemoveAt)
}
