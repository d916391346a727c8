package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// appScopes are what the sample app asks for: everything there is.
var appScopes = map[string]string{
	"uptimepulse": "openid profile offline_access monitoring:admin",
	"statuspulse": "openid profile email offline_access statuspulse:checks:read statuspulse:alerts:manage",
}

// person is somebody at a Chromium of their own.
type person struct {
	*counterpart.Browser
	t testing.TB
	p *product
	i issuer
	// refused are the pages that rightly answer with an error status, which
	// Chromium notes on its console.
	refused []string
}

// atChromium runs a test on each product of a demo that nobody else uses:
// consent that is remembered would change what the pages show.
func atChromium(t *testing.T, test func(t *testing.T, who *person)) {
	t.Helper()
	t.Parallel()
	p := startProduct(t, t.TempDir())
	for _, i := range p.Issuers {
		t.Run(i.Name, func(t *testing.T) {
			who := &person{Browser: counterpart.Chromium(t), t: t, p: p, i: i}
			test(t, who)
			who.wantCalmConsole()
		})
	}
}

// wantCalmConsole fails on whatever a developer would see in red.
func (w *person) wantCalmConsole() {
	w.t.Helper()
	for _, problem := range w.Problems() {
		expected := slices.ContainsFunc(w.refused, func(page string) bool {
			return strings.Contains(problem, "Failed to load resource") && strings.Contains(problem, page)
		})
		if !expected {
			w.t.Errorf("on the console: %s", problem)
		}
	}
}

func (w *person) sample() string {
	u, err := url.Parse(w.i.Clients.Web.RedirectURI)
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

// openSample begins a sign-in at the sample app.
func (w *person) openSample() {
	w.t.Helper()
	w.Navigate(w.sample())
	w.Click("login-" + w.i.Name)
}

func (w *person) password(u user) {
	w.t.Helper()
	w.Fill("username", u.Login)
	w.Fill("password", u.Password)
	w.Click("submit")
}

func (w *person) press(keys string) {
	w.t.Helper()
	if _, err := chromedp.Run(w.Context(), chromedp.KeyEvent(keys)); err != nil {
		w.t.Fatal(err)
	}
}

// read evaluates an expression of the page.
func (w *person) read(expression string) string {
	w.t.Helper()
	got, err := chromedp.Run(w.Context(), chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// picture writes the page in light and in dark to the folder that
// GATEHOUSE_TEST_SCREENSHOTS names.
func (w *person) picture(name string) {
	w.t.Helper()
	dir := os.Getenv("GATEHOUSE_TEST_SCREENSHOTS")
	if dir == "" {
		return
	}
	for _, scheme := range []string{"dark", "light"} {
		_, err := chromedp.Call(w.Context(), emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		if err != nil {
			w.t.Fatal(err)
		}
		w.Screenshot(filepath.Join(dir, w.i.Name+"-"+name+"-"+scheme+".png"))
	}
}

// sessionCookie is the name of our session cookie if the browser holds one.
func (w *person) sessionCookie() string {
	w.t.Helper()
	got, err := chromedp.Call(w.Context(), network.GetCookies, network.GetCookiesParams{URLs: []string{w.i.Issuer}})
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range got.Cookies {
		if strings.HasPrefix(c.Name, "sid-") {
			return c.Name
		}
	}
	return ""
}

func TestChromiumSignsInChoosesScopesAndIsNotAskedAgain(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		bob := w.p.user("bob")
		w.openSample()
		w.password(user{Login: bob.Login, Password: "not the password"})
		w.WaitFor("problem")
		if !strings.HasPrefix(w.URL(), w.p.Upstream.OIDCIssuer) || w.sessionCookie() != "" {
			t.Errorf("a wrong password led to %s", w.URL())
		}
		w.refused = append(w.refused, w.p.Upstream.OIDCIssuer+"/authorize")
		w.password(bob)
		w.WaitFor("allow")
		w.picture("consent")
		if w.read(`document.querySelector("input[value=openid]").disabled`) != "true" {
			t.Error("openid can be left out")
		}
		if _, err := chromedp.Run(w.Context(), chromedp.Click(chromedp.CSS("input[value=profile]"))); err != nil {
			t.Fatal(err)
		}
		w.Click("allow")
		w.WaitFor("granted")
		without := strings.Replace(appScopes[w.i.Name], " profile", "", 1)
		if got := w.Text("#granted"); got != without {
			t.Errorf("granted %q, want %q", got, without)
		}
		if got := w.Text("#claims"); strings.Contains(got, bob.Login[:3]+" ") || strings.Contains(got, `"name"`) {
			t.Errorf("the app knows the name: %s", got)
		}
		if w.sessionCookie() == "" {
			t.Error("there is no session cookie")
		}
		// The app asks for all of it again: no password, but a question.
		w.openSample()
		w.WaitFor("allow")
		w.Click("allow")
		w.WaitFor("granted")
		if got := w.Text("#granted"); got != appScopes[w.i.Name] || !strings.Contains(w.Text("#who"), "Bob Brown") {
			t.Errorf("granted %q to %q", got, w.Text("#who"))
		}
		// Now everything is settled: from click to signed in without a page.
		w.openSample()
		w.WaitFor("granted")
		if got := w.Text("#granted"); got != appScopes[w.i.Name] {
			t.Errorf("granted %q", got)
		}
	})
}

func TestChromiumDeniesAndTheAppIsTold(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		w.openSample()
		w.password(w.p.user("alice"))
		w.Click("deny")
		w.WaitFor("problem")
		if got := w.Text("#problem"); !strings.Contains(got, "access_denied") || !strings.HasPrefix(w.URL(), w.sample()) {
			t.Errorf("%q at %s", got, w.URL())
		}
		w.refused = append(w.refused, w.sample()+"/callback/")
	})
}

func TestChromiumShowsAStrangerThatTheyDoNotBelongHere(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		w.refused = append(w.refused, w.i.Issuer+"/oidc/")
		w.openSample()
		w.password(w.p.user("mallory"))
		w.WaitFor("error_code")
		w.picture("no-membership")
		if got := w.Text("#error_code"); got != "no_membership" || !strings.HasPrefix(w.URL(), w.i.Issuer) {
			t.Errorf("%q at %s", got, w.URL())
		}
		if name := w.sessionCookie(); name != "" {
			t.Errorf("a stranger has the session cookie %s", name)
		}
	})
}

func TestChromiumNeedsNoMouse(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		alice := w.p.user("alice")
		w.openSample()
		// Who types waits for the cursor, which the page puts into the first field.
		if _, err := chromedp.Run(w.Context(), chromedp.WaitVisible(chromedp.CSS("#username:focus"))); err != nil {
			t.Fatal(err)
		}
		w.press(alice.Login + kb.Tab + alice.Password + kb.Enter)
		w.WaitFor("allow")
		var visited []string
		focused := func() string {
			return w.read(`document.activeElement.id || document.activeElement.value || document.activeElement.tagName`)
		}
		for range 12 {
			w.press(kb.Tab)
			at := focused()
			visited = append(visited, at)
			if w.read(`document.activeElement.matches(":focus-visible")`) != "true" || w.read(`getComputedStyle(document.activeElement).outlineStyle`) == "none" {
				t.Errorf("nobody sees that %s has the focus", at)
			}
			if at == "profile" {
				w.picture("consent-focus")
				w.press(" ")
			}
			if at == "allow" {
				break
			}
		}
		want := append(strings.Fields(appScopes[w.i.Name])[1:], "allow")
		if !slices.Equal(visited, want) {
			t.Fatalf("Tab went through %q, want %q", visited, want)
		}
		w.press(kb.Enter)
		w.WaitFor("granted")
		if got := w.Text("#granted"); got != strings.Replace(appScopes[w.i.Name], " profile", "", 1) {
			t.Errorf("granted %q", got)
		}
	})
}

// landing is a client's redirect URI that shows what arrived.
func landing(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprint(w, `<!doctype html><link rel="icon" href="data:,"><title>Client</title><p id="landed">Back at the client.</p>`)
	}))
	t.Cleanup(s.Close)
	return s.URL + "/callback"
}

func TestChromiumIsRoutedByEmailDomainWhereTheClientServesEveryTenant(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		c := w.i.register(t, map[string]any{"workspace_id": "", "name": "Status of everything", "redirect_uris": []string{landing(t)}})
		a := w.i.authorization(c, scopesOf[w.i.Name])
		w.Navigate(w.i.authorizeURL(a))
		w.WaitFor("username")
		w.picture("email")
		w.Fill("username", "somebody@unknown.example")
		w.Click("submit")
		w.WaitFor("problem")
		w.picture("email-unknown")
		w.Fill("username", w.p.user("bob").Login)
		w.Click("submit")
		w.WaitFor("password") // through the page that leads on
		if got := w.read(`document.getElementById("username").value`); got != w.p.user("bob").Login {
			t.Errorf("the upstream was told %q", got)
		}
		w.Fill("password", w.p.user("bob").Password)
		w.Click("submit")
		w.WaitFor("allow")
		w.picture("consent-platform")
		w.Click("allow")
		w.WaitFor("landed")
		back, err := url.Parse(w.URL())
		if err != nil {
			t.Fatal(err)
		}
		tokens := w.i.redeem(t, a, &page{url: back, back: back})
		wantStatus(t, tokens, http.StatusOK)
		if got := w.i.introspect(t, tokens.text("access_token")); got.text("workspace_id") != w.i.WorkspaceID {
			t.Errorf("introspection %s", got.body)
		}
	})
}

func TestChromiumShowsTheOtherPagesWithoutComplaint(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		w.Navigate(w.i.Issuer + "/")
		w.picture("welcome")
		a := w.i.authorization(w.i.Clients.Web, "openid", "prompt", "select_account")
		w.Navigate(w.i.authorizeURL(a))
		w.WaitFor("connection-con_demo_" + w.i.Name)
		w.picture("chooser")
		w.Click("connection-con_demo_" + w.i.Name)
		w.WaitFor("password")
		w.refused = append(w.refused, w.i.Issuer+"/")
		unknown := w.i.authorization(client{ID: "nobody", RedirectURI: "https://client.example/"}, "openid")
		w.Navigate(w.i.authorizeURL(unknown))
		w.WaitFor("error_code")
		w.picture("unknown-client")
		narrow := chromedp.EmulateViewport(360, 740)
		if _, err := chromedp.Run(w.Context(), narrow); err != nil {
			t.Fatal(err)
		}
		if w.read(`document.documentElement.scrollWidth <= innerWidth`) != "true" {
			t.Error("the page is wider than a telephone")
		}
		w.picture("unknown-client-narrow")
	})
}
