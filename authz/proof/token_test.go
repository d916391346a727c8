package proof_test

import (
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
