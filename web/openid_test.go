package web_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

func (h *house) asBob() {
	h.upstream.SetFaults(asBob())
}

func TestAZ_08_AHintDecidesWhoGetsACode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada, bob := h.browser(), h.browser()
	hint := member(ada.signedInWith(), "id_token")
	h.asBob()
	hintOfBob := member(bob.signedInWith(), "id_token")
	if to := ada.get(h.authorizeURL("prompt", "none", "id_token_hint", hint)).Header().Get("Location"); !in(to) {
		t.Errorf("her own hint: %s", to)
	}
	for _, prompt := range []string{"", "none", "consent"} {
		if to := ada.get(h.authorizeURL("prompt", prompt, "id_token_hint", hintOfBob)).Header().Get("Location"); !out(to) || strings.Contains(to, "code=") {
			t.Errorf("prompt=%s with Bob's hint in Ada's session: %s", prompt, to)
		}
	}
	nobody := h.browser()
	h.upstream.SetFaults(idptest.Faults{})
	w := nobody.get(nobody.callbackURL("id_token_hint", hintOfBob)) // Ada signs in where Bob was expected
	if !out(w.Header().Get("Location")) {
		t.Errorf("the wrong person after a sign-in: %d %s", w.Code, w.Header().Get("Location"))
	}
	h.asBob()
	if code := ada.signIn("prompt", "login consent", "id_token_hint", hintOfBob); code == "" {
		t.Error("Bob could not sign in in Ada's browser")
	}
}

func TestAZ_08_AWaitingConsentIsHeldToTheHintToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ada := h.browser()
	hint := member(ada.signedInWith(), "id_token")
	id := ada.consentPage("prompt", "login consent", "id_token_hint", hint)
	h.asBob()
	ada.get(ada.callbackURL("prompt", "login")) // somebody else takes the browser over
	w := ada.post("/consent", url.Values{"request": {id}, "scope": {"openid", "profile"}, "decision": {"allow"}})
	if w.Code == http.StatusSeeOther {
		t.Errorf("a code for the wrong person: %s", w.Header().Get("Location"))
	}
}

func TestAZ_07_GoingBackToAnAbortedSignInGivesNoCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	h.clock.Advance(time.Hour / 2)
	callback := b.callbackURL("prompt", "login")
	id := b.chooser("prompt", "login") // the person goes back and starts anew, then aborts
	b.get(callback)                    // the first one is finished in another tab
	for _, target := range []string{"/signin/done?request=" + id, "/consent?request=" + id} {
		if w := b.get(target); in(w.Header().Get("Location")) || strings.Contains(w.Body.String(), `id="allow"`) {
			t.Errorf("%s of the aborted request went on", target)
		}
	}
	w := b.get(h.authorizeURL("prompt", "login"))
	if !strings.HasPrefix(w.Header().Get("Location"), h.upstream.Issuer()) {
		t.Errorf("reloading prompt=login: %s", w.Header().Get("Location"))
	}
	for _, prompt := range []string{"select_account", "consent", "login consent"} {
		if w := b.get(h.authorizeURL("prompt", prompt)); in(w.Header().Get("Location")) {
			t.Errorf("prompt=%s was passed over", prompt)
		}
	}
}

func TestAZ_07_MaxAgeZeroIsASignInEvenWithinTheSameSecond(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	h.clock.Advance(h.clock.Now().Truncate(time.Second).Add(time.Second).Sub(h.clock.Now()))
	b.signIn()
	if to := b.get(b.callbackURL("max_age", "0")).Header().Get("Location"); !in(to) {
		t.Errorf("its own sign-in is all there is to have: %s", to)
	}
	asked := func() {
		t.Helper()
		if to := b.get(h.authorizeURL("max_age", "1", "prompt", "none")).Header().Get("Location"); !in(to) {
			t.Errorf("one second is enough for max_age=1: %s", to)
		}
		if to := b.get(h.authorizeURL("max_age", "0", "prompt", "none")).Header().Get("Location"); !out(to) {
			t.Errorf("in silence: %s", to)
		}
		if to := b.get(h.authorizeURL("max_age", "0")).Header().Get("Location"); !strings.HasPrefix(to, h.upstream.Issuer()) {
			t.Errorf("nobody was asked to sign in: %s", to)
		}
		id := b.chooser("max_age", "0") // and does not
		if w := b.get("/signin/done?request=" + id); in(w.Header().Get("Location")) {
			t.Errorf("going on without a sign-in: %s", w.Header().Get("Location"))
		}
	}
	asked()
	h.clock.Advance(900 * time.Millisecond)
	asked()
	h.app = made(h.store.GetClientAcrossWorkspaces(t.Context(), issuer, h.app.ID))(t)
	h.app.Metadata.DefaultMaxAge = new(int64)
	h.ok(h.store.UpdateClient(t.Context(), h.app))
	if to := b.get(h.authorizeURL("prompt", "none")).Header().Get("Location"); !out(to) {
		t.Errorf("the client's default: %s", to)
	}
}

func TestAuthTimeIsTheUpstreamsAndStaysOverSSOAndRefresh(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	at := h.clock.Now().Add(-10 * time.Minute).Unix()
	h.upstream.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { c["auth_time"] = at }})
	b := h.browser()
	first := b.signedInWith("max_age", "15000")
	h.clock.Advance(20 * time.Minute)
	w := b.get(h.authorizeURL("max_age", "10000", "code_challenge", "", "code_challenge_method", ""))
	u, _ := url.Parse(w.Header().Get("Location"))
	second := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	third := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {member(second, "refresh_token")}}.Encode(), "Content-Type", form, "Authorization", h.basic())
	for n, text := range []string{member(first, "id_token"), member(second, "id_token"), member(third, "id_token")} {
		if got := claimsOf(t, text)["auth_time"]; got != float64(at) {
			t.Errorf("ID token %d: auth_time %v, want %d", n, got, at)
		}
	}
	if w := b.get(h.authorizeURL("max_age", "1200", "prompt", "none")); !out(w.Header().Get("Location")) {
		t.Errorf("max_age counts from another time: %s", w.Header().Get("Location"))
	}
}

func TestOIDCCore5511_AnEssentialACRThatIsNotReachedGivesNoCode(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.signIn()
	want := func(acr string) string { return `{"id_token":{"acr":{"essential":true,"values":["` + acr + `"]}}}` }
	if to := b.get(h.authorizeURL("prompt", "none", "claims", want(idptest.ACRPassword))).Header().Get("Location"); !in(to) {
		t.Errorf("what the session has: %s", to)
	}
	if to := b.get(h.authorizeURL("prompt", "none", "claims", want("gold"))).Header().Get("Location"); !out(to) {
		t.Errorf("in silence: %s", to)
	}
	w := b.get(b.callbackURL("claims", want("gold"))) // the upstream is asked, and cannot
	if !strings.Contains(w.Header().Get("Location"), "error=unmet_authentication_requirements") {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	if to := b.get(h.authorizeURL("prompt", "none", "acr_values", "gold")).Header().Get("Location"); !in(to) {
		t.Errorf("a wish is no demand: %s", to)
	}
}

func TestClaimsAskedForByNameAreConsentedTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	const name = `{"userinfo":{"name":{"essential":true}}}`
	id := b.consentPage("scope", "openid", "claims", name)
	if page := b.get("/consent?request=" + id).Body.String(); !strings.Contains(page, "<code>name</code>") {
		t.Errorf("the page does not say it: %s", page)
	}
	if w := b.post("/consent", url.Values{"request": {id}, "decision": {"allow"}}); !in(w.Header().Get("Location")) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	silent := func(claims string) string {
		return b.get(h.authorizeURL("scope", "openid", "prompt", "none", "claims", claims)).Header().Get("Location")
	}
	if to := silent(name); !in(to) {
		t.Errorf("remembered: %s", to)
	}
	if to := silent(`{"userinfo":{"name":null,"zoneinfo":null}}`); !strings.Contains(to, "consent_required") {
		t.Errorf("one claim more: %s", to)
	}
}

func TestSignedUserinfoIsServedAsJWT(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.leaving(func(m *authz.ClientMetadata) { m.UserinfoAlgorithm = "ES256" })
	token := member(h.browser().signedInWith(), "access_token")
	for _, method := range []string{"GET", "POST"} {
		w := h.send(method, "/oauth2/userinfo", "", "Authorization", "Bearer "+token)
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jwt" || w.Header().Get("Cache-Control") != "no-store" {
			t.Fatalf("%d %v", w.Code, w.Header())
		}
		if c := claimsOf(t, w.Body.String()); c["aud"] != string(h.app.ID) || c["iss"] != host || c["name"] != "Ada <script>" {
			t.Errorf("%v", c)
		}
	}
}

// claimsOf reads the payload of a JWT whose signature others check.
func claimsOf(t *testing.T, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("no JWT: %.40s", token)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(payload, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}
