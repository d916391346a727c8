package jwks_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
)

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// split is a compact JWS in its parts, ready to be spoiled.
type split struct{ header, payload, signature string }

func (s split) String() string { return s.header + "." + s.payload + "." + s.signature }

func splitJWS(compact string) split {
	p := strings.Split(compact, ".")
	return split{p[0], p[1], p[2]}
}

func header(members string) string { return b64([]byte(members)) }

// refused checks that the JWS is refused as not ours, by both ways in.
func refused(t *testing.T, s *jwks.Set, name, compact string) {
	t.Helper()
	_, _, err := s.Verify(t.Context(), compact)
	_, _, archived := s.VerifyArchived(t.Context(), compact)
	if authz.KindOf(err) != authz.Unauthenticated || authz.KindOf(archived) != authz.Unauthenticated {
		t.Errorf("%s: %v, %v", name, err, archived)
	}
	if len(compact) > 40 && err != nil && strings.Contains(err.Error(), compact[len(compact)-20:]) {
		t.Errorf("%s: the error quotes the token", name)
	}
}

func TestJW_01_UnsignedTokensAreRefused(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	good := splitJWS(mustSign(t, s, "ES256"))
	kid := kidOf(t, good.String())
	for _, alg := range []string{"none", "None", "nOnE", "NONE", "", "ES384", "es256"} {
		spoiled := good
		spoiled.header = header(`{"alg":"` + alg + `","kid":"` + kid + `","typ":"at+jwt"}`)
		refused(t, s, alg, spoiled.String())
		spoiled.signature = ""
		refused(t, s, alg+" unsigned", spoiled.String())
	}
	good.signature = ""
	refused(t, s, "signature cut off", good.String())
	refused(t, s, "two parts", good.header+"."+good.payload)
	refused(t, s, "empty", "")
}

func TestJW_02_PublicKeysAreNotSharedSecrets(t *testing.T) {
	cfg := config(t, &memory{}, newClock())
	cfg.Algorithms = []string{"RS256", "ES256"}
	s := started(t, cfg)
	for _, alg := range cfg.Algorithms {
		good := splitJWS(mustSign(t, s, alg))
		set := published(t, s)
		k := set.Key(kidOf(t, good.String()))[0]
		der, err := x509.MarshalPKIXPublicKey(k.Key)
		if err != nil {
			t.Fatal(err)
		}
		asJWK, err := k.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		document, _ := s.Document()
		for name, shared := range map[string][]byte{
			"DER": der, "PEM": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}),
			"JWK": asJWK, "document": document, "empty": nil,
		} {
			spoiled := good
			spoiled.header = header(`{"alg":"HS256","kid":"` + k.KeyID + `","typ":"at+jwt"}`)
			mac := hmac.New(sha256.New, shared)
			_, _ = mac.Write([]byte(spoiled.header + "." + spoiled.payload))
			spoiled.signature = b64(mac.Sum(nil))
			refused(t, s, alg+" as HS256 with "+name, spoiled.String())
		}
	}
}

func TestJW_03_AKeyOrAddressInTheHeaderIsRefused(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	kid := kidOf(t, mustSign(t, s, "ES256"))
	for name, opts := range map[string]*jose.SignerOptions{
		"jwk":      {EmbedJWK: true},
		"jku":      (&jose.SignerOptions{}).WithHeader("jku", "https://evil.example/jwks.json"),
		"x5u":      (&jose.SignerOptions{}).WithHeader("x5u", "https://evil.example/cert.pem"),
		"x5c":      (&jose.SignerOptions{}).WithHeader("x5c", []string{"AAAA"}),
		"only kid": {},
	} {
		if !opts.EmbedJWK {
			opts.WithHeader("kid", kid)
		}
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: own}, opts)
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte(`{"sub":"usr_1"}`))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		refused(t, s, name, compact)
	}
}

func TestJW_04_JW_05_AHeaderThatIsNotOursIsRefused(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	good := splitJWS(mustSign(t, s, "ES256"))
	kid := kidOf(t, good.String())
	for name, h := range map[string]string{
		"unknown kid":     `{"alg":"ES256","kid":"unknown","typ":"at+jwt"}`,
		"path":            `{"alg":"ES256","kid":"../../etc/passwd","typ":"at+jwt"}`,
		"SQL":             `{"alg":"ES256","kid":"' OR 1=1 --","typ":"at+jwt"}`,
		"10 KB":           `{"alg":"ES256","kid":"` + strings.Repeat("k", 10<<10) + `"}`,
		"array":           `{"alg":"ES256","kid":["` + kid + `"],"typ":"at+jwt"}`,
		"number":          `{"alg":"ES256","kid":1}`,
		"null":            `{"alg":"ES256","kid":null}`,
		"no kid":          `{"alg":"ES256"}`,
		"another's alg":   `{"alg":"EdDSA","kid":"` + kid + `","typ":"at+jwt"}`,
		"crit":            `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","crit":["exp"],"exp":1}`,
		"empty crit":      `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt","crit":[]}`,
		"b64":             `{"alg":"ES256","kid":"` + kid + `","b64":false,"crit":["b64"]}`,
		"zip":             `{"alg":"ES256","kid":"` + kid + `","zip":"DEF"}`,
		"two headers":     `{"alg":"ES256","kid":"` + kid + `"}{}`,
		"not an object":   `"ES256"`,
		"not JSON":        `alg`,
		"empty":           ``,
		"trailing spaces": `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt"} `,
	} {
		spoiled := good
		spoiled.header = header(h)
		refused(t, s, name, spoiled.String())
	}
}

func TestJW_03_JW_05_NotEvenOurOwnKeyMaySignAHeaderWithMoreInIt(t *testing.T) {
	store := &memory{}
	cfg := config(t, store, newClock())
	s := started(t, cfg)
	k := store.kept()[0]
	der, err := cfg.Sealer.Open("signing key", string(k.Issuer)+" "+k.Algorithm+" "+k.KID, k.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(opts *jose.SignerOptions) string {
		t.Helper()
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: private}, opts.WithHeader("kid", k.KID))
		if err != nil {
			t.Fatal(err)
		}
		jws, err := signer.Sign([]byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		compact, err := jws.CompactSerialize()
		if err != nil {
			t.Fatal(err)
		}
		return compact
	}
	if _, _, err := s.Verify(t.Context(), sign(&jose.SignerOptions{})); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[jose.HeaderKey]any{
		"crit": []string{"exp"}, "jku": "https://a.example", "x5u": "https://a.example", "jwk": map[string]string{}, "cty": "JWT",
	} {
		refused(t, s, string(name), sign((&jose.SignerOptions{}).WithHeader(name, value)))
	}
	refused(t, s, "a typ as long as a novel", sign((&jose.SignerOptions{}).WithType(jose.ContentType(strings.Repeat("a", 400)))))
	// Something behind the JSON of the header, signed with it.
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"ES256","kid":"` + k.KID + `"} `))
	input := head + "." + base64.RawURLEncoding.EncodeToString([]byte("{}"))
	sum := sha256.Sum256([]byte(input))
	r, v, err := ecdsa.Sign(rand.Reader, private.(*ecdsa.PrivateKey), sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	refused(t, s, "a header with a space behind it", input+"."+base64.RawURLEncoding.EncodeToString(signature))
}

func TestJW_06_SignaturesOfAnotherFormAreRefused(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	good := splitJWS(mustSign(t, s, "ES256"))
	raw, err := base64.RawURLEncoding.DecodeString(good.signature)
	if err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])})
	if err != nil {
		t.Fatal(err)
	}
	for name, signature := range map[string]string{
		"zero": b64(make([]byte, 64)), "DER": b64(der), "short": b64(raw[:63]), "long": b64(append(raw, 0)),
		"padded": good.signature + "==", "standard alphabet": good.signature[:85] + "+",
		"slack bits": good.signature[:85] + slack(good.signature[85]), "line break": good.signature[:40] + "\n" + good.signature[40:],
		"another part": good.signature + ".AAAA",
	} {
		spoiled := good
		spoiled.signature = signature
		refused(t, s, name, spoiled.String())
	}
	changed := good
	changed.payload = b64([]byte(`{"sub":"usr_2"}`))
	refused(t, s, "another payload", changed.String())
	refused(t, s, "space before", " "+good.String())
	refused(t, s, "line break after", good.String()+"\n")
}

// slack is the same last character of an encoded 64 bytes with a bit set that
// decoding drops.
func slack(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)|1])
}

func TestJW_10_EncryptedTokensAreRefusedBeforeAnyWork(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	for name, h := range map[string]string{
		"PBES2": `{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`,
		"zip":   `{"alg":"dir","enc":"A128GCM","zip":"DEF"}`,
	} {
		refused(t, s, name, header(h)+".AAAA.AAAA.AAAA.AAAA")
		refused(t, s, name+" in three parts", header(h)+".AAAA.AAAA")
	}
}

func TestJW_11_DotsAndLongTokensAreRefusedBeforeAnyWork(t *testing.T) {
	s := started(t, config(t, &memory{}, newClock()))
	good := mustSign(t, s, "ES256")
	for name, compact := range map[string]string{
		"a megabyte of dots":   strings.Repeat(".", 1<<20),
		"16 KiB of dots":       strings.Repeat(".", 16<<10),
		"a megabyte of text":   strings.Repeat("A", 1<<20),
		"a token and the rest": good + strings.Repeat("A", 1<<20),
	} {
		refused(t, s, name, compact)
		// What it costs does not grow with the length: nothing is decoded.
		if n := testing.AllocsPerRun(10, func() { _, _, _ = s.Verify(t.Context(), compact) }); n > 12 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestATokenOfAnotherIssuerIsRefused(t *testing.T) {
	store := &memory{}
	cfg := config(t, store, newClock())
	one := started(t, cfg)
	cfg.Issuer = "statuspulse"
	two := started(t, cfg)
	refused(t, two, "another issuer's", mustSign(t, one, "ES256"))
	if len(published(t, two).Keys) != 4 {
		t.Error("issuers share a document")
	}
}

func FuzzVerify(f *testing.F) {
	s := started(f, config(f, &memory{}, newClock()))
	good := mustSign(f, s, "ES256")
	kid := kidOf(f, good)
	f.Add(good)
	f.Add(header(`{"alg":"none","kid":"`+kid+`"}`) + ".e30.")
	f.Add(header(`{"alg":"ES256","kid":"`+kid+`","crit":["b64"],"b64":false}`) + ".e30.AAAA")
	f.Add("...")
	f.Fuzz(func(t *testing.T, compact string) {
		payload, _, err := s.Verify(t.Context(), compact)
		if err == nil && !strings.HasPrefix(compact, good[:strings.LastIndexByte(good, '.')+1]) {
			t.Errorf("forged %s", payload)
		}
		if e, ok := errors.AsType[*authz.Error](err); err != nil && (!ok || e.Kind != authz.Unauthenticated) {
			t.Errorf("%v", err)
		}
	})
}
