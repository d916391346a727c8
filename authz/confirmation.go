package authz

// Confirmation names the key whose possession a token asks of its presenter
// (RFC 7800 section 3.1). The zero value asks for none: a bearer token.
type Confirmation struct {
	// JKT is the base64url SHA-256 thumbprint of a proof key (RFC 9449 section 6.1).
	JKT string `json:"jkt,omitempty"`
	// X5T is the base64url SHA-256 of a certificate's DER (RFC 8705 section 3.1).
	X5T string `json:"x5t#S256,omitempty"`
}

// Bearer reports whether no key is asked for.
func (c Confirmation) Bearer() bool { return c == Confirmation{} }

// TokenType is the token_type of an access token so bound (RFC 9449 section 5;
// a token bound to a certificate stays "Bearer").
func (c Confirmation) TokenType() string {
	if c.JKT != "" {
		return "DPoP"
	}
	return "Bearer"
}
