package apikey_test

import (
	"bytes"
	"context"
	"os"
	"strings"
	"testing"
	"time"

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

// AK-09: each invented key is refused without a trace; a hundred within a minute
// are an alert, and a thousand more no second one for an hour.
func TestAK_09_InventedKeysInNumbersAreToldOf(t *testing.T) {
	h := newHouse(t)
	from := authz.WithOrigin(t.Context(), authz.Origin{IP: "203.0.113.9"})
	invent := func(n int) {
		t.Helper()
		for range n {
			text := must(apikey.Drawn("up", authz.Live, bytes.Repeat([]byte("x"), 32)))(t)
			if _, _, err := h.keys.Authenticate(from, text); authz.KindOf(err) != authz.Unauthenticated {
				t.Fatal(err)
			}
		}
	}
	told := func(want int) []authz.Delivery {
		t.Helper()
		h.check(h.keys.TellOfGuesses(t.Context()))
		if entries := h.entries("", "api_key.guessed"); len(entries) != want {
			t.Fatalf("%d entries, want %d", len(entries), want)
		}
		return h.events("api_key.guessed")
	}
	told(0)
	invent(99)
	h.clock.Advance(59 * time.Second)
	told(0)
	h.clock.Advance(2 * time.Second) // the first ninety-nine are over
	told(0)
	invent(99)
	told(0)
	invent(1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if h.keys.TellOfGuesses(gone) == nil {
		t.Fatal("told of without a database")
	}
	events := told(1)
	if len(events) != 1 || events[0].WorkspaceID != "" || !strings.Contains(string(events[0].Body), `"count":100,"address":"203.0.113.9","severity":"P2"`) {
		t.Errorf("told: %+v", events)
	}
	invent(200)
	h.clock.Advance(30 * time.Minute)
	told(1)
	h.clock.Advance(-2 * time.Hour) // a clock that steps back silences nothing
	invent(100)
	told(2)
	h.clock.Advance(61 * time.Minute)
	told(2)
	invent(100)
	told(3)
	// What is no key, of another product, or ours and dead, is no guess.
	key, text := h.mint()
	must(h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, key.ID))(t)
	h.clock.Advance(61 * time.Minute)
	for range 100 {
		other := must(apikey.Drawn("sp", authz.Live, bytes.Repeat([]byte("x"), 32)))(t)
		for _, dead := range []authz.Secret{text, other, text[:60]} {
			if _, _, err := h.keys.Authenticate(from, dead); authz.KindOf(err) != authz.Unauthenticated {
				t.Fatal(err)
			}
		}
	}
	told(3)
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
