package shared_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit/shared"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// hand is a clock that is set.
type hand struct{ now atomic.Int64 }

func handAt(at time.Time) *hand {
	h := &hand{}
	h.now.Store(at.UnixMicro())
	return h
}

func (h *hand) Now() time.Time          { return time.UnixMicro(h.now.Load()) }
func (h *hand) advance(d time.Duration) { h.now.Add(d.Microseconds()) }

var start = time.Unix(1_800_000_000, 0)

// redis starts a real server for this test.
func redis(t *testing.T, settings ...string) string {
	t.Helper()
	address := counterpart.FreeAddress(t)
	if len(settings) > 1 && settings[1] == "0" { // no port without TLS
		_, port, _ := net.SplitHostPort(address)
		settings = append(settings, "--tls-port", port)
	}
	counterpart.Redis(t, address, settings...)
	return address
}

// server is one node's way to address, connected, and patient: how busy this
// machine is decides nothing.
func server(t *testing.T, cfg shared.ServerConfig) *shared.Server {
	t.Helper()
	if cfg.Budget == 0 {
		cfg.Budget = 20 * time.Second
	}
	s := running(t, cfg)
	connected(t, s, true)
	return s
}

func running(t *testing.T, cfg shared.ServerConfig) *shared.Server {
	t.Helper()
	cfg.Length, cfg.KeyPrefix, cfg.Logger = time.Minute, "test:", slog.New(slog.DiscardHandler)
	s, err := shared.NewServer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() { s.Run(ctx) })
	t.Cleanup(func() { stop(); group.Wait() })
	return s
}

// connected waits until the server is there, or is let go of.
func connected(t *testing.T, s *shared.Server, want bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for s.Connected() != want {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("connected is %v for 20 s", !want)
		}
	}
}

// node is one node's window.
func node(t testing.TB, s *shared.Server, clock authz.Clock, nodes int) *shared.Window {
	t.Helper()
	local, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: time.Minute, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	w, err := shared.NewWindow(shared.WindowConfig{Server: s, Name: "up", Local: local, Nodes: func() int { return nodes }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestS16_RL01_OverTwoNodesThe1200thPassesAndThe1201stDoesNot(t *testing.T) {
	clock := handAt(start)
	address := redis(t)
	a := node(t, server(t, shared.ServerConfig{Address: address, Clock: clock}), clock, 2)
	b := node(t, server(t, shared.ServerConfig{Address: address, Clock: clock}), clock, 2)
	ctx := t.Context()
	for n := range 1200 {
		clock.advance(time.Millisecond)
		w := a
		if n%3 == 0 {
			w = b
		}
		want := authz.Quota{Allowed: true, Limit: 1200, Remaining: 1199 - n, Window: time.Minute, Reset: time.Minute}
		if q := w.Take(ctx, "k", 1200); q != want {
			t.Fatalf("use %d: %+v", n+1, q)
		}
	}
	q := b.Take(ctx, "k", 1200)
	if q.Allowed || q.Remaining != 0 || q.RetryAfter != time.Minute-1199*time.Millisecond || q.Reset != time.Minute {
		t.Fatalf("the 1,201st: %+v", q)
	}
	if !a.Take(ctx, "another", 1200).Allowed {
		t.Error("another key is affected")
	}
	clock.advance(q.RetryAfter - time.Microsecond)
	if a.Take(ctx, "k", 1200).Allowed {
		t.Error("a microsecond too early")
	}
	clock.advance(time.Microsecond)
	if !a.Take(ctx, "k", 1200).Allowed || b.Take(ctx, "k", 1200).Allowed {
		t.Error("one left the window: one fits")
	}
	if a.Alone()+b.Alone() != 0 {
		t.Errorf("%d and %d uses were decided alone", a.Alone(), b.Alone())
	}
}

// The memory's window is the model, which has one of its own in its package.
func TestS16_TheServerDecidesAsTheMemoryDoes(t *testing.T) {
	clock := handAt(start)
	s := server(t, shared.ServerConfig{Address: redis(t), Clock: clock})
	for seed := range uint64(4) {
		random := rand.New(rand.NewPCG(seed, 16))
		w := node(t, s, clock, 1)
		model, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: time.Minute, Clock: clock})
		if err != nil {
			t.Fatal(err)
		}
		key, limit := string(rune('a'+seed)), 1+random.IntN(40)
		for n := range 600 {
			clock.advance(time.Duration(random.Int64N(int64(3 * time.Minute / time.Duration(limit)))).Truncate(time.Microsecond))
			if random.IntN(40) == 0 {
				clock.advance(-time.Duration(random.Int64N(int64(time.Hour))).Truncate(time.Microsecond))
			}
			now := limit + random.IntN(5) - 2 // tiers are changed, too
			if got, want := w.Peek(t.Context(), key, now), model.Peek(key, now); got != want {
				t.Fatalf("seed %d, look %d of %d: %+v, the model says %+v", seed, n, now, got, want)
			}
			if got, want := w.Take(t.Context(), key, now), model.Take(key, now); got != want {
				t.Fatalf("seed %d, use %d of %d: %+v, the model says %+v", seed, n, now, got, want)
			}
		}
		if w.Alone() != 0 {
			t.Fatalf("%d uses were decided alone", w.Alone())
		}
	}
}

func TestRL01_ACrowdOnTwoNodesGetsExactlyTheLimit(t *testing.T) {
	address := redis(t)
	one := server(t, shared.ServerConfig{Address: address}) // by the server's own clock
	two := server(t, shared.ServerConfig{Address: address})
	windows := []*shared.Window{node(t, one, authz.SystemClock{}, 2), node(t, two, authz.SystemClock{}, 2)}
	var allowed, refused atomic.Int64
	var group sync.WaitGroup
	for caller := range 8 {
		group.Go(func() {
			for range 200 {
				if windows[caller%2].Take(t.Context(), "k", 1200).Allowed {
					allowed.Add(1)
				} else {
					refused.Add(1)
				}
			}
		})
	}
	group.Wait()
	if allowed.Load() != 1200 || refused.Load() != 400 {
		t.Errorf("%d of 1,600 uses passed", allowed.Load())
	}
}

func TestAClockThatStepsBackNeitherForgetsNorLocksOut(t *testing.T) {
	clock := handAt(start)
	w := node(t, server(t, shared.ServerConfig{Address: redis(t), Clock: clock}), clock, 1)
	for range 10 {
		w.Take(t.Context(), "k", 10)
	}
	clock.advance(-time.Hour)
	if w.Take(t.Context(), "k", 10).Allowed {
		t.Error("the step forgot the uses")
	}
	clock.advance(time.Minute)
	if !w.Take(t.Context(), "k", 10).Allowed {
		t.Error("a minute after the step the key is still locked out")
	}
	if w.Alone() != 0 {
		t.Error("the server was not asked")
	}
}

func TestRL08_AServerThatGoesAwayLeavesEachNodeItsShare(t *testing.T) {
	for what, set := range map[string]func(*relay){
		"cut":    func(r *relay) { r.set(false, true) },
		"silent": func(r *relay) { r.set(true, false) },
	} {
		t.Run(what, func(t *testing.T) {
			clock := handAt(start)
			way := newRelay(t, redis(t))
			s := server(t, shared.ServerConfig{Address: way.address, Clock: clock, Budget: 50 * time.Millisecond})
			w := node(t, s, clock, 2)
			passed := 0
			for range 100 {
				if !w.Take(t.Context(), "k", 1200).Allowed {
					t.Fatal("refused within the limit")
				}
				passed++
			}
			set(way) // this node knows what it let through before
			for w.Take(t.Context(), "k", 1200).Allowed {
				passed++
			}
			if passed != 600 {
				t.Errorf("one node of two let %d through, its share is 600", passed)
			}
			if s.Connected() {
				t.Error("a server that does not answer is still asked")
			}
			way.set(false, false)
			connected(t, s, true)
			for before := w.Together(); w.Together() == before; { // a busy machine may miss the budget
				connected(t, s, true)
				w.Take(t.Context(), "fresh", 1e6)
			}
		})
	}
}

func TestNoUseWaitsForAServerThatWasNeverThere(t *testing.T) {
	clock := handAt(start)
	s := running(t, shared.ServerConfig{Address: counterpart.FreeAddress(t), Clock: clock})
	w := node(t, s, clock, 3)
	passed := 0
	for w.Take(t.Context(), "k", 1200).Allowed {
		passed++
		if left := w.Peek(t.Context(), "k", 1200).Remaining; left != 400-passed {
			t.Fatalf("%d are left after %d", left, passed)
		}
	}
	if passed != 400 || w.Together() != 0 {
		t.Errorf("%d passed, want a third of 1,200", passed)
	}
	if !w.Take(t.Context(), "rare", 2).Allowed {
		t.Error("a share of less than one use is one")
	}
}

func TestWhoGivesUpSaysNothingOfTheServer(t *testing.T) {
	clock := handAt(start)
	s := server(t, shared.ServerConfig{Address: redis(t), Clock: clock})
	w := node(t, s, clock, 2)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 {
		w.Take(gone, "k", 1200)
	}
	if !s.Connected() {
		t.Error("callers that hung up made the server one that is away")
	}
}

func TestAServerThatForgotTheScriptIsToldAgain(t *testing.T) {
	clock := handAt(start)
	address := redis(t, "--requirepass", "of this test only")
	s := server(t, shared.ServerConfig{Address: address, Password: "of this test only", Clock: clock})
	w := node(t, s, clock, 1)
	w.Take(t.Context(), "k", 2)
	admin, err := valkey.NewClient(valkey.ClientOption{
		InitAddress: []string{address}, Password: "of this test only", ForceSingleClient: true, DisableCache: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.Do(t.Context(), admin.B().ScriptFlush().Build()).Error(); err != nil {
		t.Fatal(err)
	}
	if !w.Take(t.Context(), "k", 2).Allowed || w.Take(t.Context(), "k", 2).Allowed || w.Alone() != 0 {
		t.Errorf("%d uses were decided alone", w.Alone())
	}
	// What is kept ends by itself.
	for _, key := range []string{"test:{up/k}uses", "test:{up/k}clock"} {
		left, err := admin.Do(t.Context(), admin.B().Pttl().Key(key).Build()).AsInt64()
		if err != nil || left <= 0 || left > 61_000 {
			t.Errorf("%s is kept for %d ms, %v", key, left, err)
		}
	}
}

func TestAServerIsSpokenToByTLSAndMustBeTheOneItSays(t *testing.T) {
	certificate, key, pool := selfSigned(t)
	address := redis(t, "--port", "0", "--tls-auth-clients", "no", "--tls-cert-file", certificate, "--tls-key-file", key)
	clock := handAt(start)
	trusting := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	w := node(t, server(t, shared.ServerConfig{Address: address, TLS: trusting, Clock: clock}), clock, 1)
	if !w.Take(t.Context(), "k", 1).Allowed || w.Take(t.Context(), "k", 1).Allowed || w.Alone() != 0 {
		t.Error("the server was not asked")
	}
	s, err := shared.NewServer(shared.ServerConfig{Address: address, TLS: &tls.Config{MinVersion: tls.VersionTLS12}, Length: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Look(t.Context()); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("a certificate of nobody's: %v", err)
	}
}

// selfSigned writes a certificate of 127.0.0.1 and its key.
func selfSigned(t *testing.T) (certificate, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), nil)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(nil, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: der}, "key.pem": {Type: "PRIVATE KEY", Bytes: pkcs8}} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool = x509.NewCertPool()
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(parsed)
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), pool
}

func TestAWrongPasswordIsAServerThatIsAway(t *testing.T) {
	clock := handAt(start)
	s := running(t, shared.ServerConfig{Address: redis(t, "--requirepass", "of this test only"), Password: "another", Clock: clock})
	w := node(t, s, clock, 1)
	if !w.Take(t.Context(), "k", 1).Allowed || w.Take(t.Context(), "k", 1).Allowed || w.Together() != 0 {
		t.Error("a use was not decided by this node alone")
	}
}
