package idptest

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/go-jose/go-jose/v4"
)

// sign serialises the claims and signs them, well or not.
func (f Faults) sign(key signingKey, client Client, claims map[string]any) (string, error) {
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("encoding claims: %w", err)
	}
	switch f.Signature {
	case SignedNotAtAll:
		return assemble("none", key.kid, payload, nil)
	case SignedHS256WithSecret:
		return assemble("HS256", key.kid, payload, []byte(client.Secret))
	case SignedHS256WithPublic:
		public, err := x509.MarshalPKIXPublicKey(key.private.Public())
		if err != nil {
			return "", fmt.Errorf("encoding the public key: %w", err)
		}
		return assemble("HS256", key.kid, payload, public)
	}
	key, err = f.signer(key)
	if err != nil {
		return "", err
	}
	return f.compact(key, payload)
}

// signer returns the key that the fault calls for.
func (f Faults) signer(key signingKey) (signingKey, error) {
	switch f.Signature {
	case SignedByStranger:
		return newSigningKey(string(key.alg), key.kid)
	case SignedByOtherType:
		other := map[jose.SignatureAlgorithm]string{jose.RS256: "ES256", jose.ES256: "RS256"}
		return newSigningKey(other[key.alg], key.kid)
	case SignedWithUnlistedHash:
		key.alg = jose.RS384
		return key, nil
	}
	return key, nil
}

// compact is the compact serialisation (RFC 7515 section 3.1).
func (f Faults) compact(key signingKey, payload []byte) (string, error) {
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range f.Header {
		if name == "kid" {
			key.kid, _ = value.(string)
			continue
		}
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{
		Algorithm: key.alg, Key: jose.JSONWebKey{Key: key.private, KeyID: key.kid},
	}, options)
	if err != nil {
		return "", fmt.Errorf("making a signer: %w", err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("signing: %w", err)
	}
	return jws.CompactSerialize()
}

// assemble makes the tokens that a JOSE library rightly refuses to make: alg
// none, or HS256 under any key.
func assemble(alg, kid string, payload, secret []byte) (string, error) {
	header, err := json.Marshal(map[string]string{"alg": alg, "kid": kid, "typ": "JWT"})
	if err != nil {
		return "", fmt.Errorf("encoding a header: %w", err)
	}
	input := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(payload)
	if secret == nil {
		return input + ".", nil
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(input))
	return input + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}
