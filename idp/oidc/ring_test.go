package oidc

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/idp"
)

func TestAKeyFitsItsOwnAlgorithmsAlone(t *testing.T) {
	rsaKey, ed := &rsa.PublicKey{}, ed25519.PublicKey{}
	p256, p384 := &ecdsa.PublicKey{Curve: elliptic.P256()}, &ecdsa.PublicKey{Curve: elliptic.P384()}
	for _, c := range []struct {
		key      any
		own, alg string
		want     bool
	}{
		{rsaKey, "", "RS256", true}, {rsaKey, "", "PS512", true}, {rsaKey, "RS256", "PS256", false}, {rsaKey, "", "ES256", false}, {rsaKey, "", "HS256", false},
		{p256, "", "ES256", true}, {p256, "ES256", "ES256", true}, {p256, "", "ES384", false}, {p384, "", "ES384", true}, {p384, "", "ES256", false}, {p256, "", "RS256", false},
		{ed, "", "EdDSA", true}, {ed, "", "ES256", false}, {[]byte("secret"), "", "HS256", false}, {[]byte("secret"), "HS256", "HS256", false},
	} {
		if got := fits(jose.JSONWebKey{Key: c.key, Algorithm: c.own}, c.alg); got != c.want {
			t.Errorf("%T of %q fits %s: %v", c.key, c.own, c.alg, got)
		}
	}
}

func TestAttack_11_ARetiredKeyDiesOnTheHourNotAtTheNextFetch(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: "old"}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign([]byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	jws, err := parseJWS(raw, algorithms())
	if err != nil {
		t.Fatal(err)
	}
	key := func(kid string) []jose.JSONWebKey {
		return []jose.JSONWebKey{{Key: private.Public(), KeyID: kid}}
	}
	begin := time.Now()
	held := (*ring)(nil).merge(key("old"), begin).merge(key("new"), begin.Add(keysKept-time.Minute))
	if _, err := held.verify(jws, begin.Add(keysKept-time.Second)); err != nil {
		t.Errorf("within the day: %v", err)
	}
	if _, err := held.verify(jws, begin.Add(keysKept)); idp.ReasonOf(err) != idp.ReasonSignature {
		t.Errorf("a day later: %v", err)
	}
	if n := len(held.merge(key("new"), begin.Add(keysKept)).keys); n != 1 {
		t.Errorf("%d keys are held", n)
	}
	if n := len((*ring)(nil).merge(key("old"), begin).merge(key("old"), begin).keys); n != 1 {
		t.Errorf("a kid used again left %d keys", n)
	}
}
