package proof_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

func TestWhatAClientSignedIsBelievedByItsKeysOnly(t *testing.T) {
	r := makeRing()
	keys := set(t, map[string]any{"ec": r.ec.Public(), "ed": r.ed.Public(), "rsa": r.rsa.Public()})
	for _, c := range []struct {
		name, alg string
		key       any
		headers   map[string]any
		good      bool
	}{
		{"its key", "ES256", r.ec, map[string]any{"kid": "ec"}, true},
		{"its key without a kid", "ES256", r.ec, nil, true},
		{"an Ed25519 key", "EdDSA", r.ed, map[string]any{"kid": "ed"}, true},
		{"an RSA key", "PS256", r.rsa, map[string]any{"kid": "rsa"}, true},
		{"another's key", "ES256", r.otherEC, map[string]any{"kid": "ec"}, false},
		{"its key under another kid", "ES256", r.ec, map[string]any{"kid": "ed"}, false},
		{"a kid nobody has", "ES256", r.ec, map[string]any{"kid": "../../etc/passwd"}, false},
		{"CA-08: a key it brings along", "ES256", r.otherEC, map[string]any{"jku": "https://evil.example/", "x5u": "https://evil.example/"}, false},
	} {
		token, err := proof.Read(signed(t, c.alg, c.key, map[string]any{"sub": "cl"}, c.headers), proof.Algorithms())
		if err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		var claims struct{ Sub string }
		if err := token.Verify(keys, &claims); (err == nil) != c.good || c.good && claims.Sub != "cl" {
			t.Errorf("%s: %v, %+v", c.name, err, claims)
		}
	}
}

func TestCA_07_JW_01_JW_10_JW_11_WhatIsNoSignedTokenIsNotRead(t *testing.T) {
	r := makeRing()
	claims := map[string]any{"sub": "cl"}
	none := func(alg string) string {
		text := handmade(`{"alg":"`+alg+`"}`, `{"sub":"cl"}`)
		return text[:strings.LastIndex(text, ".")+1]
	}
	for name, text := range map[string]string{
		"nothing": "", "one dot": "a.b", "dots": strings.Repeat(".", 1<<20), "no base64": "!.!.!",
		"alg none": none("none"), "alg nOnE": none("nOnE"), "alg empty": none(""), "no alg": handmade(`{}`, `{}`),
		"alg twice":      handmade(`{"alg":"none","alg":"ES256"}`, `{}`),
		"alg as a list":  handmade(`{"alg":["ES256"]}`, `{}`),
		"a crit":         handmade(`{"alg":"ES256","crit":["b64"],"b64":false}`, `{}`),
		"an empty crit":  handmade(`{"alg":"ES256","crit":[]}`, `{}`),
		"RS256":          signed(t, "RS256", r.rsa, claims, nil),
		"HS256":          signed(t, "HS256", []byte(strings.Repeat("k", 32)), claims, nil),
		"JWE":            "a.b.c.d.e",
		"JWE with PBES2": handmade(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647}`, "{}") + ".a.b",
		"zip":            handmade(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`, "{}"),
		"too long":       signed(t, "ES256", r.ec, map[string]any{"x": strings.Repeat("x", 16<<10)}, nil),
		"a deep header":  handmade(`{"alg":"ES256","x":`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`}`, `{}`),
	} {
		if _, err := proof.Read(text, proof.Algorithms()); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

func TestRFC8725_ClaimsThatTwoReadersWouldReadDifferentlyAreRefused(t *testing.T) {
	r := makeRing()
	keys := set(t, map[string]any{"ec": r.ec.Public()})
	for _, payload := range []string{
		`{"sub":"a","sub":"b"}`, `{"sub":"a","SUB":"b"}`, `{"sub":"a"} {}`, `["sub"]`, `"sub"`, `null`, ``, `{"sub":1}`,
		`{"sub":"a","x":{"y":1,"y":2}}`, `{"sub":"a","x":[{"y":1,"y":2}]}`, `{"x":` + strings.Repeat(`{"x":`, 200) + `1` + strings.Repeat(`}`, 201),
		`{"sub":"a"`, `{"sub":"a",}`, `{"x":` + strings.Repeat(`[`, 200) + strings.Repeat(`]`, 200) + `}`,
	} {
		token, err := proof.Read(signed(t, "ES256", r.ec, payload, nil), proof.Algorithms())
		if err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		var claims struct{ Sub string }
		if err := token.Verify(keys, &claims); err == nil {
			t.Errorf("%s was believed: %+v", payload, claims)
		}
		if err := token.Unverified(&claims); err == nil {
			t.Errorf("%s was read: %+v", payload, claims)
		}
	}
}

func TestKeySetsHoldPublicKeysThatAreStrongEnough(t *testing.T) {
	r := makeRing()
	for name, raw := range map[string][]byte{
		"a private key": rawSet(t, map[string]any{"a": r.ec}), "a secret": rawSet(t, map[string]any{"a": []byte("secret")}),
		"no object": []byte(`[]`), "keys twice": []byte(`{"keys":[],"keys":[]}`), "too long": []byte(`{"keys":[]` + strings.Repeat(" ", 64<<10) + `}`),
		"too many": []byte(`{"keys":[` + strings.Repeat(`{},`, 20) + `{}]}`), "keys no list": []byte(`{"keys":{}}`),
	} {
		if _, err := proof.ParseKeys(raw); err == nil {
			t.Errorf("%s was read", name)
		}
	}
	keys := set(t, map[string]any{"weak": r.weak.Public(), "p384": r.p384.Public()})
	token, err := proof.Read(signed(t, "PS256", r.weak, map[string]any{}, nil), proof.Algorithms())
	if err != nil {
		t.Fatal(err)
	}
	if token.Verify(keys, &struct{}{}) == nil {
		t.Error("a weak key was believed")
	}
}

// The header has one encoding: with bits behind its end that nobody reads, two
// texts would be one token.
func TestJW_06_AHeaderHasOneEncoding(t *testing.T) {
	text := handmade(`{"alg":"ES256","kid":"a"}`, `{}`)
	head, rest, _ := strings.Cut(text, ".")
	if _, err := proof.Read(text, proof.Algorithms()); err != nil || len(head)%4 == 0 {
		t.Fatalf("%v, %d", err, len(head))
	}
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, head[len(head)-1])
	if _, err := proof.Read(head[:len(head)-1]+alphabet[last+1:last+2]+"."+rest, proof.Algorithms()); err == nil {
		t.Error("another encoding of a header was read")
	}
}

// A key of more than 8192 bits costs whoever checks it more than whoever sends it:
// nothing it signs is believed. Its modulus is a prime of Mersenne's, so that no
// key has to be searched for.
func TestJW_11_AKeyTooLongToCheckIsPassedOver(t *testing.T) {
	n := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 9689), big.NewInt(1))
	e := big.NewInt(65537)
	d := new(big.Int).ModInverse(e, new(big.Int).Sub(n, big.NewInt(1)))
	encode := base64.RawURLEncoding.EncodeToString
	input := encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(`{"sub":"cl"}`))
	sum := sha256.Sum256([]byte(input))
	// EMSA-PKCS1-v1_5 (RFC 8017 section 9.2).
	info, _ := hex.DecodeString("3031300d060960864801650304020105000420")
	size := (n.BitLen() + 7) / 8
	em := slices.Concat([]byte{0, 1}, bytes.Repeat([]byte{0xff}, size-3-len(info)-len(sum)), []byte{0}, info, sum[:])
	signature := new(big.Int).Exp(new(big.Int).SetBytes(em), d, n).FillBytes(make([]byte, size))
	public := &rsa.PublicKey{N: n, E: 65537}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
		t.Fatalf("the signature is none: %v", err)
	}
	token, err := proof.Read(input+"."+encode(signature), []string{"RS256"})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct{ Sub string }
	if err := token.Verify(set(t, map[string]any{"": public}), &claims); err == nil {
		t.Error("it was believed")
	}
}

func FuzzRead(f *testing.F) {
	r := makeRing()
	keys := set(f, map[string]any{"ec": r.ec.Public()})
	f.Add(signed(f, "ES256", r.ec, map[string]any{"sub": "cl"}, nil))
	f.Add(handmade(`{"alg":"ES256"}`, `{"sub":"cl"}`))
	f.Add("..")
	f.Fuzz(func(t *testing.T, text string) {
		token, err := proof.Read(text, proof.Algorithms())
		if err != nil {
			return
		}
		var claims struct{ Sub string }
		if token.Verify(keys, &claims) == nil && claims.Sub != "cl" {
			t.Fatalf("believed %q, which nobody signed", text)
		}
	})
}
