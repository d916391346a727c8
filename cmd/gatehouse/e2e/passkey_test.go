package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// virtual gives the browser an authenticator that checks who its user is, and
// returns what makes it say so or not.
func (w *person) virtual() (verified func(bool)) {
	w.t.Helper()
	if _, err := chromedp.Call(w.Context(), webauthn.Enable, webauthn.EnableParams{}); err != nil {
		w.t.Fatal(err)
	}
	made, err := chromedp.Call(w.Context(), webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Transport: webauthn.AuthenticatorTransportInternal, HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true,
		},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return func(yes bool) {
		w.t.Helper()
		_, err := chromedp.Call(w.Context(), webauthn.SetUserVerified, webauthn.SetUserVerifiedParams{AuthenticatorID: made.AuthenticatorID, IsUserVerified: yes})
		if err != nil {
			w.t.Fatal(err)
		}
	}
}

// named is a server whose address is a name, for which browsers keep passkeys,
// with a person at a Chromium.
func named(t *testing.T) (*deployment, *node, *person) {
	t.Helper()
	_, port, _ := strings.Cut(counterpart.FreeAddress(t), ":")
	d := deployAt(t, "http://localhost:"+port, "sqlite", "")
	n := d.start(t)
	d.populate(t, n)
	a := n.manage(t, http.MethodPost, "/v1/clients", `{"name":"app","workspace_id":"`+d.WorkspaceID+`","redirect_uris":["`+landing(t)+`"],"scopes":["openid"]}`)
	wantStatus(t, a, http.StatusCreated)
	uris, _ := a.json["redirect_uris"].([]any)
	d.Clients.Web = client{ID: a.text("client_id"), Secret: a.text("client_secret"), RedirectURI: uris[0].(string)} //nolint:forcetypeassert // as asked for
	return d, n, &person{Browser: counterpart.Chromium(t), t: t, i: d.issuer}
}

// landed redeems what the client was sent, and returns what introspection says.
func (w *person) landed(a authorization) answer {
	w.t.Helper()
	w.WaitFor("landed")
	back, err := url.Parse(w.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	tokens := w.i.redeem(w.t, a, &page{url: back, back: back})
	wantStatus(w.t, tokens, http.StatusOK)
	return w.i.introspect(w.t, tokens.text("access_token"))
}

func TestChromiumStepsUpWithAPasskey(t *testing.T) {
	t.Parallel()
	d, _, w := named(t)
	verified := w.virtual()
	strong := func(pairs ...string) authorization {
		return d.authorization(d.Clients.Web, "openid", append([]string{"acr_values", authz.ACRMultiFactor, "login_hint", "alice@example.com"}, pairs...)...)
	}
	a := strong()
	w.Navigate(d.authorizeURL(a))
	w.WaitFor("create")
	w.picture("factor-setup")
	verified(false)
	w.Click("create") // whoever cannot say who they are gets none
	w.WaitFor("create")
	if got := eventuallyText(w, "form[data-passkey] [role=alert]"); !strings.Contains(got, "Try again") && !strings.Contains(got, "checks who you are") {
		t.Errorf("told %q", got)
	}
	verified(true)
	w.Fill("name", "Test laptop")
	w.press(kb.Enter) // by keyboard
	w.WaitFor("codes")
	w.picture("recovery-codes")
	if n := w.read(`document.querySelectorAll("#codes li").length`); n != "10" {
		t.Errorf("%s recovery codes", n)
	}
	if !strings.HasPrefix(w.read(`document.getElementById("download").href`), "data:text/plain") {
		t.Error("nothing to download")
	}
	w.Click("continue")
	w.Click("allow")
	in := w.landed(a)
	if in.text("acr") != authz.ACRMultiFactor || !strings.Contains(in.body, `"user"`) || !strings.Contains(in.body, `"mfa"`) {
		t.Errorf("introspection %s", in.body)
	}

	// In the same session nothing more is asked; in a new one the passkey is.
	w.Navigate(d.authorizeURL(strong()))
	w.WaitFor("landed")
	again := strong("prompt", "login")
	w.Navigate(d.authorizeURL(again))
	w.WaitFor("passkey")
	w.picture("factor-prove")
	verified(false)
	w.Click("passkey")
	if got := eventuallyText(w, "form[data-passkey] [role=alert]"); !strings.Contains(got, "Try again") {
		t.Errorf("told %q", got)
	}
	verified(true)
	if w.read(`(document.getElementById("passkey").focus(), document.activeElement.id)`) != "passkey" {
		t.Error("the button takes no focus")
	}
	w.press(kb.Enter)
	if in := w.landed(again); in.text("acr") != authz.ACRMultiFactor {
		t.Errorf("introspection %s", in.body)
	}

	// Their own page: the passkey has its name, and is not the last to go.
	w.Navigate(d.url + "/security")
	w.WaitFor("factors")
	w.picture("security")
	if got := w.Text("#factors"); !strings.Contains(got, "Test laptop") || !strings.Contains(got, "last used") {
		t.Errorf("factors %q", got)
	}
	if _, err := chromedp.Run(w.Context(), chromedp.Click(chromedp.CSS("#factors button"))); err != nil {
		t.Fatal(err)
	}
	w.WaitFor("problem")
	if got := w.Text("#problem"); !strings.Contains(got, "only second factor") {
		t.Errorf("told %q", got)
	}
	if _, err := chromedp.Run(w.Context(), chromedp.EmulateViewport(360, 740)); err != nil {
		t.Fatal(err)
	}
	if w.read(`document.documentElement.scrollWidth <= innerWidth`) != "true" {
		t.Error("the page is wider than a telephone")
	}
	w.wantCalmConsole()
}

// eventuallyText waits until an element that is there says something.
func eventuallyText(w *person, selector string) string {
	w.t.Helper()
	if _, err := chromedp.Run(w.Context(), chromedp.WaitVisible(chromedp.CSS(selector))); err != nil {
		w.t.Fatal(err)
	}
	return w.Text(selector)
}

func TestChromiumEnrolsTheFirstOperatorWhoLetsAKeyGoOn(t *testing.T) {
	t.Parallel()
	d, n, w := named(t)
	w.virtual()
	if d.enrol == "" {
		t.Fatal("bootstrap printed no link")
	}
	w.Navigate(d.enrol)
	w.WaitFor("create")
	w.picture("enrol")
	w.Fill("name", "Key at the desk")
	w.Click("create")
	w.WaitFor("codes")
	w.Click("continue")
	w.WaitFor("keys")
	w.picture("operator")
	if got := w.Text("#login"); got != "operator" {
		t.Errorf("signed in as %q", got)
	}
	mint := func() answer {
		return n.manage(t, http.MethodPost, "/v1/auth/keys", `{"name":"k","workspace_id":"`+d.WorkspaceID+`","environment":"live","scopes":["monitor:read"]}`)
	}
	wantStatus(t, mint(), http.StatusCreated)
	n.advance(t, "25h")
	if a := mint(); a.status != http.StatusForbidden || a.text("code") != "issuing_delegation_required" {
		t.Errorf("a day later: %d %s", a.status, a.body)
	}
	// The session of a day ago is over: by the passkey alone, discovered.
	w.Navigate(d.url + "/operator")
	w.WaitFor("login")
	w.picture("operator-sign-in")
	if w.read(`document.getElementById("keys") === null`) == "true" {
		w.Click("passkey")
	}
	w.WaitFor("keys")
	if _, err := chromedp.Run(w.Context(), chromedp.Click(chromedp.CSS("#keys button"))); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the key makes keys", func() bool { return mint().status == http.StatusCreated })
	w.Navigate(d.enrol)
	w.WaitFor("error_code")
	if got := w.Text("#error_code"); got != "enrolment_link_over" {
		t.Errorf("the link, again: %q", got)
	}
	w.refused = append(w.refused, d.url+"/enrol")
	w.wantCalmConsole()
}
