package app

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"fmt"
	"math/big"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

const samlKeyPurpose = "connection saml key"

// samlKeyLife is long: providers hold our certificate for its key alone.
const samlKeyLife = 10 * 365 * 24 * time.Hour

// storedKey is a key of ours at a connection, before it is sealed: PKCS #8 and
// X.509. A connection keeps one, or a list of which the first is in use.
type storedKey struct{ Key, Certificate []byte }

// newSAMLKey makes and seals our first key at a connection.
func newSAMLKey(keyring *secret.Keyring, id authz.ConnectionID, now time.Time) ([]byte, error) {
	key, err := makeSAMLKey(id, now)
	if err != nil {
		return nil, err
	}
	return sealSAMLKeys(keyring, id, []storedKey{key})
}

// makeSAMLKey makes a key of ours: RSA, as all providers know it for signing and
// encrypting.
func makeSAMLKey(id authz.ConnectionID, now time.Time) (stored storedKey, err error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return stored, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return stored, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: string(id)}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(samlKeyLife),
	}
	if stored.Certificate, err = x509.CreateCertificate(rand.Reader, template, template, key.Public(), key); err != nil {
		return stored, err
	}
	stored.Key, err = x509.MarshalPKCS8PrivateKey(key)
	return stored, err
}

// sealSAMLKeys writes one key as it was written before there were several.
func sealSAMLKeys(keyring *secret.Keyring, id authz.ConnectionID, keys []storedKey) ([]byte, error) {
	var what any = keys
	if len(keys) == 1 {
		what = keys[0]
	}
	plain, err := json.Marshal(what)
	if err != nil {
		return nil, err
	}
	return keyring.Seal(samlKeyPurpose, string(id), plain)
}

func storedSAMLKeys(keyring *secret.Keyring, c authz.Connection) ([]storedKey, error) {
	plain, err := keyring.Open(samlKeyPurpose, string(c.ID), c.SAMLKey)
	if err != nil {
		return nil, fmt.Errorf("opening our keys at connection %s: %w", c.ID, err)
	}
	var keys []storedKey
	if bytes.HasPrefix(plain, []byte("[")) {
		err = json.Unmarshal(plain, &keys)
	} else {
		keys = make([]storedKey, 1)
		err = json.Unmarshal(plain, &keys[0])
	}
	if err != nil || len(keys) == 0 {
		return nil, fmt.Errorf("reading our keys at connection %s: %w", c.ID, err)
	}
	return keys, nil
}

// OpenSAMLKeys are our keys at a connection, the one in use first.
func OpenSAMLKeys(keyring *secret.Keyring, c authz.Connection) ([]saml.Key, error) {
	stored, err := storedSAMLKeys(keyring, c)
	if err != nil {
		return nil, err
	}
	keys := make([]saml.Key, len(stored))
	for n, one := range stored {
		key, err := x509.ParsePKCS8PrivateKey(one.Key)
		if err != nil {
			return nil, fmt.Errorf("reading our key at connection %s: %w", c.ID, err)
		}
		signer, ok := key.(crypto.Signer)
		if !ok {
			return nil, fmt.Errorf("our key at connection %s does not sign", c.ID)
		}
		certificate, err := x509.ParseCertificate(one.Certificate)
		if err != nil {
			return nil, fmt.Errorf("our certificate at connection %s: %w", c.ID, err)
		}
		keys[n] = saml.Key{Signer: signer, Certificate: certificate}
	}
	return keys, nil
}

// RollSAMLKey is our keys at a connection after a step, sealed.
func (u Protocols) RollSAMLKey(c authz.Connection, step conn.KeyStep) ([]byte, error) {
	keys, err := storedSAMLKeys(u.Keyring, c)
	if err != nil {
		return nil, err
	}
	switch {
	case step == conn.KeyPublish && len(keys) == 1:
		next, err := makeSAMLKey(c.ID, u.Clock.Now())
		if err != nil {
			return nil, err
		}
		keys = append(keys, next)
	case step == conn.KeyPublish:
		return nil, authz.NewError(authz.Conflict, "key_published", "There are two keys already: use the next one, or retire the one that is not in use.")
	case len(keys) < 2:
		return nil, authz.NewError(authz.Conflict, "no_next_key", "There is one key alone: publish the next one first.")
	case step == conn.KeyUse:
		keys[0], keys[1] = keys[1], keys[0]
	case step == conn.KeyRetire:
		keys = keys[:1]
	default:
		return nil, authz.NewError(authz.Invalid, "invalid_step", "A step is publish, use or retire.")
	}
	return sealSAMLKeys(u.Keyring, c.ID, keys)
}

// SAMLKeys are our certificates at a connection, the one in use first.
func (u Protocols) SAMLKeys(c authz.Connection) ([]conn.Certificate, error) {
	keys, err := OpenSAMLKeys(u.Keyring, c)
	if err != nil {
		return nil, err
	}
	out := make([]conn.Certificate, len(keys))
	for n, key := range keys {
		out[n] = certificateOf(key.Certificate)
	}
	return out, nil
}

func certificateOf(c *x509.Certificate) conn.Certificate {
	return conn.Certificate{Fingerprint: saml.Fingerprint(c), Subject: c.Subject.String(), NotAfter: c.NotAfter.UTC()}
}
