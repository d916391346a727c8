package jwks_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
)

var allAlgorithms = []string{"RS256", "PS256", "ES256", "EdDSA"}

func TestEveryAlgorithmSignsVerifiesAndSaysSo(t *testing.T) {
	cfg := config(t, &memory{}, newClock())
	cfg.Algorithms = allAlgorithms
	s := started(t, cfg)
	for _, alg := range allAlgorithms {
		compact, err := s.Sign(t.Context(), alg, "JWT", map[string]string{"sub": "usr_1"})
		if err != nil {
			t.Fatal(err)
		}
		if payload, typ, err := s.Verify(t.Context(), compact); err != nil || typ != "JWT" || string(payload) != `{"sub":"usr_1"}` {
			t.Errorf("%s: %s %s %v", alg, payload, typ, err)
		}
		if !verifies(published(t, s), compact) {
			t.Errorf("%s: does not verify with the document", alg)
		}
	}
	if _, err := s.Sign(t.Context(), "HS256", "JWT", nil); err == nil || authz.KindOf(err) != authz.Internal {
		t.Errorf("an algorithm without keys: %v", err)
	}
	if _, err := s.Sign(t.Context(), "ES256", "JWT", strings.Repeat("x", 16<<10)); err == nil {
		t.Error("made a token that Verify would refuse for its length")
	}
}

func TestJW_12_TheDocumentHoldsPublicKeysOnlyEachNamedWithUseAndAlg(t *testing.T) {
	cfg := config(t, &memory{}, newClock())
	cfg.Algorithms = allAlgorithms
	s := started(t, cfg)
	body, etag := s.Document()
	var document map[string][]map[string]any
	if err := json.Unmarshal(body, &document); err != nil || len(document) != 1 || len(document["keys"]) != 8 {
		t.Fatalf("%s, %v", body, err)
	}
	members := map[string][]string{
		"RSA": {"alg", "e", "kid", "kty", "n", "use"}, "EC": {"alg", "crv", "kid", "kty", "use", "x", "y"}, "OKP": {"alg", "crv", "kid", "kty", "use", "x"},
	}
	seen := map[any]bool{}
	for _, k := range document["keys"] {
		kty, _ := k["kty"].(string)
		if got := slices.Sorted(maps.Keys(k)); !slices.Equal(got, members[kty]) {
			t.Errorf("%s key with %v", kty, got)
		}
		if kid, _ := k["kid"].(string); len(kid) != 43 || seen[kid] || k["use"] != "sig" {
			t.Errorf("kid %v, use %v", k["kid"], k["use"])
		}
		seen[k["kid"]] = true
	}
	if len(etag) < 10 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		t.Errorf("entity tag %s", etag)
	}
}

func TestPrivateKeysAreNeverStoredInClear(t *testing.T) {
	store := &memory{}
	cfg := config(t, store, newClock())
	cfg.Algorithms = allAlgorithms
	s := started(t, cfg)
	body, _ := s.Document()
	for _, k := range store.kept() {
		der, err := cfg.Sealer.Open("signing key", string(k.Issuer)+" "+k.Algorithm+" "+k.KID, k.Sealed)
		if err != nil {
			t.Fatal(err)
		}
		private, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		asJWK, err := (&jose.JSONWebKey{Key: private}).MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		var members map[string]string
		if err := json.Unmarshal(asJWK, &members); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi"} {
			if v := []byte(members[name]); len(v) > 0 && (bytes.Contains(k.Public, v) || bytes.Contains(body, v)) {
				t.Errorf("%s: %s is public", k.Algorithm, name)
			}
		}
		if bytes.Contains(k.Sealed, der[len(der)-16:]) {
			t.Errorf("%s: stored in clear", k.Algorithm)
		}
	}
}

func TestANodeWithAnotherKeyringFailsClosed(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	token := mustSign(t, started(t, cfg), "ES256")
	cfg.Sealer = newKeyring(t)
	stranger := newSet(t, cfg)
	if err := stranger.Rotate(t.Context()); err == nil {
		t.Error("rotated with keys it cannot open")
	}
	if _, err := stranger.Sign(t.Context(), "ES256", "JWT", nil); authz.KindOf(err) != authz.Unavailable {
		t.Errorf("signed: %v", err)
	}
	if _, _, err := stranger.Verify(t.Context(), token); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("verified: %v", err)
	}
	if len(published(t, stranger).Keys) != 0 || len(store.kept()) != 4 {
		t.Error("published or made keys beside those it cannot open")
	}
}

func TestWhoeverWritesToTheDatabaseCannotAddAKey(t *testing.T) {
	forged, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := (&jose.JSONWebKey{Key: forged.Public(), Algorithm: "ES256", Use: "sig", KeyID: "forged"}).MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*authz.SigningKey){
		"public key":      func(k *authz.SigningKey) { k.Public = public },
		"private as well": func(k *authz.SigningKey) { k.Public, k.KID = public, "forged" },
		"kid":             func(k *authz.SigningKey) { k.KID = "../" + k.KID },
		"issuer":          func(k *authz.SigningKey) { k.Issuer = "statuspulse" },
		"no public key":   func(k *authz.SigningKey) { k.Public = nil },
		"a list":          func(k *authz.SigningKey) { k.Public = []byte(`[1]`) },
		"no private key":  func(k *authz.SigningKey) { k.Sealed = nil },
		"algorithm": func(k *authz.SigningKey) {
			k.Algorithm = map[string]string{"PS256": "RS256", "RS256": "PS256"}[k.Algorithm]
		},
	} {
		store := &memory{}
		cfg := config(t, store, newClock())
		cfg.Algorithms = []string{"ES256"}
		if name == "algorithm" {
			cfg.Algorithms = []string{"RS256", "PS256"}
		}
		started(t, cfg)
		store.change(change)
		if name == "issuer" {
			cfg.Issuer = "statuspulse"
		}
		s := newSet(t, cfg)
		if err := s.Reload(t.Context()); err == nil || len(published(t, s).Keys) != 0 {
			t.Errorf("%s: %v, %d keys published", name, err, len(published(t, s).Keys))
		}
	}
}

func TestASetRefusesAConfigurationThatCannotKeepItsPromises(t *testing.T) {
	good := config(t, &memory{}, newClock())
	for name, change := range map[string]func(*jwks.Config){
		"no issuer":       func(c *jwks.Config) { c.Issuer = "" },
		"no store":        func(c *jwks.Config) { c.Store = nil },
		"no sealer":       func(c *jwks.Config) { c.Sealer = nil },
		"no clock":        func(c *jwks.Config) { c.Clock = nil },
		"no life":         func(c *jwks.Config) { c.TokenTTL = 0 },
		"published late":  func(c *jwks.Config) { c.PublishAhead = maxAge },
		"rotated faster":  func(c *jwks.Config) { c.RotateEvery = c.PublishAhead },
		"no algorithm":    func(c *jwks.Config) { c.Algorithms = nil },
		"none":            func(c *jwks.Config) { c.Algorithms = []string{"none"} },
		"symmetric":       func(c *jwks.Config) { c.Algorithms = []string{"HS256"} },
		"algorithm twice": func(c *jwks.Config) { c.Algorithms = []string{"ES256", "ES256"} },
	} {
		c := good
		change(&c)
		if _, err := jwks.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
