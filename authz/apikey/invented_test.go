package apikey_test

import (
	"bytes"
	"context"
	"os"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// AK-09: of texts that are keys in every way a stranger can see, none is one: the
// keyed tag refuses them before anything is looked up.
func TestAK_09_AMillionInventedKeysAreNone(t *testing.T) {
	h := newHouse(t)
	cfg := h.config(up, "up")
	cfg.TagKeys = [][]byte{bytes.Repeat([]byte("x"), 32)} // a stranger's
	looked := 0
	counting := h.config(up, "up")
	counting.Store = countingStore{Store: counting.Store, lookups: &looked}
	keys := must(apikey.New(counting))(t)
	for range rounds(2_000, 1_000_000) {
		text := must(apikey.Drawn("up", authz.Live, cfg.TagKeys[0]))(t)
		if _, err := apikey.Parse(text); err != nil {
			t.Fatal(err)
		}
		if _, _, err := keys.Authenticate(t.Context(), text); authz.KindOf(err) != authz.Unauthenticated {
			t.Fatalf("an invented key: %v", err)
		}
	}
	if looked != 0 {
		t.Errorf("%d were looked up", looked)
	}
}

// countingStore counts the keys that are looked up.
type countingStore struct {
	apikey.Store
	lookups *int
}

func (s countingStore) GetAPIKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.APIKey, authz.Lineage, error) {
	*s.lookups++
	return s.Store.GetAPIKeyAcrossWorkspaces(ctx, issuer, id)
}

func rounds(reduced, all int) int {
	if os.Getenv("GATEHOUSE_TEST_FULL") == "1" {
		return all
	}
	return reduced
}
