package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

const twoSides = `      - {workspace: Example Corp, id: con_two, name: Two Sides, vendor: okta, issuer: %q, client_id: gatehouse, client_secret: upstream-secret-1234567890, saml: {metadata_file: %q},
         domains: [new.example, old.example], routes: [{domain: old.example, use: saml}]}
`

// sides is a deployment at a name, with a connection of two sides that ask for a
// password, and a person at a Chromium.
type sides struct {
	*deployment
	*person
	n *node
	// moved is how far all clocks were moved.
	moved atomic.Int64
}

// dana is the one person of both sides, who has another name at each.
var (
	danaNew = user{Login: "dana@new.example", Password: "new-password-of-dana"}
	danaOld = user{Login: "ddoe", Password: "old-password-of-dana"}
)

func twoSidesOf(t *testing.T) *sides {
	t.Helper()
	s := &sides{}
	now := func() time.Time { return time.Now().Add(time.Duration(s.moved.Load())) }
	_, port, _ := strings.Cut(counterpart.FreeAddress(t), ":")
	issuerURL := "http://localhost:" + port
	upstream, err := idptest.New(idptest.Config{Now: now, Title: "New sign-in", Users: []idptest.User{{
		Login: danaNew.Login, Password: danaNew.Password, Subject: "new-dana", Email: danaNew.Login, EmailVerified: true,
	}}})
	if err == nil {
		err = upstream.Start()
	}
	if err == nil {
		err = upstream.AddClient(idptest.Client{
			ID: "gatehouse", Secret: "upstream-secret-1234567890", RedirectURIs: []string{issuerURL + "/oidc/con_two/callback"}, FormAction: []string{"http://localhost:*", "http://127.0.0.1:*"},
		})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = upstream.Close() })
	s.deployment = deployAt(t, issuerURL, "sqlite", fmt.Sprintf(twoSides, upstream.Issuer(), oldDirectory(t, issuerURL, now)))
	s.n = s.start(t)
	s.populate(t, s.n)
	a := s.n.manage(t, http.MethodPost, "/v1/clients", `{"name":"app","workspace_id":"`+s.WorkspaceID+`","redirect_uris":["`+landing(t)+`"],"scopes":["openid"]}`)
	wantStatus(t, a, http.StatusCreated)
	uris, _ := a.json["redirect_uris"].([]any)
	s.Clients.Web = client{ID: a.text("client_id"), Secret: a.text("client_secret"), RedirectURI: uris[0].(string)} //nolint:forcetypeassert // as asked for
	s.person = s.somebody(t)
	return s
}

// oldDirectory runs a provider of SAML and returns the file of its metadata.
func oldDirectory(t *testing.T, issuerURL string, now func() time.Time) string {
	t.Helper()
	at := httptest.NewUnstartedServer(nil)
	directory, err := idptest.NewSAMLServer(idptest.SAMLServerConfig{
		URL: "http://" + at.Listener.Addr().String(), Title: "Old directory", Vendor: "okta", Now: now,
		Users: []idptest.User{{Login: danaOld.Login, Password: danaOld.Password, Subject: "old-dana", Email: "ddoe@old.example"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	at.Config.Handler = directory.Handler()
	at.Start()
	t.Cleanup(at.Close)
	entity := app.SAMLEntityID(issuerURL, "con_two")
	directory.AddServiceProvider(entity, entity+"/acs")
	file := filepath.Join(t.TempDir(), "metadata.xml")
	writeFile(t, file, string(directory.Metadata()))
	return file
}

// somebody is at another Chromium.
func (s *sides) somebody(t *testing.T) *person {
	t.Helper()
	return &person{Browser: counterpart.Chromium(t), t: t, i: s.issuer}
}

func (s *sides) advance(by time.Duration) {
	s.moved.Add(int64(by))
	s.n.advance(s.t, by.String())
}

// signIn goes through one side and returns who somebody is to the client.
func (s *sides) signIn(w *person, as user, hint string, more ...string) string {
	w.t.Helper()
	a := s.authorization(s.Clients.Web, "openid", append([]string{"login_hint", hint}, more...)...)
	w.Navigate(s.authorizeURL(a))
	w.WaitFor("username")
	w.password(as)
	if slices.Contains(more, authz.ACRMultiFactor) {
		w.WaitFor("create")
		w.Fill("name", "Laptop")
		w.Click("create")
		w.WaitFor("codes")
		w.Click("continue")
	}
	w.WaitFor("allow")
	w.Click("allow")
	return w.landed(a).text("sub")
}

// oldSub is who the old directory's dana is, in a browser of their own.
func (s *sides) oldSub(t *testing.T) string {
	t.Helper()
	return s.signIn(s.somebody(t), danaOld, "ddoe@old.example", "prompt", "consent") // it is remembered of whom it is
}

func says(w *person, selector string, all ...string) {
	w.t.Helper()
	text := w.Text(selector)
	for _, want := range all {
		if !strings.Contains(text, want) {
			w.t.Errorf("%s lacks %q:\n%s", selector, want, text)
		}
	}
}

func TestChromiumUO_18_APersonJoinsTheOtherSideWithAPasskey(t *testing.T) {
	t.Parallel()
	s := twoSidesOf(t)
	w := s.person
	w.virtual()
	sub := s.signIn(w, danaNew, danaNew.Login, "acr_values", authz.ACRMultiFactor)
	s.advance(30 * time.Minute)

	w.Navigate(s.url + "/security")
	w.WaitFor("link")
	w.picture("link-from-security")
	w.Click("link")
	w.WaitFor("again")
	w.picture("link-again")
	w.Click("again")
	w.WaitFor("username") // prompt=login: the upstream's own session is not enough
	w.password(danaNew)
	w.WaitFor("passkey")
	w.picture("link-factor")
	w.Click("passkey")
	w.WaitFor("begin")
	w.picture("link-begin")
	w.Click("begin")
	w.WaitFor("username")
	w.password(danaOld)
	w.WaitFor("confirm")
	w.picture("link-question")
	says(w, "#facts", "old-dana", "ddoe@old.example")
	says(w, "main", danaNew.Login)
	w.Click("confirm")
	w.WaitFor("joined")
	w.picture("link-joined")
	if got := s.oldSub(t); got != sub {
		t.Errorf("by the old directory they are %s, not %s", got, sub)
	}
	w.wantCalmConsole()
}

func TestChromiumJL_AMemberIsJoinedByALinkOnce(t *testing.T) {
	t.Parallel()
	s := twoSidesOf(t)
	sub := s.signIn(s.person, danaNew, danaNew.Login)
	s.Navigate(s.url + "/security")
	s.WaitFor("none")
	made := s.cli(t, "member", "join-link", "create", sub, "--connection", "con_two", "--side", "saml", "--workspace", s.WorkspaceID)
	link, _ := made["url"].(string)
	if u, err := url.Parse(link); err != nil || u.Path != "/join" {
		t.Fatalf("made %v", made)
	}
	w := s.somebody(t)
	w.Navigate(link)
	w.WaitFor("join")
	w.picture("join")
	says(w, "main", danaNew.Login, "Example Corp", "Two Sides")
	w.Click("join")
	w.WaitFor("username")
	w.password(danaOld)
	w.WaitFor("confirm")
	w.picture("join-question")
	says(w, "#facts", "old-dana", "ddoe@old.example")
	w.Click("confirm")
	w.WaitFor("joined")
	w.picture("join-joined")
	if got := s.oldSub(t); got != sub {
		t.Errorf("by the old directory they are %s, not %s", got, sub)
	}
	s.Navigate(s.url + "/security")
	s.WaitFor("error_code")
	says(s.person, "#error_code", "not_signed_in")
	w.Navigate(link)
	w.WaitFor("error_code")
	w.picture("join-over")
	says(w, "#error_code", "invalid_join_link")
	w.refused = append(w.refused, s.url+"/join")
	w.wantCalmConsole()
}
