package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

// Config shapes a client. The zero Config is the one for production.
type Config struct {
	// AllowPrivate are addresses to reach although they are not public. Plain
	// http is spoken to literal loopback addresses among them.
	AllowPrivate []netip.Prefix
	// Timeout bounds a whole exchange, body included; 0 means 5 seconds.
	Timeout time.Duration
	// MaxBody bounds a response's body in bytes; 0 means 1 MiB.
	MaxBody int64
	// RootCAs are the authorities to trust; nil means the system's, which
	// SSL_CERT_FILE and SSL_CERT_DIR replace.
	RootCAs *x509.CertPool
	// Resolver finds addresses; nil means the system's.
	Resolver Resolver
}

// NewClient returns a client for requests to addresses that strangers chose.
// Its errors wrap ErrBlocked, ErrRedirect or ErrTooLarge where these are the
// cause; reading a body that is too long fails with ErrTooLarge.
func NewClient(c Config) *http.Client {
	if c.Timeout <= 0 {
		c.Timeout = 5 * time.Second
	}
	if c.MaxBody <= 0 {
		c.MaxBody = 1 << 20
	}
	if c.Resolver == nil {
		c.Resolver = net.DefaultResolver
	}
	g := &guard{filter: newFilter(c.AllowPrivate), resolver: c.Resolver}
	return &http.Client{
		Timeout:       c.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return ErrRedirect },
		Transport:     &transport{guard: g, maxBody: c.MaxBody, next: newTransport(g, c.RootCAs)},
	}
}

// newTransport leaves Proxy nil: a proxy would dial in our place, unchecked.
func newTransport(g *guard, roots *x509.CertPool) *http.Transport {
	return &http.Transport{
		DialContext:            g.dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    connectTimeout,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    16,
		MaxConnsPerHost:        16,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// transport checks the URL before and bounds the body after.
type transport struct {
	guard   *guard
	maxBody int64
	next    http.RoundTripper
}

// RoundTrip performs the exchange.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := t.guard.filter.checkURL(r.URL); err != nil {
		if r.Body != nil {
			_ = r.Body.Close() // RoundTrip closes the body also on errors
		}
		return nil, err
	}
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > t.maxBody {
		_ = resp.Body.Close()
		return nil, ErrTooLarge
	}
	resp.Body = &bounded{ReadCloser: resp.Body, left: t.maxBody}
	return resp, nil
}

// CloseIdleConnections lets http.Client.CloseIdleConnections reach the pool.
func (t *transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// bounded is a body that fails, rather than ends, when it is too long.
type bounded struct {
	io.ReadCloser
	left int64
}

// Read reads up to one byte past the limit, to tell a long body from one that
// ends exactly there.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, ErrTooLarge
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	if b.left < 0 {
		return n - 1, ErrTooLarge
	}
	return n, err
}
