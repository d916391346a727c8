package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"html/template"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// sample is an application that signs people in with code + PKCE, written as
// any application would be: with golang.org/x/oauth2 and go-oidc.
type sample struct {
	listener net.Listener
	server   *http.Server
	mu       sync.Mutex
	products map[string]*product
	pending  map[string]attempt
}

type product struct {
	title  string
	issuer string
	config oauth2.Config
}

// attempt is a sign-in under way in somebody's browser.
type attempt struct {
	product, verifier, nonce string
	began                    time.Time
}

// maxAttempts bounds the sign-ins under way; older ones are forgotten.
const maxAttempts = 1000

func newSample(l net.Listener) *sample {
	s := &sample{listener: l, products: make(map[string]*product), pending: make(map[string]attempt)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("GET /login/{product}", s.login)
	mux.HandleFunc("GET /callback/{product}", s.finish)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	return s
}

func (s *sample) url() string                    { return "http://" + s.listener.Addr().String() }
func (s *sample) callback(product string) string { return s.url() + "/callback/" + product }
func (s *sample) serve()                         { go func() { _ = s.server.Serve(s.listener) }() }
func (s *sample) close()                         { _ = s.server.Close() }

func (s *sample) register(name, title, issuer string, c summaryClient, scopes []string) error {
	s.products[name] = &product{title: title, issuer: issuer, config: oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret, RedirectURL: c.RedirectURI, Scopes: scopes,
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/oauth2/authorize", TokenURL: issuer + "/oauth2/token", AuthStyle: oauth2.AuthStyleInHeader},
	}}
	return nil
}

//nolint:gochecknoglobals // a constant
var samplePage = template.Must(template.New("sample").Parse(`<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Sample app</title><link rel="icon" href="data:,">
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}
pre{white-space:pre-wrap;overflow-wrap:anywhere;border:1px solid #8886;border-radius:.5rem;padding:1rem}a{font-weight:600}</style>
<h1>Sample app</h1>{{with .Problem}}<p role="alert" id="problem">{{.}}</p>{{end}}
{{if .Claims}}<p id="who">You are signed in as <strong>{{.Name}}</strong>.</p><p>You allowed: <code id="granted">{{.Granted}}</code></p><h2>ID token</h2><pre id="claims">{{.Claims}}</pre><p><a href="/">Back</a></p>
{{else}}<p>This application knows nothing of you. Sign in through:</p><ul>{{range $name, $title := .Products}}<li><a id="login-{{$name}}" href="/login/{{$name}}">{{$title}}</a>, or <a id="strong-{{$name}}" href="/login/{{$name}}?acr_values={{$.Strong}}">with a second factor</a></li>{{end}}</ul>{{end}}</html>`))

type sampleView struct {
	Problem, Name, Granted, Claims string

	Products map[string]string
	// Strong asks for more than one factor.
	Strong string
}

func (s *sample) show(w http.ResponseWriter, status int, v sampleView) {
	v.Products, v.Strong = make(map[string]string), authz.ACRMultiFactor
	for name, p := range s.products {
		v.Products[name] = p.title
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = samplePage.Execute(w, v)
}

func (s *sample) home(w http.ResponseWriter, _ *http.Request) { s.show(w, http.StatusOK, sampleView{}) }

// login begins a sign-in, of whom login_hint names: state, nonce and code verifier stay here.
func (s *sample) login(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("product")
	p, ok := s.products[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	state, a := rand.Text(), attempt{product: name, verifier: oauth2.GenerateVerifier(), nonce: rand.Text(), began: time.Now()}
	s.mu.Lock()
	if len(s.pending) >= maxAttempts {
		clear(s.pending)
	}
	s.pending[state] = a
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: "sample-state", Value: state, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode})
	options := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(a.verifier), oidc.Nonce(a.nonce)}
	for _, more := range []string{"login_hint", "acr_values"} {
		if value := r.URL.Query().Get(more); value != "" {
			options = append(options, oauth2.SetAuthURLParam(more, value))
		}
	}
	http.Redirect(w, r, p.config.AuthCodeURL(state, options...), http.StatusSeeOther)
}

// finish takes the code, exchanges it and verifies the ID token.
func (s *sample) finish(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	cookie, err := r.Cookie("sample-state")
	s.mu.Lock()
	a, known := s.pending[q.Get("state")]
	delete(s.pending, q.Get("state"))
	s.mu.Unlock()
	if err != nil || !known || cookie.Value != q.Get("state") || a.product != r.PathValue("product") {
		s.show(w, http.StatusBadRequest, sampleView{Problem: "This sign-in was not started here."})
		return
	}
	if code := q.Get("error"); code != "" {
		s.show(w, http.StatusForbidden, sampleView{Problem: "The server said: " + code})
		return
	}
	claims, granted, err := s.exchange(r.Context(), s.products[a.product], a, q.Get("code"))
	if err != nil {
		s.show(w, http.StatusBadGateway, sampleView{Problem: "The sign-in failed: " + err.Error()})
		return
	}
	text, _ := json.MarshalIndent(claims, "", "  ")
	name, _ := claims["sub"].(string)
	if told, ok := claims["name"].(string); ok {
		name = told
	}
	s.show(w, http.StatusOK, sampleView{Name: name, Granted: granted, Claims: string(text)})
}

func (s *sample) exchange(ctx context.Context, p *product, a attempt, code string) (claims map[string]any, granted string, err error) {
	token, err := p.config.Exchange(ctx, code, oauth2.VerifierOption(a.verifier))
	if err != nil {
		return nil, "", err
	}
	provider, err := oidc.NewProvider(ctx, p.issuer)
	if err != nil {
		return nil, "", err
	}
	raw, _ := token.Extra("id_token").(string)
	verified, err := provider.Verifier(&oidc.Config{ClientID: p.config.ClientID}).Verify(ctx, raw)
	if err != nil {
		return nil, "", err
	}
	if verified.Nonce != a.nonce {
		return nil, "", errNonce
	}
	granted, _ = token.Extra("scope").(string)
	claims = make(map[string]any)
	if err := verified.Claims(&claims); err != nil {
		return nil, "", err
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil {
		return nil, "", err
	}
	return claims, granted, info.Claims(&claims)
}

var errNonce = errors.New("the ID token belongs to another sign-in")
