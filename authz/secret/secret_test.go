package secret_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

// root returns a root key of 32 random bytes.
func root(id string) secret.Root {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	return secret.Root{ID: id, Key: key}
}

func keyring(t testing.TB, roots ...secret.Root) *secret.Keyring {
	t.Helper()
	k, err := secret.NewKeyring(roots)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestAKeyringRefusesRootsThatAreWeakNamelessOrTheSame(t *testing.T) {
	good := root("one")
	for name, roots := range map[string][]secret.Root{
		"none":           nil,
		"short key":      {{ID: "one", Key: good.Key[:31]}},
		"no id":          {{Key: good.Key}},
		"id with dollar": {{ID: "a$b", Key: good.Key}},
		"id with comma":  {{ID: "a,b", Key: good.Key}},
		"long id":        {{ID: strings.Repeat("a", 33), Key: good.Key}},
		"same id":        {good, root("one")},
		"same key":       {good, {ID: "two", Key: good.Key}},
	} {
		if _, err := secret.NewKeyring(roots); err == nil {
			t.Errorf("%s: accepted", name)
		} else if strings.Contains(err.Error(), string(good.Key)) {
			t.Errorf("%s: the error tells the key", name)
		}
	}
}

func TestAKeyringDoesNotChangeWhenItsMakerClearsTheKey(t *testing.T) {
	r := root("one")
	k := keyring(t, r)
	before := k.Derive("tags")
	clear(r.Key)
	if !bytes.Equal(before, k.Derive("tags")) {
		t.Error("the keyring shares memory with its maker")
	}
}

func TestRootKeysAreNeverPrinted(t *testing.T) {
	r := secret.Root{ID: "one", Key: []byte(strings.Repeat("K", 32))}
	k := keyring(t, r)
	var out strings.Builder
	for _, v := range []any{r, &r, k, *k, []secret.Root{r}} {
		fmt.Fprintf(&out, "%v %+v %#v %s\n", v, v, v, v)
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "root", r, "ring", k)
	asJSON, err := json.Marshal([]any{r, k})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(asJSON)
	// The key as text, as a list of numbers, in hex and in base64.
	for _, form := range []string{"KKK", "75 75", "75,75", "0x4b", "S0tL"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("printed as %s in %s", form, out.String())
		}
	}
}

func TestDerivedKeysDifferByPurposeAndRoot(t *testing.T) {
	one, two := root("one"), root("two")
	k := keyring(t, one, two)
	all := k.DeriveAll("tags")
	if len(all) != 2 || len(all[0]) != 32 || !bytes.Equal(all[0], k.Derive("tags")) || bytes.Equal(all[0], all[1]) {
		t.Error("DeriveAll is Derive for each root, the first root's first")
	}
	if bytes.Equal(k.Derive("tags"), k.Derive("tag")) {
		t.Error("two purposes share a key")
	}
	if !bytes.Equal(all[1], keyring(t, two).Derive("tags")) {
		t.Error("a root's place in the ring changes its keys")
	}
}
