package oidc_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

const discoveryPath = "/.well-known/openid-configuration"

func TestUO_11_Attack_16_AnUpstreamInsideIsNotReached(t *testing.T) {
	for _, issuer := range []string{
		"https://169.254.169.254", "https://[::1]", "https://127.0.0.1:1", "http://127.0.0.1:1", "https://10.0.0.1/x", "https://0x7f.1", "http://op.example",
	} {
		conn, err := oidc.New(oidc.Config{ID: "c", Issuer: issuer, ClientID: "rp", RedirectURI: callbackURI, HTTP: outbound.NewClient(outbound.Config{})})
		if err != nil {
			t.Fatal(err)
		}
		if err := conn.Discover(t.Context()); reason(err) != idp.ReasonBlocked {
			t.Errorf("%s: %v", issuer, err)
		}
	}
	inside, visits := canary(t)
	for name, change := range map[string]map[string]any{
		"keys": {"jwks_uri": "http://169.254.169.254/jwks"}, "tokens": {"token_endpoint": "https://[::1]/"},
	} {
		r := newRig(t, nil, nil)
		t.Run(name, func(t *testing.T) { r.refused(t, metadata(r.op, change), idp.ReasonBlocked) })
	}
	for _, path := range []string{discoveryPath, "/jwks", "/token"} {
		r := newRig(t, nil, nil)
		r.refused(t, serve(path, http.RedirectHandler(inside, http.StatusFound)), idp.ReasonBlocked)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

func TestUO_13_Attack_16_AHostileUpstreamCostsLittle(t *testing.T) {
	manyKeys := map[string]any{"keys": make([]struct{}, 101)}
	hugeSet := map[string]any{"keys": make([]struct{}, 200_000)}
	for _, path := range []string{discoveryPath, "/jwks"} {
		for name, c := range map[string]struct {
			handler http.Handler
			want    string
		}{
			"endless":   {idptest.Endless(), idp.ReasonTooLarge},
			"dripping":  {idptest.Drip(10 * time.Millisecond), idp.ReasonUnavailable},
			"hanging":   {idptest.Hang(), idp.ReasonUnavailable},
			"away":      {idptest.Status(502), idp.ReasonUnavailable},
			"many keys": {idptest.JSON(manyKeys), idp.ReasonTooLarge},
			"huge":      {idptest.JSON(hugeSet), idp.ReasonTooLarge},
		} {
			if path == discoveryPath && name == "many keys" {
				continue
			}
			t.Run(path+" "+name, func(t *testing.T) {
				timeout := time.Minute // what is too large is refused for its size, however slow the machine
				if c.want == idp.ReasonUnavailable {
					timeout = 300 * time.Millisecond
				}
				r := newRig(t, nil, func(c *oidc.Config) { c.HTTP = client(timeout) })
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				r.refused(t, serve(path, c.handler), c.want)
				runtime.ReadMemStats(&after)
				if allocated := (after.TotalAlloc - before.TotalAlloc) >> 20; allocated > 32 {
					t.Errorf("allocated %d MiB", allocated)
				}
			})
		}
	}
}

func TestAnUpstreamThatIsAwayIsNotStormed(t *testing.T) {
	r := newRig(t, nil, nil)
	r.op.SetFaults(serve(discoveryPath, idptest.Status(500)))
	storm := func() {
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if _, err := r.conn.Begin(t.Context(), newLogin()); reason(err) != idp.ReasonUnavailable {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
	for round := 1; round <= 3; round++ {
		storm()
		if n := r.op.Requests(discoveryPath); n != round {
			t.Fatalf("%d requests in round %d", n, round)
		}
		r.advance(5 * time.Second)
	}
	r.op.SetFaults(idptest.Faults{})
	if _, err := r.signIn(t, newLogin()); err != nil {
		t.Errorf("back again: %v", err)
	}
}

func TestDiscoveryIsAskedOnceByManyAndKeptThroughAnOutage(t *testing.T) {
	r := newRig(t, nil, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := r.conn.Begin(t.Context(), newLogin()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := r.op.Requests(discoveryPath); n != 1 {
		t.Errorf("%d requests", n)
	}
	if _, err := r.signIn(t, newLogin()); err != nil {
		t.Fatal(err)
	}
	down := idptest.Faults{Serve: map[string]http.Handler{discoveryPath: idptest.Status(500), "/jwks": idptest.Status(500)}}
	r.op.SetFaults(down)
	r.advance(23 * time.Hour)
	if _, err := r.signIn(t, newLogin()); err != nil {
		t.Errorf("23 hours into the outage: %v", err)
	}
	r.advance(2 * time.Hour)
	if _, err := r.conn.Begin(t.Context(), newLogin()); reason(err) != idp.ReasonUnavailable {
		t.Errorf("25 hours into the outage: %v", err)
	}
}

func TestARolledKeyIsFetchedAtOnce(t *testing.T) {
	r := newRig(t, nil, nil)
	for round := range 3 {
		if _, err := r.signIn(t, newLogin()); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := r.op.RollKey(""); err != nil {
			t.Fatal(err)
		}
		r.advance(time.Minute)
	}
	if n := r.op.Requests("/jwks"); n != 3 {
		t.Errorf("%d requests", n)
	}
}

func TestAttack_10_UO_14_UnknownKeyIDsCauseTwoFetchesAMinute(t *testing.T) {
	r := newRig(t, nil, nil)
	keys := oidc.NewKeySet(oidc.KeySetConfig{URL: r.op.Issuer() + "/jwks", HTTP: client(0), Now: r.Now})
	verify := func(header string) string {
		_, err := keys.VerifySignature(t.Context(), encode(header)+".e30.AAAA")
		return reason(err)
	}
	for i := range 1000 {
		if got := verify(fmt.Sprintf(`{"alg":"ES256","kid":"k%d"}`, i)); got != idp.ReasonSignature {
			t.Fatalf("token %d: %q", i, got)
		}
	}
	if n := r.op.Requests("/jwks"); n != 2 {
		t.Errorf("%d fetches", n)
	}
	for minute := 1; minute <= 3; minute++ {
		r.advance(time.Minute)
		verify(`{"alg":"ES256","kid":"k0"}`) // remembered as unknown
		if n := r.op.Requests("/jwks"); n != 2 {
			t.Errorf("minute %d: %d fetches", minute, n)
		}
	}
	verify(`{"alg":"ES256","kid":"new"}`)
	if n := r.op.Requests("/jwks"); n != 3 {
		t.Errorf("a new kid after a minute: %d fetches", n)
	}
}

func TestAttack_11_AWithdrawnKeyDiesADayAfterItLeft(t *testing.T) {
	r := newRig(t, func(c *idptest.Config) { c.KeyID = "old" }, nil)
	if _, err := r.signIn(t, newLogin()); err != nil {
		t.Fatal(err)
	}
	// The upstream signs with a key that its JWKS does not show any more.
	other := newRig(t, func(c *idptest.Config) { c.KeyID = "new" }, nil)
	r.op.SetFaults(serve("/jwks", other.op.Handler()))
	for _, c := range []struct {
		after time.Duration
		want  string
	}{{10 * time.Minute, ""}, {23 * time.Hour, ""}, {2 * time.Hour, idp.ReasonSignature}} {
		r.advance(c.after)
		if _, err := r.signIn(t, newLogin()); reason(err) != c.want {
			t.Errorf("after another %v: %v, want %q", c.after, err, c.want)
		}
	}
}

func TestAKeyIsUsedOnlyIfItCanBeTrustedToVerify(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]any{
		"RSA 1024":   map[string]any{"kty": "RSA", "kid": "k", "e": "AQAB", "n": encode(strings.Repeat("\xff", 128))},
		"RSA 16384":  map[string]any{"kty": "RSA", "kid": "k", "e": "AQAB", "n": encode(strings.Repeat("\xff", 2048))},
		"symmetric":  map[string]any{"kty": "oct", "kid": "k", "k": "AAAA"},
		"encryption": jose.JSONWebKey{Key: private.Public(), KeyID: "k", Use: "enc"},
		"private":    jose.JSONWebKey{Key: private, KeyID: "k", Use: "sig"},
		"unknown":    map[string]any{"kty": "XYZ", "kid": "k"},
		"no object":  1,
	} {
		r := newRig(t, nil, nil)
		t.Run(name, func(t *testing.T) {
			r.refused(t, serve("/jwks", idptest.JSON(map[string]any{"keys": []any{key}})), idp.ReasonMetadata)
		})
	}
}

func encode(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func TestFB_OnlyWhatSomebodyNeededCountsAsAnOutage(t *testing.T) {
	var answered, failed atomic.Int64
	r := newRig(t, nil, func(c *oidc.Config) {
		c.Observe = func(_ context.Context, ok bool) {
			if ok {
				answered.Add(1)
			} else {
				failed.Add(1)
			}
		}
	})
	if _, err := r.signIn(t, newLogin()); err != nil {
		t.Fatal(err)
	}
	r.op.SetFaults(idptest.Faults{Serve: map[string]http.Handler{discoveryPath: idptest.Status(500), "/jwks": idptest.Status(500)}})
	r.advance(13 * time.Hour)
	before := r.op.Requests(discoveryPath) + r.op.Requests("/jwks")
	for r.op.Requests(discoveryPath)+r.op.Requests("/jwks") < before+6 { // behind the back of those who sign in
		if _, err := r.signIn(t, newLogin()); err != nil {
			t.Fatal(err)
		}
		r.advance(6 * time.Second)
	}
	if err := r.conn.Probe(t.Context()); err != nil || failed.Load() != 0 || answered.Load() == 0 {
		t.Errorf("probe %v; %d exchanges failed", err, failed.Load())
	}
	r.advance(25 * time.Hour) // now there is no good copy
	for failed.Load() == 0 {  // a fetch of before may still be under way
		if _, err := r.signIn(t, newLogin()); err == nil {
			t.Fatal("signed in")
		}
		r.advance(6 * time.Second)
	}
}

func TestAttack_32_ACodeThatIsNoneIsNotPassedOn(t *testing.T) {
	r := newRig(t, nil, nil)
	login := newLogin()
	if _, err := r.signIn(t, login); err != nil {
		t.Fatal(err)
	}
	sent := r.op.Requests("/token")
	for _, code := range []string{"\x00", "a\x00b", "\x1f", "\x7f", "caf\xe9", "a\r\nb", "ü"} {
		_, err := r.conn.Finish(t.Context(), remembered(login, url.Values{"state": {login.State}, "iss": {r.op.Issuer()}, "code": {code}}))
		if reason(err) != idp.ReasonCallback {
			t.Errorf("%q: %v", code, err)
		}
	}
	_, err := r.conn.Finish(t.Context(), remembered(login, url.Values{"state": {login.State}, "iss": {r.op.Issuer()}, "code": {" ~!"}}))
	if reason(err) != idp.ReasonExchange || r.op.Requests("/token") != sent+1 {
		t.Errorf("a code of visible characters: %v, %d sent", err, r.op.Requests("/token")-sent)
	}
}
