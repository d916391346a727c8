package leakreport_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/leakreport"
)

// github publishes keys and signs with them, as GitHub does.
type github struct {
	t       *testing.T
	keys    map[string]*ecdsa.PrivateKey
	fetched atomic.Int64
	broken  atomic.Bool
	url     string
}

func newGitHub(t *testing.T, ids ...string) *github {
	t.Helper()
	g := &github{t: t, keys: make(map[string]*ecdsa.PrivateKey)}
	for _, id := range ids {
		g.add(id, elliptic.P256())
	}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	g.url = server.URL
	return g
}

func (g *github) add(id string, curve elliptic.Curve) {
	g.t.Helper()
	key, err := ecdsa.GenerateKey(curve, nil)
	if err != nil {
		g.t.Fatal(err)
	}
	g.keys[id] = key
}

func (g *github) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	g.fetched.Add(1)
	if g.broken.Load() {
		http.Error(w, "away", http.StatusBadGateway)
		return
	}
	type key struct {
		ID      string `json:"key_identifier"`
		Key     string `json:"key"`
		Current bool   `json:"is_current"`
	}
	var keys []key
	for id, private := range g.keys {
		der, _ := x509.MarshalPKIXPublicKey(private.Public())
		keys = append(keys, key{id, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), true})
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"public_keys": keys})
}

func (g *github) sign(id string, body []byte) string {
	g.t.Helper()
	sum := sha256.Sum256(body)
	signature, err := ecdsa.SignASN1(nil, g.keys[id], sum[:])
	if err != nil {
		g.t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (g *github) partner(clock authz.Clock) *leakreport.Partner {
	g.t.Helper()
	p, err := leakreport.NewPartner(leakreport.PartnerConfig{URL: g.url, HTTP: http.DefaultClient, Clock: clock})
	if err != nil {
		g.t.Fatal(err)
	}
	return p
}

var body = []byte(`[{"token":"up_live_x","type":"uptimepulse_api_key","url":"https://github.com/a/b/blob/c/d","source":"content"}]`)

func TestOnlyWhatThePartnerSignedIsTrue(t *testing.T) {
	g := newGitHub(t, "one", "two")
	g.add("large", elliptic.P384())
	p := g.partner(authz.NewStandingClock())
	if err := p.Verify(t.Context(), "two", g.sign("two", body), body); err != nil {
		t.Fatal(err)
	}
	short := strings.TrimRight(g.sign("two", body), "=")[:20]
	for name, c := range map[string]struct {
		id, signature string
		body          []byte
	}{
		"another key's":        {"one", g.sign("two", body), body},
		"an altered body":      {"two", g.sign("two", body), append(append([]byte{}, body...), ' ')},
		"an unknown key":       {"three", g.sign("two", body), body},
		"a key of P-384":       {"large", g.sign("large", body), body},
		"no key":               {"", g.sign("two", body), body},
		"no signature":         {"two", "", body},
		"a cut signature":      {"two", short, body},
		"no base64":            {"two", "!", body},
		"zeros":                {"two", base64.StdEncoding.EncodeToString(make([]byte, 64)), body},
		"a signature too long": {"two", strings.Repeat("A", 1000), body},
	} {
		if err := p.Verify(t.Context(), c.id, c.signature, c.body); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A stranger who sends ids at random must not make us ask for each.
func TestThePartnersKeysAreAskedForOnceAMinuteAndBelievedForAnHour(t *testing.T) {
	g := newGitHub(t, "one")
	clock := authz.NewStandingClock()
	p := g.partner(clock)
	ask := func(id string, kind authz.Kind, ok bool, fetched int64) {
		t.Helper()
		signature := "AAAA"
		if _, known := g.keys[id]; known {
			signature = g.sign(id, body)
		}
		err := p.Verify(t.Context(), id, signature, body)
		if (err == nil) != ok || !ok && authz.KindOf(err) != kind || g.fetched.Load() != fetched {
			t.Fatalf("%s: %v, fetched %d times, want %d", id, err, g.fetched.Load(), fetched)
		}
	}
	ask("one", 0, true, 1)
	for range 20 {
		ask("made up", authz.Unauthenticated, false, 1)
	}
	g.add("new", elliptic.P256())
	ask("new", authz.Unauthenticated, false, 1)
	clock.Advance(time.Minute)
	ask("new", 0, true, 2)
	g.broken.Store(true)
	clock.Advance(59 * time.Minute)
	ask("one", 0, true, 2)
	clock.Advance(time.Minute)
	ask("one", authz.Unavailable, false, 3) // whether it still is theirs is not known
	ask("one", authz.Unavailable, false, 3)
	g.broken.Store(false)
	clock.Advance(time.Minute)
	ask("one", 0, true, 4)
	clock.Advance(-24 * time.Hour)
	ask("one", 0, true, 5)
}

func TestReportsAreReadStrictlyAndNeverQuoted(t *testing.T) {
	r, err := leakreport.Parse([]byte(` {"key":"up_live_x","url":"https://example.com"} `))
	if err != nil || r.Token != "up_live_x" || r.URL != "https://example.com" {
		t.Errorf("%+v, %v", r.URL, err)
	}
	many := "[" + strings.Repeat(`{"token":"a","type":"b"},`, leakreport.MaxPartner) + `{"token":"a","type":"b"}]`
	list, err := leakreport.ParsePartner(body)
	if err != nil || len(list) != 1 || list[0].Token != "up_live_x" || list[0].Type != "uptimepulse_api_key" {
		t.Errorf("%d, %v", len(list), err)
	}
	for _, bad := range []string{
		"", "null", "[]", "{}", `{"key":""}`, `{"key":1}`, `{"key":"sesame","more":1}`, `{"key":"sesame"} x`, `{"key":"` + strings.Repeat("sesame", 200) + `"}`,
		`[{"token":""}]`, `[{"token":"sesame"}] []`, many, `[{"token":"sesame","type":"` + strings.Repeat("x", 200) + `"}]`,
	} {
		for _, parse := range []func([]byte) error{
			func(b []byte) error { _, err := leakreport.Parse(b); return err },
			func(b []byte) error { _, err := leakreport.ParsePartner(b); return err },
		} {
			if err := parse([]byte(bad)); authz.KindOf(err) != authz.Invalid || strings.Contains(err.Error(), "sesame") {
				t.Errorf("%.40s: %v", bad, err)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(body))
	f.Add(`{"key":"up_live_x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := leakreport.Parse([]byte(text)); err == nil && r.Token == "" {
			t.Error("a report of nothing")
		}
		list, err := leakreport.ParsePartner([]byte(text))
		if err == nil && (len(list) == 0 || len(list) > leakreport.MaxPartner) {
			t.Errorf("%d reports", len(list))
		}
	})
}
