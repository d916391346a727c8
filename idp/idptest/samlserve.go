package idptest

import (
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// SAMLServerConfig shapes a SAMLServer.
type SAMLServerConfig struct {
	// URL is where it is reached, without a path; required.
	URL string
	// Title heads the sign-in page; empty means "Sign in".
	Title string
	// Vendor shapes its answers, as in SAMLConfig.
	Vendor string
	// Users who may sign in; at least one is required.
	Users []User
	// Now tells the time; nil means time.Now.
	Now func() time.Time
}

// SAMLServer is an identity provider of SAML 2.0 with a sign-in page, for
// browsers. It is safe for concurrent use.
type SAMLServer struct {
	config SAMLServerConfig
	saml   *SAML
	page   *template.Template
	post   *template.Template
	asked  *shelf[samlAsked]

	mu        sync.Mutex
	providers map[string]string // entity id of a service provider to its ACS
}

// samlAsked is a request that waits for a password.
type samlAsked struct {
	request    SAMLRequest
	relayState string
}

// NewSAMLServer returns a server that knows no service provider yet.
func NewSAMLServer(c SAMLServerConfig) (*SAMLServer, error) {
	if c.URL == "" || len(c.Users) == 0 {
		return nil, errors.New("idptest: a SAML server needs a URL and users")
	}
	if c.Title == "" {
		c.Title = "Sign in"
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	s, err := NewSAML(SAMLConfig{EntityID: c.URL + "/saml/metadata", SSO: c.URL + "/saml/sso", Vendor: c.Vendor, User: c.Users[0], Now: c.Now})
	if err != nil {
		return nil, err
	}
	page, err := template.New("login").Parse(loginHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the sign-in page: %w", err)
	}
	post, err := template.New("post").Parse(samlPostHTML)
	if err != nil {
		return nil, fmt.Errorf("parsing the page of an answer: %w", err)
	}
	return &SAMLServer{config: c, saml: s, page: page, post: post, asked: newShelf[samlAsked](10*time.Minute, c.Now), providers: map[string]string{}}, nil
}

// AddServiceProvider registers a service provider with the one address its
// answers go to.
func (s *SAMLServer) AddServiceProvider(entityID, acs string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.providers[entityID] = acs
}

// MetadataURL is where its metadata is served.
func (s *SAMLServer) MetadataURL() string { return s.saml.EntityID() }

// Metadata is its metadata document.
func (s *SAMLServer) Metadata() []byte { return s.saml.Metadata() }

// Handler serves the paths below /saml/ and the style of the page.
func (s *SAMLServer) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /saml/metadata", s.metadata)
	mux.HandleFunc("GET /saml/sso", s.sso)
	mux.HandleFunc("POST /saml/sso", s.sso)
	mux.HandleFunc("POST /saml/login", s.login)
	mux.HandleFunc("GET /saml/submit.js", submit)
	mux.HandleFunc("GET /style.css", style)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
		w.Header().Set("X-Content-Type-Options", "nosniff")
		mux.ServeHTTP(w, r)
	})
}

func (s *SAMLServer) metadata(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/samlmetadata+xml")
	_, _ = w.Write(s.saml.Metadata())
}

// sso takes a request by redirect or POST (SAML Bindings sections 3.4, 3.5).
func (s *SAMLServer) sso(w http.ResponseWriter, r *http.Request) {
	request, err := s.read(r)
	if err != nil {
		http.Error(w, "Not a request of a service provider that is known here.", http.StatusBadRequest)
		return
	}
	s.show(w, http.StatusOK, s.asked.put(samlAsked{request, r.FormValue("RelayState")}), request.SP, "")
}

func (s *SAMLServer) read(r *http.Request) (SAMLRequest, error) {
	raw, err := base64.StdEncoding.DecodeString(r.FormValue("SAMLRequest"))
	if err != nil {
		return SAMLRequest{}, err
	}
	if r.Method == http.MethodGet {
		if raw, err = io.ReadAll(io.LimitReader(flate.NewReader(strings.NewReader(string(raw))), maxFormBytes)); err != nil {
			return SAMLRequest{}, err
		}
	}
	var asked struct {
		XMLName xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol AuthnRequest"`
		ID      string   `xml:"ID,attr"`
		ACS     string   `xml:"AssertionConsumerServiceURL,attr"`
		Issuer  string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	}
	if err := xml.Unmarshal(raw, &asked); err != nil {
		return SAMLRequest{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if acs, known := s.providers[asked.Issuer]; !known || acs != asked.ACS || asked.ID == "" {
		return SAMLRequest{}, errors.New("unknown service provider or address")
	}
	return SAMLRequest{ID: asked.ID, ACS: asked.ACS, SP: asked.Issuer}, nil
}

func (s *SAMLServer) show(w http.ResponseWriter, status int, asked, client, problem string) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'")
	w.WriteHeader(status)
	_ = s.page.Execute(w, map[string]any{"Title": s.config.Title, "Problem": problem, "Hint": "", "Action": "/saml/login?asked=" + asked, "Client": client})
}

// login answers the request that waits, if the password is right.
func (s *SAMLServer) login(w http.ResponseWriter, r *http.Request) {
	asked, ok := s.asked.take(r.URL.Query().Get("asked"))
	if !ok {
		http.Error(w, "This sign-in is over.", http.StatusBadRequest)
		return
	}
	user, ok := authenticate(s.config.Users, r.PostFormValue("username"), r.PostFormValue("password"))
	if !ok {
		s.show(w, http.StatusForbidden, s.asked.put(asked), asked.request.SP, "That user name and password do not belong together.")
		return
	}
	as := *s.saml
	as.config.User = user
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'")
	_ = s.post.Execute(w, map[string]string{
		"ACS": asked.request.ACS, "Response": as.Respond(as.Answer(asked.request)), "RelayState": asked.relayState,
	})
}

// samlPostHTML carries a response to the service provider (SAML Bindings section 3.5).
const samlPostHTML = `<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>One moment</title><link rel="stylesheet" href="/style.css"><script src="/saml/submit.js" defer></script></head>
<body><main><h1>One moment</h1>
<form method="post" action="{{.ACS}}">
<input type="hidden" name="SAMLResponse" value="{{.Response}}">
<input type="hidden" name="RelayState" value="{{.RelayState}}">
<button id="continue" type="submit">Continue</button>
</form></main></body>
</html>
`

// GET /saml/submit.js
func submit(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, _ = w.Write([]byte("document.forms[0].submit();\n"))
}
