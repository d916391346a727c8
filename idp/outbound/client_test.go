package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// answers is a name server that gives its answers in turn, the last for ever.
type answers struct {
	turns [][]string
	asked atomic.Int32
}

func (a *answers) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	n := min(int(a.asked.Add(1)), len(a.turns)) - 1
	var addrs []netip.Addr
	for _, text := range a.turns[n] {
		addrs = append(addrs, netip.MustParseAddr(text))
	}
	return addrs, nil
}

// canary is a TLS server that must, or must not, be reached.
func canary(t *testing.T, h http.HandlerFunc) (base string, roots *x509.CertPool, reached *atomic.Int32) {
	t.Helper()
	reached = new(atomic.Int32)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		if h != nil {
			h(w, r)
		}
	}))
	s.StartTLS()
	t.Cleanup(s.Close)
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.URL, roots, reached
}

// named puts the name the test server's certificate is for before its port.
func named(base string) string {
	u, _ := url.Parse(base)
	return "https://example.com:" + u.Port()
}

func get(t *testing.T, c *http.Client, raw string) ([]byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}

func TestAnAllowedAddressIsReachedByNameAndByNumber(t *testing.T) {
	base, roots, _ := canary(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })
	c := NewClient(Config{AllowPrivate: loopback, RootCAs: roots, Resolver: &answers{turns: [][]string{{"::ffff:127.0.0.1"}}}})
	defer c.CloseIdleConnections()
	for _, target := range []string{base, named(base)} {
		if body, err := get(t, c, target); err != nil || string(body) != "hello" {
			t.Errorf("%s: %q, %v", target, body, err)
		}
	}
}

func TestWH_01_InsideAddressesAreRefusedAtDial(t *testing.T) {
	base, roots, reached := canary(t, nil)
	port := base[strings.LastIndex(base, ":")+1:]
	for name, turns := range map[string][][]string{
		"loopback":                  {{"127.0.0.1"}},
		"mapped loopback":           {{"::ffff:127.0.0.1"}},
		"one bad among good":        {{"8.8.8.8", "127.0.0.1"}},
		"metadata":                  {{"169.254.169.254"}},
		"no address":                {{}},
		"more addresses than sense": {make17()},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewClient(Config{RootCAs: roots, Resolver: &answers{turns: turns}})
			if _, err := get(t, c, "https://example.com:"+port); !errors.Is(err, ErrBlocked) {
				t.Errorf("%v, want ErrBlocked", err)
			}
		})
	}
	// Digits of another script become ASCII digits on the way to the dial.
	if _, err := get(t, NewClient(Config{RootCAs: roots}), "https://１２７.0.0.1:"+port); !errors.Is(err, ErrBlocked) {
		t.Errorf("full-width digits: %v, want ErrBlocked", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("reached %d times", n)
	}
}

func make17() []string {
	var out []string
	for range maxAddresses + 1 {
		out = append(out, "8.8.8.8")
	}
	return out
}

func TestUO_11_ANameIsResolvedOnceAndCannotChangeItsMind(t *testing.T) {
	base, roots, reached := canary(t, nil)
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(base, "https://"))
	// Checked as one address, it must not be dialled as another: 127.0.0.2 is
	// allowed and closed, 127.0.0.1 is where the canary sits.
	dns := &answers{turns: [][]string{{"127.0.0.2"}, {"127.0.0.1"}}}
	c := NewClient(Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.2/32")}, RootCAs: roots, Resolver: dns})
	if _, err := get(t, c, "https://example.com:"+port); err == nil {
		t.Error("the first answer has no listener, yet it was reached")
	}
	if n := dns.asked.Load(); n != 1 {
		t.Errorf("resolved %d times for one request", n)
	}
	if _, err := get(t, c, "https://example.com:"+port); !errors.Is(err, ErrBlocked) {
		t.Errorf("rebound: %v, want ErrBlocked", err)
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("reached %d times", n)
	}
}

func TestWH_02_RedirectsAreErrors(t *testing.T) {
	inside, _, reached := canary(t, nil)
	base, roots, _ := canary(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, inside, http.StatusFound) })
	c := NewClient(Config{AllowPrivate: loopback, RootCAs: roots})
	if _, err := get(t, c, base); !errors.Is(err, ErrRedirect) {
		t.Errorf("%v, want ErrRedirect", err)
	}
	if reached.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

func TestABodyIsCutWithAnErrorOfItsOwn(t *testing.T) {
	for name, c := range map[string]struct {
		size   int
		stream bool
		ok     bool
	}{
		"at the limit":                {100, false, true},
		"at the limit, streamed":      {100, true, true},
		"past the limit, announced":   {101, false, false},
		"past the limit, unannounced": {101, true, false},
		"far past the limit":          {1 << 20, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			base, roots, _ := canary(t, func(w http.ResponseWriter, _ *http.Request) {
				if c.stream {
					w.(http.Flusher).Flush()
				}
				_, _ = w.Write(make([]byte, c.size))
			})
			body, err := get(t, NewClient(Config{AllowPrivate: loopback, RootCAs: roots, MaxBody: 100}), base)
			if c.ok && (err != nil || len(body) != c.size) {
				t.Errorf("%d bytes, %v", len(body), err)
			}
			if !c.ok && (!errors.Is(err, ErrTooLarge) || len(body) > 100) {
				t.Errorf("%d bytes, %v, want ErrTooLarge", len(body), err)
			}
		})
	}
}

func TestUO_13_AHangingServerIsLeftWhenTimeIsUp(t *testing.T) {
	base, roots, _ := canary(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	start := time.Now()
	_, err := get(t, NewClient(Config{AllowPrivate: loopback, RootCAs: roots, Timeout: 50 * time.Millisecond}), base)
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 4*time.Second {
		t.Errorf("after %v: %v", time.Since(start), err)
	}
	if got := NewClient(Config{}).Timeout; got != 5*time.Second {
		t.Errorf("the default timeout is %v", got)
	}
}

func TestTheEnvironmentsProxyIsIgnored(t *testing.T) {
	proxy, _, reached := canary(t, nil)
	t.Setenv("HTTPS_PROXY", proxy)
	t.Setenv("https_proxy", proxy)
	c := NewClient(Config{Resolver: &answers{turns: [][]string{{"10.0.0.1"}}}})
	if _, err := get(t, c, "https://example.com/"); !errors.Is(err, ErrBlocked) {
		t.Errorf("%v, want ErrBlocked", err)
	}
	if reached.Load() != 0 {
		t.Error("the proxy was asked")
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(nil)
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	if _, err := get(t, NewClient(Config{AllowPrivate: loopback, RootCAs: roots}), s.URL); err == nil {
		t.Error("TLS 1.1 was spoken")
	}
	if _, err := get(t, NewClient(Config{AllowPrivate: loopback}), s.URL); err == nil {
		t.Error("an unknown authority was trusted")
	}
}
