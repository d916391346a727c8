package secret_test

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

func mustSeal(t testing.TB, k *secret.Keyring, purpose, row, plain string) []byte {
	t.Helper()
	sealed, err := k.Seal(purpose, row, []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestASealedTextOpensForItsPurposeAndRowOnly(t *testing.T) {
	k := keyring(t, root("one"))
	sealed := mustSeal(t, k, "connection", "con_1", "hunter2")
	if bytes.Contains(sealed, []byte("hunter2")) {
		t.Error("sealed in clear")
	}
	if plain, err := k.Open("connection", "con_1", sealed); err != nil || string(plain) != "hunter2" {
		t.Errorf("%q, %v", plain, err)
	}
	for _, c := range [][2]string{
		{"connection", "con_2"}, {"totp", "con_1"}, {"", ""}, {"con_1", "connection"},
		{"connectionc", "on_1"}, {"connectio", "ncon_1"},
	} {
		if _, err := k.Open(c[0], c[1], sealed); !errors.Is(err, secret.ErrNotOpened) {
			t.Errorf("for %q and %q: %v", c[0], c[1], err)
		}
	}
}

func TestASealedTextChangedAnywhereDoesNotOpen(t *testing.T) {
	k := keyring(t, root("one"), root("two"))
	sealed := mustSeal(t, k, "p", "r", "text")
	for i := range sealed {
		changed := slices.Clone(sealed)
		changed[i] ^= 1
		if _, err := k.Open("p", "r", changed); !errors.Is(err, secret.ErrNotOpened) {
			t.Fatalf("byte %d changed: %v", i, err)
		}
		if _, err := k.Open("p", "r", sealed[:i]); !errors.Is(err, secret.ErrNotOpened) {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

func TestEqualTextsAreSealedDifferently(t *testing.T) {
	k := keyring(t, root("one"))
	if bytes.Equal(mustSeal(t, k, "p", "r", "text"), mustSeal(t, k, "p", "r", "text")) {
		t.Error("two seals of one text are equal")
	}
}

func TestRootsRotate(t *testing.T) {
	old, young := root("old"), root("young")
	before, both, after := keyring(t, old), keyring(t, young, old), keyring(t, young)
	sealed := mustSeal(t, before, "p", "r", "text")
	if plain, err := both.Open("p", "r", sealed); err != nil || string(plain) != "text" {
		t.Errorf("an earlier root's: %q, %v", plain, err)
	}
	if before.NeedsReseal(sealed) || !both.NeedsReseal(sealed) || !after.NeedsReseal(sealed) || !both.NeedsReseal(nil) {
		t.Error("only the first root's needs no resealing")
	}
	if _, err := after.Open("p", "r", sealed); !errors.Is(err, secret.ErrNotOpened) {
		t.Errorf("a root that is gone: %v", err)
	}
	if both.NeedsReseal(mustSeal(t, both, "p", "r", "text")) {
		t.Error("sealed with the first root, yet to be resealed")
	}
	impostor := keyring(t, secret.Root{ID: "old", Key: young.Key})
	if _, err := impostor.Open("p", "r", sealed); !errors.Is(err, secret.ErrNotOpened) {
		t.Errorf("another root of the same id: %v", err)
	}
}

func TestWhatIsTooLongIsNotSealed(t *testing.T) {
	k := keyring(t, root("one"))
	if _, err := k.Seal("p", "r", make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	if _, err := k.Seal("p", "r", make([]byte, 1<<20+1)); err == nil {
		t.Error("sealed more than 1 MiB")
	}
}

func TestWhatATokenSealedOpensWithThatTokenAndKeyringOnly(t *testing.T) {
	one := root("one")
	k := keyring(t, one)
	token := authz.NewToken("gh_rt_")
	sealed, err := k.SealWithToken(token, "successor", []byte("pair"))
	if err != nil {
		t.Fatal(err)
	}
	young := keyring(t, root("young"), one)
	if plain, err := young.OpenWithToken(token, "successor", sealed); err != nil || string(plain) != "pair" {
		t.Errorf("%q, %v", plain, err)
	}
	refused := func(what string, k *secret.Keyring, token authz.Secret, purpose string) {
		t.Helper()
		if _, err := k.OpenWithToken(token, purpose, sealed); !errors.Is(err, secret.ErrNotOpened) {
			t.Errorf("%s: %v", what, err)
		}
	}
	refused("another token", k, authz.NewToken("gh_rt_"), "successor")
	refused("the token cut", k, token[:len(token)-1], "successor")
	refused("no token", k, "", "successor")
	refused("another purpose", k, token, "predecessor")
	refused("another keyring", keyring(t, root("one")), token, "successor")
	if _, err := k.Open("successor", "", sealed); !errors.Is(err, secret.ErrNotOpened) {
		t.Errorf("without the token: %v", err)
	}
	if _, err := k.SealWithToken("short", "successor", nil); err == nil {
		t.Error("a token that can be guessed sealed something")
	}
}

func FuzzOpen(f *testing.F) {
	k := keyring(f, root("one"), root("two"))
	token := authz.NewToken("")
	good := mustSeal(f, k, "p", "r", "text")
	f.Add(good)
	f.Add(good[:10])
	f.Add([]byte{1, 255, 'o'})
	f.Add([]byte{1, 0})
	f.Add([]byte{2, 3, 'o', 'n', 'e'})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if plain, err := k.Open("p", "r", sealed); err == nil && !bytes.Equal(sealed, good) {
			t.Errorf("forged %q", plain)
		} else if err != nil && !errors.Is(err, secret.ErrNotOpened) {
			t.Errorf("not opened, but %v", err)
		}
		if _, err := k.OpenWithToken(token, "p", sealed); err == nil {
			t.Error("forged for a token")
		}
		k.NeedsReseal(sealed)
	})
}

func BenchmarkSeal(b *testing.B) {
	k := keyring(b, root("one"))
	plain := make([]byte, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Seal("p", "r", plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOpen(b *testing.B) {
	k := keyring(b, root("one"))
	sealed := mustSeal(b, k, "p", "r", string(make([]byte, 256)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Open("p", "r", sealed); err != nil {
			b.Fatal(err)
		}
	}
}
