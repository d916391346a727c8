package oidc_test

import (
	"io"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

const (
	callbackURI  = "http://127.0.0.1:9/oidc/con_1/callback"
	clientSecret = "s3cret with spaces & signs"
)

// clock is moved by tests.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// rig is a real upstream on loopback and a connector to it, on one clock.
type rig struct {
	*clock
	op     *idptest.Provider
	conn   *oidc.Connector
	config oidc.Config
	keyID  string
}

func loopback() []netip.Prefix { return []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")} }

func client(timeout time.Duration) *http.Client {
	return outbound.NewClient(outbound.Config{AllowPrivate: loopback(), Timeout: timeout})
}

func newRig(t *testing.T, upstream func(*idptest.Config), connection func(*oidc.Config)) *rig {
	t.Helper()
	r := &rig{clock: &clock{now: time.Now()}}
	c := idptest.Config{
		Users: []idptest.User{
			{Login: "ada", Subject: "s-ada", Email: "ada@example.com", EmailVerified: true, MFA: true, Groups: []string{"ops", "dev"},
				Profile: idp.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Picture: "https://127.0.0.1/p.png", UpdatedAt: time.Unix(1700000000, 0).UTC(),
					PhoneNumber: "+44 1", PhoneVerified: true, Address: idp.Address{Locality: "London", Country: "GB"}}},
			{Login: "bob", Subject: "s-bob", Email: "bob@example.com", Profile: idp.Profile{Name: "Bob"}},
		},
		Clients:   []idptest.Client{{ID: "rp", Secret: clientSecret, RedirectURIs: []string{callbackURI}}},
		AutoLogin: true, Algorithm: "ES256", Now: r.Now,
	}
	if upstream != nil {
		upstream(&c)
	}
	var err error
	if r.op, err = idptest.New(c); err != nil {
		t.Fatal(err)
	}
	if err := r.op.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.op.Close() })
	r.config = oidc.Config{ID: "con_1", Issuer: r.op.Issuer(), ClientID: "rp", ClientSecret: clientSecret, RedirectURI: callbackURI, HTTP: client(0), Now: r.Now}
	if connection != nil {
		connection(&r.config)
	}
	r.conn = r.connect(t)
	return r
}

// connect returns another connector that has asked nothing yet.
func (r *rig) connect(t *testing.T) *oidc.Connector {
	t.Helper()
	conn, err := oidc.New(r.config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.config.HTTP.CloseIdleConnections)
	return conn
}

func newLogin() idp.Login {
	return idp.Login{State: oauth2.GenerateVerifier(), Nonce: oauth2.GenerateVerifier(), CodeVerifier: oauth2.GenerateVerifier(), LoginHint: "ada"}
}

// visit follows a redirect to the upstream and returns what it sends back.
func visit(t *testing.T, target string) url.Values {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := browser.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	u, err := resp.Location()
	if err != nil || !strings.HasPrefix(u.String(), callbackURI) {
		t.Fatalf("%s leads to %v (%d)", target, u, resp.StatusCode)
	}
	return u.Query()
}

// remembered is the callback of a login with the parameters that came back.
func remembered(login idp.Login, params url.Values) idp.Callback {
	return idp.Callback{Params: params, State: login.State, Nonce: login.Nonce, CodeVerifier: login.CodeVerifier, MaxAge: login.MaxAge}
}

// signIn goes all the way. A failure must not tell a secret.
func (r *rig) signIn(t *testing.T, login idp.Login) (idp.Identity, error) {
	t.Helper()
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		return idp.Identity{}, err
	}
	params := visit(t, target)
	identity, err := r.conn.Finish(t.Context(), remembered(login, params))
	if err != nil {
		for _, secret := range []string{clientSecret, url.QueryEscape(clientSecret), params.Get("code"), login.Nonce, login.CodeVerifier, login.State, "eyJ"} {
			if secret != "" && strings.Contains(err.Error(), secret) {
				t.Errorf("the error tells a secret: %v", err)
			}
		}
	}
	return identity, err
}

// refused demands that a sign-in under the faults ends with the reason; "" means
// that it succeeds.
func (r *rig) refused(t *testing.T, faults idptest.Faults, want string) {
	t.Helper()
	r.op.SetFaults(faults)
	defer r.op.SetFaults(idptest.Faults{})
	identity, err := r.signIn(t, newLogin())
	if got := reason(err); got != want {
		t.Errorf("reason %q, want %q: %v (%+v)", got, want, err, identity)
	}
}

// reason is "" for success alone.
func reason(err error) string {
	if got := idp.ReasonOf(err); err == nil || got != "" {
		return got
	}
	return "an error without a reason"
}

// claim is a fault that sets one claim, or removes it when the value is nil.
func claim(name string, value any) idptest.Faults {
	return idptest.Faults{IDToken: setting(name, value)}
}

func setting(name string, value any) func(map[string]any) {
	return func(c map[string]any) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	}
}

// metadata is a fault that changes the discovery document.
func metadata(op *idptest.Provider, change map[string]any) idptest.Faults {
	doc := op.Metadata()
	maps.Copy(doc, change)
	return serve("/.well-known/openid-configuration", idptest.JSON(doc))
}

func serve(path string, h http.Handler) idptest.Faults {
	return idptest.Faults{Serve: map[string]http.Handler{path: h}}
}
