package secret_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

func hasher(t testing.TB, c secret.Config) *secret.Hasher {
	t.Helper()
	h, err := secret.NewHasher(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func mustHash(t testing.TB, h *secret.Hasher, text authz.Secret) string {
	t.Helper()
	stored, err := h.HashMachine(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	return stored
}

func TestAHashMatchesItsTextOnly(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	type pair struct {
		hash   func(context.Context, authz.Secret) (string, error)
		verify func(context.Context, string, authz.Secret) (bool, bool, error)
		costs  string
	}
	for name, p := range map[string]pair{
		"human":   {h.HashHuman, h.VerifyHuman, "$argon2id$v=19$m=19456,t=2,p=1,keyid=one$"},
		"machine": {h.HashMachine, h.VerifyMachine, "$argon2id$v=19$m=1024,t=1,p=1,keyid=one$"},
	} {
		stored, err := p.hash(t.Context(), "correct horse")
		if err != nil || !strings.HasPrefix(stored, p.costs) {
			t.Fatalf("%s: %s, %v", name, stored, err)
		}
		if match, rehash, err := p.verify(t.Context(), stored, "correct horse"); !match || rehash || err != nil {
			t.Errorf("%s: %v %v %v", name, match, rehash, err)
		}
		for _, text := range []authz.Secret{"correct horsf", "correct hors", "correct horse ", "Correct horse"} {
			if match, rehash, err := p.verify(t.Context(), stored, text); match || rehash || err != nil {
				t.Errorf("%s, another text: %v %v %v", name, match, rehash, err)
			}
		}
	}
}

func TestAHashOfOneProfileNeverVerifiesInTheOther(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	if match, _, err := h.VerifyHuman(t.Context(), mustHash(t, h, "text"), "text"); match || err != nil {
		t.Errorf("%v %v", match, err)
	}
}

func TestEqualTextsAreHashedDifferently(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	if first, second := mustHash(t, h, "text"), mustHash(t, h, "text"); first == second {
		t.Error("two hashes of one text are equal")
	}
}

func TestAnEmptyStoredHashMatchesNothing(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	if match, rehash, err := h.VerifyMachine(t.Context(), "", "text"); match || rehash || err != nil {
		t.Errorf("%v %v %v", match, rehash, err)
	}
	if err := h.Dummy(t.Context(), "text"); err != nil {
		t.Error(err)
	}
	h.DummyHuman(t.Context(), "text")
}

func TestAStolenDatabaseAloneCannotTestAGuess(t *testing.T) {
	stored := mustHash(t, hasher(t, secret.Config{Keyring: keyring(t, root("one"))}), "text")
	thief := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	if match, _, err := thief.VerifyMachine(t.Context(), stored, "text"); match || err != nil {
		t.Errorf("another root of the same id: %v %v", match, err)
	}
}

func TestAHashIsMadeAgainWhenCostsOrRootChange(t *testing.T) {
	old, young := root("old"), root("young")
	stored := mustHash(t, hasher(t, secret.Config{Keyring: keyring(t, old)}), "text")
	check := func(name string, c secret.Config) {
		t.Helper()
		h := hasher(t, c)
		if match, rehash, err := h.VerifyMachine(t.Context(), stored, "text"); !match || !rehash || err != nil {
			t.Errorf("%s: %v %v %v", name, match, rehash, err)
		}
		if match, rehash, err := h.VerifyMachine(t.Context(), stored, "other"); match || rehash || err != nil {
			t.Errorf("%s, wrong text: %v %v %v", name, match, rehash, err)
		}
	}
	check("a new root", secret.Config{Keyring: keyring(t, young, old)})
	check("dearer", secret.Config{Keyring: keyring(t, old), Machine: secret.Params{MemoryKiB: 2048, Passes: 1, Threads: 1}})
	gone := hasher(t, secret.Config{Keyring: keyring(t, young)})
	if match, _, err := gone.VerifyMachine(t.Context(), stored, "text"); match || authz.KindOf(err) != authz.Internal || err == nil {
		t.Errorf("a root that is gone: %v %v", match, err)
	}
}

func TestAStoredHashThatCostsTooMuchIsRefused(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	rest := strings.TrimPrefix(mustHash(t, h, "text"), "$argon2id$v=19$m=1024,t=1,p=1")
	for _, costs := range []string{
		"m=65537,t=1,p=1", "m=4294967295,t=1,p=1", "m=4294967296,t=1,p=1", "m=63,t=1,p=1", "m=0,t=1,p=1",
		"m=1024,t=0,p=1", "m=1024,t=17,p=1", "m=1024,t=1,p=0", "m=1024,t=1,p=17", "m=64,t=1,p=9", "m=1024,t=1,p=257",
	} {
		match, _, err := h.VerifyMachine(t.Context(), "$argon2id$v=19$"+costs+rest, "text")
		if match || err == nil {
			t.Errorf("%s: %v %v", costs, match, err)
		} else if strings.Contains(err.Error(), rest) {
			t.Errorf("%s: the error quotes the hash", costs)
		}
	}
}

func TestATextThatIsEmptyOrTooLongIsNotHashed(t *testing.T) {
	h := hasher(t, secret.Config{Keyring: keyring(t, root("one"))})
	stored := mustHash(t, h, authz.Secret(strings.Repeat("x", 1024)))
	for _, text := range []authz.Secret{"", authz.Secret(strings.Repeat("x", 1025))} {
		if _, err := h.HashMachine(t.Context(), text); authz.KindOf(err) != authz.Invalid {
			t.Errorf("%d bytes hashed: %v", len(text), err)
		}
		if match, _, err := h.VerifyMachine(t.Context(), stored, text); match || authz.KindOf(err) != authz.Invalid {
			t.Errorf("%d bytes verified: %v %v", len(text), match, err)
		}
	}
}

func TestAHasherRefusesCostsOutOfBounds(t *testing.T) {
	k := keyring(t, root("one"))
	for i, c := range []secret.Config{
		{},
		{Keyring: k, Permits: -1},
		{Keyring: k, Human: secret.Params{MemoryKiB: 1024, Passes: 2, Threads: 1}},
		{Keyring: k, Human: secret.Params{MemoryKiB: 128 << 10, Passes: 2, Threads: 1}},
		{Keyring: k, Machine: secret.Params{MemoryKiB: 32, Passes: 1, Threads: 1}},
		{Keyring: k, Machine: secret.Params{MemoryKiB: 1024}},
	} {
		if _, err := secret.NewHasher(c); err == nil {
			t.Errorf("%d: accepted", i)
		}
	}
}

func benchmarkVerify(b *testing.B, p secret.Params) {
	h := hasher(b, secret.Config{Keyring: keyring(b, root("one")), Machine: p})
	stored := mustHash(b, h, "text")
	b.ReportAllocs()
	for b.Loop() {
		if match, _, err := h.VerifyMachine(b.Context(), stored, "text"); !match || err != nil {
			b.Fatal(match, err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, p := range map[string]secret.Params{"human": secret.HumanParams(), "machine": secret.MachineParams()} {
		b.Run(fmt.Sprintf("%s/%dKiB", name, p.MemoryKiB), func(b *testing.B) { benchmarkVerify(b, p) })
	}
}

func BenchmarkDigest(b *testing.B) {
	token := authz.NewToken("gh_at_").Reveal()
	want := authz.Digest(token)
	b.ReportAllocs()
	for b.Loop() {
		if want != authz.Digest(token) {
			b.Fatal("differs")
		}
	}
}
