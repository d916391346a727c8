package jwks

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const sealPurpose = "signing key"

// key is a row that was found to be ours.
type key struct {
	authz.SigningKey
	public any    // a public key of the algorithm's kind
	jwk    []byte // the same, as published
	// private is nil once the key has retired: what cannot sign need not be
	// held in memory.
	private any
}

// newKey makes a key pair for the times in k.
func newKey(k authz.SigningKey, issuer authz.IssuerName, alg string, sealer Sealer) (authz.SigningKey, error) {
	private, err := generate(alg)
	if err != nil {
		return authz.SigningKey{}, err
	}
	pair := &jose.JSONWebKey{Key: private, Algorithm: alg, Use: "sig"}
	thumb, err := pair.Thumbprint(crypto.SHA256)
	if err != nil {
		return authz.SigningKey{}, fmt.Errorf("jwks: naming a key: %w", err)
	}
	pair.KeyID = base64.RawURLEncoding.EncodeToString(thumb)
	k.KID, k.Issuer, k.Algorithm = pair.KeyID, issuer, alg
	if k.Public, err = pair.Public().MarshalJSON(); err != nil {
		return authz.SigningKey{}, fmt.Errorf("jwks: rendering a public key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return authz.SigningKey{}, fmt.Errorf("jwks: rendering a private key: %w", err)
	}
	defer clear(der)
	if k.Sealed, err = sealer.Seal(sealPurpose, sealRow(k), der); err != nil {
		return authz.SigningKey{}, fmt.Errorf("jwks: sealing a private key: %w", err)
	}
	return k, nil
}

// sealRow is what a sealed private key is bound to: a key of another issuer or
// for another algorithm does not open.
func sealRow(k authz.SigningKey) string {
	return string(k.Issuer) + " " + k.Algorithm + " " + k.KID
}

// openKey proves that the row is ours and takes its keys out.
func openKey(row authz.SigningKey, issuer authz.IssuerName, sealer Sealer, now time.Time) (*key, error) {
	if row.Issuer != issuer {
		return nil, errors.New("jwks: the key is another issuer's")
	}
	der, err := sealer.Open(sealPurpose, sealRow(row), row.Sealed)
	if err != nil {
		return nil, fmt.Errorf("jwks: opening the private key: %w", err)
	}
	defer clear(der)
	k := &key{SigningKey: row}
	if k.public, k.jwk, err = readPublic(row); err != nil {
		return nil, err
	}
	if !now.Before(row.RetiredAt) {
		return k, nil
	}
	if k.private, err = x509.ParsePKCS8PrivateKey(der); err != nil {
		return nil, errors.New("jwks: the private key is malformed") // the cause might quote it
	}
	return k, nil
}

// readPublic takes out the public key that the kid names. It renders it anew:
// whatever else the stored JWK says is not published.
func readPublic(row authz.SigningKey) (public any, rendered []byte, err error) {
	var stored jose.JSONWebKey
	if err := stored.UnmarshalJSON(row.Public); err != nil {
		return nil, nil, fmt.Errorf("jwks: reading the public key: %w", err)
	}
	if !stored.IsPublic() || !fits(row.Algorithm, stored.Key) {
		return nil, nil, errors.New("jwks: the public key does not fit its algorithm")
	}
	thumb, err := stored.Thumbprint(crypto.SHA256)
	if err != nil || base64.RawURLEncoding.EncodeToString(thumb) != row.KID {
		return nil, nil, errors.New("jwks: the public key is not the one its kid names")
	}
	rendered, err = jose.JSONWebKey{Key: stored.Key, KeyID: row.KID, Algorithm: row.Algorithm, Use: "sig"}.MarshalJSON()
	if err != nil {
		return nil, nil, fmt.Errorf("jwks: rendering a public key: %w", err)
	}
	return stored.Key, rendered, nil
}

// reopened returns the key with the times of a row it was opened from before,
// or nil when the row must be opened anew.
func (k *key) reopened(row authz.SigningKey, now time.Time) *key {
	same := k.KID == row.KID && k.Issuer == row.Issuer && k.Algorithm == row.Algorithm &&
		bytes.Equal(k.Public, row.Public) && bytes.Equal(k.Sealed, row.Sealed)
	switch {
	case !same:
		return nil
	case !now.Before(row.RetiredAt):
		return &key{SigningKey: row, public: k.public, jwk: k.jwk}
	case k.private == nil: // the clock went back
		return nil
	}
	return &key{SigningKey: row, public: k.public, jwk: k.jwk, private: k.private}
}
