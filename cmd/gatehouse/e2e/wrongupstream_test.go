package e2e_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// wantHonestPage is a page of ours that says what happened, by which nobody
// is signed in.
func (d *deployment) wantHonestPage(t testing.TB, b *browser, p *page, code string) {
	t.Helper()
	if p.back != nil {
		t.Fatalf("the browser was sent to %s", p.back)
	}
	if !strings.HasPrefix(p.url.String(), d.url) || p.status < 400 {
		t.Errorf("%s with status %d", p.url, p.status)
	}
	if !strings.Contains(p.body, `id="error_code">`+code+`<`) || !regexp.MustCompile(`id="error"[^>]*>[A-Z][^<]{30,}<`).MatchString(p.body) {
		t.Errorf("no page that says %s:\n%s", code, p.body)
	}
	ours, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	for _, cookie := range b.client.Jar.Cookies(ours) {
		if strings.HasPrefix(cookie.Name, "sid-") {
			t.Errorf("there is a session cookie %s", cookie.Name)
		}
	}
}

// wrong is an upstream that misbehaves in one way.
type wrong struct {
	name   string
	faults idptest.Faults
	code   string // on the page
	reason string // in the audit log
}

func wrongUpstreams() []wrong {
	claim := func(name string, value any) idptest.Faults {
		return idptest.Faults{IDToken: func(c map[string]any) { c[name] = value }}
	}
	discovery := func(answer http.HandlerFunc) idptest.Faults {
		return idptest.Faults{Serve: map[string]http.Handler{"/.well-known/openid-configuration": answer}}
	}
	return []wrong{
		{"signature", idptest.Faults{Signature: idptest.SignedByStranger}, "upstream_refused", idp.ReasonSignature},
		{"unsigned", idptest.Faults{Signature: idptest.SignedNotAtAll}, "upstream_refused", idp.ReasonAlg},
		{"issuer", claim("iss", "https://elsewhere.example"), "upstream_refused", idp.ReasonIssuerMismatch},
		{"nonce", claim("nonce", "another sign-in's"), "upstream_refused", idp.ReasonNonce},
		{"audience", claim("aud", "another client"), "upstream_refused", idp.ReasonAudience},
		{"mixup", idptest.Faults{Callback: func(q url.Values) { q.Set("iss", "https://elsewhere.example") }}, "upstream_refused", idp.ReasonMixUp},
		{"huge", discovery(sayTooMuch), "upstream_unavailable", idp.ReasonTooLarge},
		{"slow", discovery(saySlowly), "upstream_unavailable", idp.ReasonUnavailable},
		{"good", idptest.Faults{}, "", ""},
	}
}

func sayTooMuch(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"padding":"`+strings.Repeat("x", 2<<20)+`"}`)
}

func saySlowly(_ http.ResponseWriter, r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-time.After(time.Minute):
	}
}

// start runs the upstream and writes the connection to it.
func (w wrong) start(t testing.TB, gatehouse string) string {
	t.Helper()
	email := "alice@" + w.name + ".example"
	op, err := idptest.New(idptest.Config{
		AutoLogin: true,
		Users:     []idptest.User{{Login: email, Subject: "alice", Email: email, EmailVerified: true}},
		Clients: []idptest.Client{{
			ID: "gatehouse", Secret: upstreamSecret, RedirectURIs: []string{gatehouse + "/oidc/con_" + w.name + "/callback"},
		}},
	})
	if err == nil {
		op.SetFaults(w.faults)
		err = op.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	return fmt.Sprintf(connectionWritten, w.name, w.name, op.Issuer(), upstreamSecret, w.name)
}

func TestAWrongUpstreamEndsOnOneHonestPageAnAuditEntryAndNoSession(t *testing.T) {
	t.Parallel()
	upstreams := wrongUpstreams()
	d := writeDeployment(t, func(url string) string {
		var all strings.Builder
		for _, w := range upstreams {
			all.WriteString(w.start(t, url))
		}
		return all.String()
	})
	d.bootstrap(t)
	n := d.start(t)
	d.WorkspaceID = d.workspaceOfConfiguration(t)
	c := d.webClient(t, "openid")
	want := map[string]string{}
	for _, w := range upstreams {
		begun := time.Now()
		b := newBrowser(t, c.RedirectURI)
		p := b.onward(b.get(d.authorizeURL(d.authorization(c, "openid", "login_hint", "alice@"+w.name+".example"))), user{})
		if took := time.Since(begun); took > 30*time.Second {
			t.Errorf("%s: the person waited %v", w.name, took)
		}
		if w.code == "" {
			d.replaysTheCallback(t, c, want)
			continue
		}
		d.wantHonestPage(t, b, p, w.code)
		want["con_"+w.name] = w.reason
	}
	n.end(syscall.SIGTERM)
	if said := n.output.String(); strings.Contains(said, upstreamSecret) {
		t.Error("the log holds the upstream's secret")
	}
	d.wantAudited(t, want)
}

// replaysTheCallback signs in well and sends the same callback again, from a
// browser with the cookies of the flow and from one without.
func (d *deployment) replaysTheCallback(t *testing.T, c client, want map[string]string) {
	t.Helper()
	b := newBrowser(t, d.url+"/oidc/")
	p := b.get(d.authorizeURL(d.authorization(c, "openid", "login_hint", "alice@good.example")))
	if p.back == nil {
		t.Fatalf("no callback: %s", p.body)
	}
	callback := p.back.String()
	thief := newBrowser(t, c.RedirectURI)
	copied, err := url.Parse(callback)
	if err != nil {
		t.Fatal(err)
	}
	forged := copied.Query()
	forged.Set("state", "a-state-nobody-began")
	d.wantHonestPage(t, thief, thief.get(copied.Scheme+"://"+copied.Host+copied.Path+"?"+forged.Encode()), "request_expired")
	b.stopAt = c.RedirectURI
	if p := b.onward(b.get(callback), user{}); p.back == nil || p.back.Query().Get("code") == "" {
		t.Fatalf("the good upstream ended at %s with status %d: %s", p.url, p.status, p.body)
	}
	d.wantHonestPage(t, thief, thief.get(callback), "request_expired")
	if p := b.get(callback); p.back != nil || !strings.Contains(p.body, `id="error_code">request_expired<`) {
		t.Errorf("the same browser replayed its callback and got %d %s", p.status, p.body)
	}
	want["con_good"] = idp.ReasonState
}

// refusals reads the database after the server has let go of it: the last
// reason by connection.
func (d *deployment) refusals(t *testing.T) map[string]string {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Config{Driver: "sqlite", Path: d.database(), Clock: authz.SystemClock{}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	entries, err := store.ListAuditAcrossWorkspaces(t.Context(), "uptimepulse", authz.Page{})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, e := range entries {
		if e.Type == "login.refused" && e.Result == authz.Refused && e.RequestID != "" && e.IP != "" {
			got[e.Target] = e.Reason
		}
	}
	return got
}

func (d *deployment) wantAudited(t *testing.T, want map[string]string) {
	t.Helper()
	got := d.refusals(t)
	for target, reason := range want {
		if got[target] != reason {
			t.Errorf("audited for %s: %q, want %q", target, got[target], reason)
		}
	}
	if len(want) != len(wrongUpstreams()) {
		t.Errorf("%d of %d upstreams were tried", len(want), len(wrongUpstreams()))
	}
}
