package idptest

import (
	"context"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds of what is held in memory and for how long.
const (
	maxHeld      = 10_000
	codeLife     = time.Minute
	tokenLife    = 5 * time.Minute
	sessionLife  = 8 * time.Hour
	maxFormBytes = 64 << 10
)

// Provider is an OpenID provider. It is safe for concurrent use.
type Provider struct {
	config   Config
	page     *template.Template
	sessions *shelf[session]
	codes    *shelf[grant]
	tokens   *shelf[grant]
	// refreshes are refresh tokens, each good once.
	refreshes *shelf[grant]

	mu       sync.Mutex
	issuer   string
	clients  map[string]Client
	key      signingKey
	faults   Faults
	requests map[string]int
	disabled map[string]bool // subjects
	server   *http.Server
}

// New returns a provider, with a fresh signing key, that serves nothing yet.
func New(c Config) (*Provider, error) {
	if err := c.defaults(); err != nil {
		return nil, err
	}
	page, err := template.New("login").Parse(loginHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the sign-in page: %w", err)
	}
	key, err := newSigningKey(c.Algorithm, c.KeyID)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		config: c, page: page, issuer: c.Issuer, key: key,
		clients: map[string]Client{}, requests: map[string]int{}, disabled: map[string]bool{},
		sessions: newShelf[session](sessionLife, c.Now),
		codes:    newShelf[grant](codeLife, c.Now),
		tokens:   newShelf[grant](tokenLife, c.Now), refreshes: newShelf[grant](sessionLife, c.Now),
	}
	for _, client := range c.Clients {
		if err := p.AddClient(client); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// AddClient registers a client, or replaces the one with the same id.
func (p *Provider) AddClient(c Client) error {
	if err := c.check(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients[c.ID] = c
	return nil
}

// Issuer is the issuer identifier; empty until Start when none was configured.
func (p *Provider) Issuer() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.issuer
}

// Requests is how often a path was asked for.
func (p *Provider) Requests(path string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests[path]
}

// Handler serves the provider. Its requests are for the issuer's host, at
// these paths; the issuer has no path of its own.
func (p *Provider) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /jwks", p.jwks)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /authorize", p.login)
	mux.HandleFunc("GET /style.css", style)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	browser := http.NewCrossOriginProtection().Handler(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if spoiled := p.observe(r.URL.Path); spoiled != nil {
			spoiled.ServeHTTP(w, r)
			return
		}
		browser.ServeHTTP(w, r)
	})
}

// observe counts a request and returns the fault to serve in its place.
func (p *Provider) observe(path string) http.Handler {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.requests) < 1000 {
		p.requests[path]++
	}
	return p.faults.Serve[path]
}

// Start serves the provider over plain http, by default on a free port of
// 127.0.0.1, until Close.
func (p *Provider) Start() error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", p.config.Addr)
	if err != nil {
		return fmt.Errorf("listening for the test provider: %w", err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.issuer == "" {
		p.issuer = "http://" + l.Addr().String()
	}
	p.server = &http.Server{Handler: p.Handler(), ReadTimeout: 10 * time.Second, IdleTimeout: time.Minute}
	go func(s *http.Server) { _ = s.Serve(l) }(p.server)
	return nil
}

// Close stops serving at once.
func (p *Provider) Close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.server == nil {
		return nil
	}
	return p.server.Close()
}
