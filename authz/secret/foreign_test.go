package secret_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

const foreignText = "acme_sk_0123456789abcdefghijklmn"

func foreignHasher(t *testing.T) *secret.Hasher {
	t.Helper()
	ring, err := secret.NewKeyring([]secret.Root{{ID: "r", Key: bytes.Repeat([]byte("r"), 32)}})
	if err != nil {
		t.Fatal(err)
	}
	h, err := secret.NewHasher(secret.Config{
		Keyring: ring, Machine: secret.Params{MemoryKiB: 64, Passes: 1, Threads: 1}, Wait: time.Minute,
		ForeignKeys: []secret.Root{{ID: "old", Key: []byte("a key of the old system")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// foreignDigests are the digests of the text as other systems keep them.
func foreignDigests(t *testing.T) map[string][3]string {
	t.Helper()
	s256, s512 := sha256.Sum256([]byte(foreignText)), sha512.Sum512([]byte(foreignText))
	mac := hmac.New(sha256.New, []byte("a key of the old system"))
	mac.Write([]byte(foreignText))
	b, err := bcrypt.GenerateFromPassword([]byte(foreignText), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("sixteen bytes ok")
	sum := argon2.IDKey([]byte(foreignText), salt, 1, 64, 1, 24)
	return map[string][3]string{
		"SHA-256 as hex":            {secret.ForeignSHA256, hex.EncodeToString(s256[:]), ""},
		"SHA-256 as base64":         {secret.ForeignSHA256, base64.StdEncoding.EncodeToString(s256[:]), ""},
		"SHA-512 as upper-case hex": {secret.ForeignSHA512, strings.ToUpper(hex.EncodeToString(s512[:])), ""},
		"HMAC as base64url":         {secret.ForeignHMACSHA256, base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), "old"},
		"bcrypt":                    {secret.ForeignBcrypt, string(b), ""},
		"Argon2id": {secret.ForeignArgon2id, "$argon2id$v=19$m=64,t=1,p=1$" + base64.RawStdEncoding.EncodeToString(salt) + "$" +
			base64.RawStdEncoding.EncodeToString(sum), ""},
	}
}

func TestADigestOfAnotherSystemVerifiesAndIsToBeHashedAgain(t *testing.T) {
	h := foreignHasher(t)
	for name, d := range foreignDigests(t) {
		stored, err := h.Foreign(d[0], d[1], d[2])
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if match, rehash, err := h.VerifyMachine(t.Context(), stored, foreignText); !match || !rehash || err != nil {
			t.Errorf("%s: match %v, rehash %v, %v", name, match, rehash, err)
		}
		for _, wrong := range []authz.Secret{foreignText + "x", authz.Secret(foreignText[1:]), "x"} {
			if match, rehash, err := h.VerifyMachine(t.Context(), stored, wrong); match || rehash || err != nil {
				t.Errorf("%s: a wrong text: match %v, %v", name, match, err)
			}
		}
		if match, _, err := h.VerifyHuman(t.Context(), stored, foreignText); match || err == nil {
			t.Errorf("%s is taken for a password", name)
		}
	}
}

func TestOnlyDigestsOfBoundedCostAreTaken(t *testing.T) {
	h := foreignHasher(t)
	dear, err := bcrypt.GenerateFromPassword([]byte("x"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	costly := strings.Replace(string(dear), "$04$", "$13$", 1)
	for name, d := range map[string][3]string{
		"kind": {"md5", "00", ""}, "none": {"", "", ""}, "short": {secret.ForeignSHA256, "00ff", ""}, "cut": {secret.ForeignSHA256, strings.Repeat("0", 63), ""},
		"bcrypt cost": {secret.ForeignBcrypt, costly, ""}, "no bcrypt": {secret.ForeignBcrypt, "$2a$04$x", ""},
		"HMAC without key": {secret.ForeignHMACSHA256, strings.Repeat("0", 64), ""}, "HMAC, unknown key": {secret.ForeignHMACSHA256, strings.Repeat("0", 64), "new"},
		"a key too many": {secret.ForeignSHA256, strings.Repeat("0", 64), "old"},
		"argon2 memory":  {secret.ForeignArgon2id, "$argon2id$v=19$m=1048576,t=1,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcyBvaw", ""},
		"argon2 passes":  {secret.ForeignArgon2id, "$argon2id$v=19$m=64,t=100,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcyBvaw", ""},
		"argon2i":        {secret.ForeignArgon2id, "$argon2i$v=19$m=64,t=1,p=1$c2l4dGVlbiBieXRlcw$c2l4dGVlbiBieXRlcyBvaw", ""},
	} {
		if stored, err := h.Foreign(d[0], d[1], d[2]); authz.KindOf(err) != authz.Invalid {
			t.Errorf("%s is taken as %q: %v", name, stored, err)
		}
	}
	// What is just cheap enough is taken: 12 is what most who import keys have.
	if _, err := h.Foreign(secret.ForeignBcrypt, strings.Replace(string(dear), "$04$", "$12$", 1), ""); err != nil {
		t.Errorf("bcrypt of cost 12: %v", err)
	}
	long := authz.Secret(strings.Repeat("a", 73))
	b, err := bcrypt.GenerateFromPassword([]byte(long.Reveal()[:72]), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	stored, err := h.Foreign(secret.ForeignBcrypt, string(b), "")
	if err != nil {
		t.Fatal(err)
	}
	if match, _, err := h.VerifyMachine(t.Context(), stored, long); match || err != nil {
		t.Errorf("what bcrypt does not read is proven: %v", err)
	}
}
