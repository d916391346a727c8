package clientmeta

import (
	"bytes"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// assertionAlgorithms may sign what a client signs: its assertions and request
// objects.
var assertionAlgorithms = []string{"PS256", "ES256", "EdDSA"}

// checkKeys checks the client's public keys: by value or by address, never
// both, and there when the client authenticates with one (RFC 7591 section 2).
func (r Rules) checkKeys(c authz.Client) error {
	m := c.Metadata
	byValue := hasJWKS(m)
	if byValue && m.JWKSURI != "" {
		return bad("jwks_uri", "give jwks or jwks_uri, not both.")
	}
	if byValue {
		if err := checkJWKS(m.JWKS); err != nil {
			return err
		}
	}
	if m.JWKSURI != "" {
		if err := r.checkJWKSURI(m.JWKSURI); err != nil {
			return err
		}
	}
	if m.AuthAlgorithm != "" && !slices.Contains(assertionAlgorithms, m.AuthAlgorithm) {
		return bad("token_endpoint_auth_signing_alg", "must be PS256, ES256 or EdDSA.")
	}
	needsKeys := c.AuthMethod == authz.AuthPrivateKeyJWT || c.AuthMethod == authz.AuthSelfSignedTLS
	if needsKeys && !byValue && m.JWKSURI == "" {
		return bad("jwks", "the client authenticates with a key: give jwks or jwks_uri.")
	}
	if c.AuthMethod == authz.AuthSelfSignedTLS && byValue && !bytes.Contains(m.JWKS, []byte(`"x5c"`)) {
		return bad("jwks", "a key needs its certificate, x5c, for self_signed_tls_client_auth.") // RFC 8705 section 2.2.2
	}
	return nil
}

// hasJWKS reports whether there is a key set by value; null is none.
func hasJWKS(m authz.ClientMetadata) bool {
	return len(m.JWKS) > 0 && string(m.JWKS) != "null"
}

func (r Rules) checkJWKSURI(uri string) error {
	if !secure(uri) { // http on loopback is for trying out; CheckURL refuses it elsewhere
		return bad("jwks_uri", "must be an https URL.")
	}
	if r.CheckURL(uri) != nil {
		return bad("jwks_uri", "is not an address this server may talk to.")
	}
	return nil
}

// checkCertificate checks what a certificate must say: exactly one thing for
// tls_client_auth, nothing otherwise (RFC 8705 section 2.1.2).
func (r Rules) checkCertificate(c authz.Client) error {
	m := c.Metadata
	const first = "tls_client_auth_subject_dn"
	given := 0
	for member, value := range map[string]string{
		first: m.TLSSubjectDN, "tls_client_auth_san_dns": m.TLSSANDNS, "tls_client_auth_san_uri": m.TLSSANURI,
		"tls_client_auth_san_ip": m.TLSSANIP, "tls_client_auth_san_email": m.TLSSANEmail,
	} {
		if value == "" {
			continue
		}
		given++
		if c.AuthMethod != authz.AuthTLS {
			return bad(member, "is for tls_client_auth.")
		}
		if len(value) > 1024 || CheckText(member, firstRunes(value)) != nil {
			return bad(member, "must be at most 1024 characters without control characters.")
		}
	}
	if c.AuthMethod == authz.AuthTLS && given != 1 {
		return bad(first, "exactly one subject is required for tls_client_auth.")
	}
	return nil
}

// firstRunes cuts a text to what CheckText looks at.
func firstRunes(s string) string {
	if runes := []rune(s); len(runes) > 200 {
		return string(runes[:200])
	}
	return s
}
