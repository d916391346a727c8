package proof_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

func moment() time.Time { return time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC) }

// private keys, one of each kind, made once.
type ring struct {
	ec, otherEC, p384 *ecdsa.PrivateKey
	ed                ed25519.PrivateKey
	rsa, weak         *rsa.PrivateKey
}

var makeRing = sync.OnceValue(func() *ring {
	r := &ring{}
	r.ec, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.otherEC, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	r.p384, _ = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	_, r.ed, _ = ed25519.GenerateKey(rand.Reader)
	r.rsa, _ = rsa.GenerateKey(rand.Reader, 2048)
	r.weak, _ = rsa.GenerateKey(rand.Reader, 1024)
	return r
})

// signed makes a compact JWS; headers are added to the protected header.
func signed(t testing.TB, alg string, key any, claims any, headers map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{})
	for name, value := range headers {
		options.WithHeader(jose.HeaderKey(name), value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, ok := claims.(string)
	if !ok {
		raw, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		payload = string(raw)
	}
	jws, err := signer.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// handmade is a JWS nobody signed.
func handmade(header, payload string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(payload)) + "." + encode([]byte("signature"))
}

// set is a JWK Set of public keys, each under the kid beside it.
func set(t testing.TB, keys map[string]any) *proof.Keys {
	t.Helper()
	parsed, err := proof.ParseKeys(rawSet(t, keys))
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func rawSet(t testing.TB, keys map[string]any) []byte {
	t.Helper()
	var s jose.JSONWebKeySet
	for kid, key := range keys {
		s.Keys = append(s.Keys, jose.JSONWebKey{Key: key, KeyID: kid})
	}
	raw, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
