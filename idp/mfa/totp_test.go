package mfa_test

import (
	"bytes"
	"encoding/base32"
	"image/png"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/mfa"
)

// The secret and the last six digits of RFC 6238 appendix B, SHA-1.
var vectors = map[int64]string{
	59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
}

func TestACodeIsThatOfItsStepAndItsNeighboursOnly(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, code := range vectors {
		for _, shift := range []int64{-61, -31, -30, 0, 30, 60, 90} {
			now := time.Unix(at+shift, 0)
			if at+shift < 0 {
				continue
			}
			near := (at+shift)/30-at/30 <= 1 && (at+shift)/30-at/30 >= -1
			step, ok := mfa.TOTP{}.Match(secret, code, now)
			if ok != near || ok && step != at/30 {
				t.Errorf("%s of %d, %d s off: %d %t, want %t", code, at, shift, step, ok, near)
			}
		}
	}
	for _, wrong := range []string{"", "28708", "2870822", "287083", "２８７０８２", "28708a"} {
		if _, ok := (mfa.TOTP{}).Match(secret, wrong, time.Unix(59, 0)); ok {
			t.Errorf("%q is a code", wrong)
		}
	}
}

func TestASecretIsDrawnAndShown(t *testing.T) {
	one, two := mfa.TOTP{}.NewSecret(), mfa.TOTP{}.NewSecret()
	if len(one) != 20 || bytes.Equal(one, two) {
		t.Fatalf("secrets %x %x", one, two)
	}
	text := mfa.TOTP{}.Text(one)
	back, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil || !bytes.Equal(back, one) {
		t.Errorf("typed: %v", err)
	}
	for _, name := range []string{"Acme: the company", "Ümläut/?&#", strings.Repeat("n", 300)} {
		picture, err := mfa.TOTP{}.QR(one, name, "ada@acme.example")
		if err != nil {
			t.Fatal(err)
		}
		if drawn, err := png.Decode(bytes.NewReader(picture)); err != nil || drawn.Bounds().Dx() != 240 {
			t.Errorf("picture of %q: %v", name, err)
		}
	}
}
