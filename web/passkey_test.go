package web_test

import (
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/mfa/mfatest"
)

var passkeyForm = regexp.MustCompile(`data-passkey="(create|get)" data-options="([^"]*)">\s*(?:<input type="hidden" name="request" value="[^"]*">\s*)?<input type="hidden" name="ceremony" value="([^"]*)">`)

// asked reads the form of a page that asks for a passkey.
func (h *house) asked(kind string, w *httptest.ResponseRecorder) (options string, fields url.Values) {
	h.Helper()
	for _, m := range passkeyForm.FindAllStringSubmatch(w.Body.String(), -1) {
		if m[1] == kind {
			fields := fieldsOf(w)
			fields.Del("pending")
			fields.Set("ceremony", m[3])
			if kind == "create" {
				fields.Set("do", "create")
			}
			return html.UnescapeString(m[2]), fields
		}
	}
	h.Fatalf("no passkey is asked for: %d %.900s", w.Code, w.Body)
	return "", nil
}

func newKey() *mfatest.Authenticator {
	return &mfatest.Authenticator{Origin: host, RPID: "up.example", Counts: true}
}

// createKey sends the answer of a new passkey to a page that asks for one.
func (b *browser) createKey(w *httptest.ResponseRecorder, target string, a *mfatest.Authenticator) *httptest.ResponseRecorder {
	b.h.Helper()
	options, fields := b.h.asked("create", w)
	fields.Set("response", made(a.Create(options))(b.h))
	fields.Set("name", "Laptop")
	return b.post(target, fields)
}

// usedKey is the form of a page that asks for a passkey, answered.
func (h *house) usedKey(w *httptest.ResponseRecorder, a *mfatest.Authenticator) url.Values {
	h.Helper()
	options, fields := h.asked("get", w)
	fields.Set("response", made(a.Get(options))(h))
	return fields
}

func (b *browser) enrolKey() *mfatest.Authenticator {
	b.h.Helper()
	a := newKey()
	if w := b.createKey(b.factorPage(bobHint...), "/signin/factor", a); len(shownCode.FindAllString(w.Body.String(), -1)) != 10 {
		b.h.Fatalf("no recovery codes: %d %.900s", w.Code, w.Body)
	}
	return a
}

func TestAPasskeyIsASignInOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	a := b.enrolKey()
	h.clock.Advance(20 * time.Minute)
	// The sign-in of long ago is made new by the passkey: nobody goes to the upstream.
	w := b.get(h.authorizeURL(append([]string{"acr_values", authz.ACRMultiFactor, "max_age", "60", "code_challenge", "", "code_challenge_method", ""}, bobHint...)...))
	location := w.Header().Get("Location")
	if !strings.HasPrefix(location, "/signin/factor?") {
		t.Fatalf("sent to %s", location)
	}
	w = b.get(location)
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "script-src 'self';") || strings.Contains(policy, "unsafe") || strings.Count(w.Body.String(), "<script") != 1 || !strings.Contains(w.Body.String(), `<script src="/static/passkey.js" defer></script>`) {
		t.Errorf("policy %q of %.300s", policy, w.Body)
	}
	in := h.introspected(b.answer(b.post("/signin/factor", h.usedKey(w, a))))
	for _, want := range []string{`"acr":"` + authz.ACRMultiFactor + `"`, `"hwk"`, `"user"`, `"mfa"`, `"auth_time":` + strconv.FormatInt(h.clock.Now().Unix(), 10)} {
		if !strings.Contains(in, want) {
			t.Errorf("introspection lacks %s: %s", want, in)
		}
	}
}

func TestMF_08_AnAnswerOfAPasskeyIsGoodOnceAndForItsSession(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.browser().enrolKey()
	a.Counts, a.Counter = false, 0 // as synced passkeys are: the challenge alone says what is new
	b := h.browser()
	fields := h.usedKey(b.factorPage(bobHint...), a)
	thief := h.browser()
	theirs := url.Values{"request": {fieldsOf(thief.factorPage(bobHint...)).Get("request")}, "ceremony": fields["ceremony"], "response": fields["response"]}
	if w := thief.post("/signin/factor", theirs); w.Code != http.StatusOK {
		t.Errorf("in another session: %d", w.Code)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	accepted := 0
	for range 4 {
		group.Go(func() {
			tab := &browser{h, map[string]string{}}
			for name, value := range b.cookies {
				tab.cookies[name] = value
			}
			if w := tab.post("/signin/factor", fields); w.Code == http.StatusSeeOther && !strings.Contains(w.Header().Get("Location"), "error=") {
				mu.Lock()
				accepted++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if accepted != 1 {
		t.Errorf("%d accepted one answer", accepted)
	}
	if used := h.entries("factor.used"); len(used) != 1 {
		t.Errorf("audit %+v", used)
	}
	// Nor is it good for the next request of the very same session.
	c := h.browser()
	fields = h.usedKey(c.factorPage(bobHint...), a)
	if w := c.post("/signin/factor", fields); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	fields.Set("request", fieldsOf(c.factorPage(append([]string{"prompt", "login"}, bobHint...)...)).Get("request"))
	if w := c.post("/signin/factor", fields); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not accepted") {
		t.Errorf("a second time: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("factor.refused"); !slices.ContainsFunc(e, func(e authz.AuditEntry) bool { return e.Reason == "replayed" }) {
		t.Errorf("audit %+v", e)
	}
}

func TestMF_08_AnAnswerFromElsewhereIsRefusedAndAudited(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.browser().enrolKey()
	for want, lie := range map[string]func(*mfatest.Authenticator){
		"wrong_origin":      func(a *mfatest.Authenticator) { a.Origin = "https://up.example.evil.example" },
		"wrong_rp_id":       func(a *mfatest.Authenticator) { a.RPID = "evil.example" },
		"user_not_verified": func(a *mfatest.Authenticator) { a.Unverified = true },
		"wrong_ceremony":    func(a *mfatest.Authenticator) { a.Type = "webauthn.create" },
	} {
		liar := *a
		lie(&liar)
		b := h.browser()
		w := b.post("/signin/factor", h.usedKey(b.factorPage(bobHint...), &liar))
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not accepted") || strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %.600s", want, w.Code, w.Body)
		}
		e := h.entries("factor.refused")
		if !slices.ContainsFunc(e, func(e authz.AuditEntry) bool { return e.Reason == want }) {
			t.Errorf("%s: audit %+v", want, e)
		}
	}
	b := h.browser()
	fields := h.usedKey(b.factorPage(bobHint...), a)
	for _, rubbish := range []string{"", "{}", "[]", strings.Repeat("[", 5000), `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`} {
		fields.Set("response", rubbish)
		if w := b.post("/signin/factor", fields); w.Code != http.StatusOK {
			t.Errorf("%.20q: %d", rubbish, w.Code)
		}
	}
}

func TestMF_08_ACopiedPasskeyIsPutOutOfUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.browser().enrolKey()
	b := h.browser()
	if w := b.post("/signin/factor", h.usedKey(b.factorPage(bobHint...), a)); w.Code != http.StatusSeeOther {
		t.Fatalf("%d", w.Code)
	}
	copied := *a
	copied.Counter--
	thief := h.browser()
	if w := thief.post("/signin/factor", h.usedKey(thief.factorPage(bobHint...), &copied)); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "copied") {
		t.Errorf("the copy: %d %.600s", w.Code, w.Body)
	}
	if e := h.entries("factor.copied"); len(e) != 1 {
		t.Errorf("audit %+v", e)
	}
	w := h.browser().factorPage(bobHint...)
	if passkeyForm.MatchString(w.Body.String()) || !strings.Contains(w.Body.String(), `id="recovery_code"`) {
		t.Errorf("it is asked for still: %.900s", w.Body)
	}
}

// A double click, or a form that is sent again, is a replay and no copy.
func TestMF_08_AnAnswerSentTwiceLeavesThePasskeyInUse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	a := b.enrolKey()
	fields := h.usedKey(b.factorPage(append([]string{"prompt", "login"}, bobHint...)...), a)
	form := url.Values{"ceremony": fields["ceremony"], "response": fields["response"]}
	if w := b.post("/security", form); w.Code != http.StatusSeeOther {
		t.Fatalf("first: %d %.600s", w.Code, w.Body)
	}
	if w := b.post("/security", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not accepted") {
		t.Errorf("again: %d %.600s", w.Code, w.Body)
	}
	if held := made(h.factors.Of(t.Context(), h.workspace.ID, h.bob()))(t); held.Factors[0].State != authz.Active {
		t.Errorf("bob's only passkey is %s", held.Factors[0].State)
	}
	if e := h.entries("factor.refused"); len(e) != 1 || e[0].Reason != "replayed" || len(h.entries("factor.copied")) != 0 {
		t.Errorf("audit %+v", e)
	}
}

// Whoever makes a passkey has shown nothing of who they are: it is no sign-in.
func TestMF_06_MakingAPasskeyIsNoSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	b.through(h.authorizeURL(bobHint...))
	at := h.clock.Now()
	h.clock.Advance(14 * time.Minute)
	if w := b.createKey(b.get("/security"), "/security", newKey()); w.Code != http.StatusOK {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	first := h.sessionOf(b)
	if first.AuthTime.After(at) || h.clock.Now().Sub(first.SignIn.MFAAt) > time.Minute {
		t.Errorf("signed in at %s, stepped up at %s", first.AuthTime, first.SignIn.MFAAt)
	}
	w := b.get(h.authorizeURL(append([]string{"acr_values", authz.ACRMultiFactor, "max_age", "60", "code_challenge", "", "code_challenge_method", ""}, bobHint...)...))
	if location := w.Header().Get("Location"); strings.Contains(location, "code=") || strings.HasPrefix(location, "/consent") {
		t.Errorf("signed in 14 minutes ago, with max_age=60: sent to %s", location)
	}
	// Nor is another one a proof of a factor that was there.
	h.clock.Advance(10 * time.Minute)
	if w := b.createKey(b.get("/security"), "/security", newKey()); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	if second := h.sessionOf(b); !second.SignIn.MFAAt.Equal(first.SignIn.MFAAt) || !second.AuthTime.Equal(first.AuthTime) {
		t.Errorf("a further passkey renewed the proof: %s", second.SignIn.MFAAt)
	}
	h.clock.Advance(6 * time.Minute)
	if page := b.get("/security"); strings.Contains(page.Body.String(), `id="create"`) {
		t.Errorf("factors go on being changed by making more of them")
	}
}

func TestMF_06_FactorsAreChangedWithAFactorOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	if w := b.get("/security"); w.Code != http.StatusUnauthorized {
		t.Errorf("nobody's: %d", w.Code)
	}
	a := b.enrolKey()
	page := b.get("/security")
	for _, want := range []string{"Laptop", "10 of your recovery codes", `value="remove"`, `id="create"`, `id="enrol"`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page lacks %s: %.3000s", want, page.Body)
		}
	}
	id := string(made(h.factors.Of(t.Context(), h.workspace.ID, h.bob()))(t).Factors[0].ID)
	if w := b.post("/security", url.Values{"do": {"remove"}, "factor": {id}}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "only second factor") {
		t.Errorf("the last one: %d %.600s", w.Code, w.Body)
	}
	second := newKey()
	if w := b.createKey(page, "/security", second); w.Code != http.StatusSeeOther {
		t.Fatalf("a second: %d %.900s", w.Code, w.Body)
	}
	if w := b.createKey(page, "/security", newKey()); w.Code != http.StatusOK {
		t.Errorf("one offer, two passkeys: %d", w.Code)
	}
	// Later a stolen session of one factor changes nothing, however fresh.
	h.clock.Advance(16 * time.Minute)
	stolen := h.browser()
	stolen.through(h.authorizeURL(bobHint...))
	for name, who := range map[string]*browser{"a while later": b, "a session of one factor": stolen} {
		page := who.get("/security")
		if strings.Contains(page.Body.String(), `value="remove"`) || strings.Contains(page.Body.String(), `id="create"`) || !strings.Contains(page.Body.String(), `id="passkey"`) {
			t.Errorf("%s: %.2000s", name, page.Body)
		}
		for what, form := range map[string]url.Values{"remove": {"do": {"remove"}, "factor": {id}}, "codes": {"do": {"codes"}}} {
			if w := who.post("/security", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "you have before you change them") {
				t.Errorf("%s: %s: %d %.600s", name, what, w.Code, w.Body)
			}
		}
	}
	// With the passkey they go on.
	if w := b.post("/security", h.usedKey(b.get("/security"), a)); w.Code != http.StatusSeeOther {
		t.Fatalf("proven: %d %.600s", w.Code, w.Body)
	}
	if w := b.post("/security", url.Values{"do": {"codes"}}); len(shownCode.FindAllString(w.Body.String(), -1)) != 10 {
		t.Errorf("new codes: %d %.600s", w.Code, w.Body)
	}
	if w := b.post("/security", url.Values{"do": {"remove"}, "factor": {id}}); w.Code != http.StatusSeeOther {
		t.Errorf("removed: %d %.600s", w.Code, w.Body)
	}
	for _, typ := range []string{"factor.removed", "recovery_codes.replaced"} {
		if e := h.entries(typ); len(e) != 1 {
			t.Errorf("%s: %+v", typ, e)
		}
	}
}

// An outage is no time for strangers to enrol (federation case 35).
func TestMF_06_ASignInThatStandsInForAnotherEnrolsNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	w := b.factorPage(bobHint...)
	options, fields := h.asked("create", w)
	fields.Set("response", made(newKey().Create(options))(t))
	b.interim()
	if w := b.post("/signin/factor", fields); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "code from your administrator") {
		t.Errorf("%d %.900s", w.Code, w.Body)
	}
	if page := b.get("/security"); !strings.Contains(page.Body.String(), "code from your administrator") {
		t.Errorf("%.900s", page.Body)
	}
	if held := made(h.factors.Of(t.Context(), h.workspace.ID, h.bob()))(t); len(held.Factors) != 0 {
		t.Errorf("enrolled %+v", held)
	}
}

// bob is the member of that name.
func (h *house) bob() authz.UserID {
	h.Helper()
	user, _, _, err := h.store.UserByUpstream(h.Context(), issuer, h.workspace.ID, h.connection.ID, authz.OIDCSide, "s-bob")
	h.ok(err)
	return user.ID
}

// interim makes the browser's session one of an outage.
func (b *browser) interim() {
	b.h.Helper()
	s, _, err := b.h.store.SessionByDigestAcrossWorkspaces(b.h.Context(), issuer, authz.Digest(b.cookies["__Host-sid-up"]))
	b.h.ok(err)
	s.Fallback = authz.FallbackHealth
	b.h.ok(b.h.store.RenewSession(b.h.Context(), s))
}

func TestMF_05_TheChallengeOfMintingIsAnsweredByAPasskey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	a := h.browser().enrolKey()
	b := h.browser()
	token := func(location string) string {
		u := made(url.Parse(location))(t)
		return member(h.send("POST", "/oauth2/token", url.Values{"grant_type": {"authorization_code"}, "code": {u.Query().Get("code")}, "redirect_uri": {appURI}}.Encode(), "Content-Type", form, "Authorization", h.basic()), "access_token")
	}
	mint := func(token string) *httptest.ResponseRecorder {
		return h.send("POST", "/v1/auth/keys", `{"name":"mine","workspace_id":"`+string(h.workspace.ID)+`","environment":"live","scopes":["monitor:read"]}`,
			"Authorization", "Bearer "+token, "Content-Type", "application/json")
	}
	plain := append([]string{"code_challenge", "", "code_challenge_method", ""}, bobHint...)
	for range 2 { // and again a quarter of an hour later, with nobody sent to the upstream
		asked := h.challenge(mint(token(b.through(h.authorizeURL(plain...)))))
		w := b.get(h.authorizeURL(append(slices.Clone(plain), "acr_values", asked["acr_values"], "max_age", asked["max_age"])...))
		if location := w.Header().Get("Location"); strings.HasPrefix(location, "/signin/factor?") {
			w = b.get(location)
		}
		h.wants("past the guard", mint(token(b.answer(b.post("/signin/factor", h.usedKey(w, a))))), http.StatusForbidden, "issuing_delegation_exceeded")
		h.clock.Advance(16 * time.Minute)
	}
}
