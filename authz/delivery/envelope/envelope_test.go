package envelope_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz/delivery/envelope"
)

func jwk(t *testing.T, key any, change ...func(*jose.JSONWebKey)) string {
	t.Helper()
	k := jose.JSONWebKey{Key: key, KeyID: "k1"}
	for _, c := range change {
		c(&k)
	}
	raw, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func newEC(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// Only the private key opens what was sealed, with the algorithms promised and
// no other, whatever order the set is in.
func TestU11_OnlyTheRegisteredKeyOpensWhatWasSealed(t *testing.T) {
	ec, rs := newEC(t, elliptic.P256()), newRSA(t, 2048)
	other := newEC(t, elliptic.P256())
	for name, c := range map[string]struct {
		registered string
		private    any
		alg        jose.KeyAlgorithm
	}{
		"EC":  {jwk(t, ec.Public()), ec, jose.ECDH_ES_A256KW},
		"RSA": {jwk(t, rs.Public()), rs, jose.RSA_OAEP_256},
		"a set that also signs": {`{"keys":[` + jwk(t, other.Public(), func(k *jose.JSONWebKey) { k.Use = "sig" }) + `,` +
			jwk(t, ec.Public(), func(k *jose.JSONWebKey) { k.Use = "enc" }) + `]}`, ec, jose.ECDH_ES_A256KW},
		"P-521": {jwk(t, newEC(t, elliptic.P521()).Public()), nil, jose.ECDH_ES_A256KW},
	} {
		k, err := envelope.ParseKey([]byte(c.registered))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		sealed, err := k.Seal("test+jwe", []byte(`{"key":"s3cret"}`))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(sealed, ".") != 4 || strings.Contains(sealed, "s3cret") {
			t.Errorf("%s: not a compact JWE: %s", name, sealed)
		}
		parsed, err := jose.ParseEncryptedCompact(sealed, []jose.KeyAlgorithm{c.alg}, []jose.ContentEncryption{jose.A256GCM})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if h := parsed.Header; h.KeyID != "k1" || h.ExtraHeaders["typ"] != "test+jwe" || h.ExtraHeaders["cty"] != "application/json" {
			t.Errorf("%s: header %+v", name, h)
		}
		if _, err := parsed.Decrypt(other); err == nil {
			t.Errorf("%s: another key opens it", name)
		}
		if c.private == nil {
			continue
		}
		if plain, err := parsed.Decrypt(c.private); err != nil || string(plain) != `{"key":"s3cret"}` {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
}

func TestU11_AKeyThatCannotKeepASecretIsRefused(t *testing.T) {
	ec, rs := newEC(t, elliptic.P256()), newRSA(t, 2048)
	public, _, _ := ed25519.GenerateKey(rand.Reader)
	good := jwk(t, ec.Public())
	var many []string
	for range 21 {
		many = append(many, good)
	}
	for name, raw := range map[string]string{
		"nothing":                        ``,
		"a text":                         `"x"`,
		"a private EC key":               jwk(t, ec),
		"a private RSA key":              jwk(t, rs),
		"a private key in a set":         `{"keys":[` + good + `,` + jwk(t, newEC(t, elliptic.P256())) + `]}`,
		"a private member alone":         strings.Replace(good, `{`, `{"d":"AA",`, 1),
		"a private key we could not use": `{"keys":[` + good + `,{"kty":"OKP","crv":"X25519","x":"AA","d":"AA"}]}`,
		"a symmetric key":                `{"kty":"oct","k":"c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}`,
		"a small RSA key":                `{"kty":"RSA","n":"` + strings.Repeat("u7__", 42) + `","e":"AQAB"}`,
		"a key that only signs":          jwk(t, ec.Public(), func(k *jose.JSONWebKey) { k.Use = "sig" }),
		"an algorithm that signs":        jwk(t, ec.Public(), func(k *jose.JSONWebKey) { k.Algorithm = "ES256" }),
		"RSA with PKCS #1 1.5":           jwk(t, rs.Public(), func(k *jose.JSONWebKey) { k.Algorithm = "RSA1_5" }),
		"operations that sign":           strings.Replace(good, `{`, `{"key_ops":["verify"],`, 1),
		"Ed25519":                        jwk(t, public),
		"a point off the curve":          `{"kty":"EC","crv":"P-256","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE","y":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE"}`,
		"an empty set":                   `{"keys":[]}`,
		"keys that are no list":          `{"keys":{}}`,
		"too many":                       `{"keys":[` + strings.Join(many, ",") + `]}`,
		"two to choose from":             `{"keys":[` + good + `,` + jwk(t, newEC(t, elliptic.P256()).Public()) + `]}`,
		"a member twice":                 strings.Replace(good, `{`, `{"kty":"EC",`, 1),
		"a kid as long as a novel":       jwk(t, ec.Public(), func(k *jose.JSONWebKey) { k.KeyID = strings.Repeat("k", 256) }),
		"longer than 16 KiB":             `{"x":"` + strings.Repeat("a", 16<<10) + `"}`,
	} {
		if _, err := envelope.ParseKey([]byte(raw)); err == nil {
			t.Errorf("%s was taken", name)
		} else if strings.Contains(err.Error(), "AQAB") || strings.Contains(err.Error(), "c2Vj") {
			t.Errorf("%s: the fault quotes the key: %v", name, err)
		}
	}
}

// What is kept of a key holds nothing but the key, and reads as the same one;
// without a kid it has its thumbprint.
func TestWhatIsKeptOfAKeyIsTheKey(t *testing.T) {
	ec := newEC(t, elliptic.P384())
	raw := strings.Replace(jwk(t, ec.Public(), func(k *jose.JSONWebKey) { k.KeyID = "" }), `{`, `{"note":"<script>","x5u":"http://x.example",`, 1)
	k, err := envelope.ParseKey([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	kept, err := k.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(kept, &members); err != nil {
		t.Fatal(err)
	}
	for name := range members {
		switch name {
		case "kty", "crv", "x", "y", "kid", "use", "alg":
		default:
			t.Errorf("%s was kept", name)
		}
	}
	again, err := envelope.ParseKey(kept)
	if err != nil || again.ID() != k.ID() || len(k.ID()) != 43 || again.Algorithm() != "ECDH-ES+A256KW" {
		t.Errorf("%s reads as %q %q, %v", kept, again.ID(), again.Algorithm(), err)
	}
}

func FuzzParseKey(f *testing.F) {
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`))
	f.Add([]byte(`{"kty":"RSA","n":"AA","e":"AQAB"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k, err := envelope.ParseKey(raw)
		if err != nil {
			return
		}
		kept, err := k.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := envelope.ParseKey(kept); err != nil {
			t.Errorf("%s was taken and %s is not: %v", raw, kept, err)
		}
	})
}
