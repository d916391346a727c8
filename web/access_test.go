package web_test

import (
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/web"
)

const (
	office   = "10.1.2.3"
	outside  = "192.0.2.1" // where httptest comes from
	anywhere = ""
)

// asks sends a form to the token endpoint as the client does, from an address.
func (h *house) asks(from, authorization string, pairs ...string) *httptest.ResponseRecorder {
	h.Helper()
	body := url.Values{}
	for n := 0; n+1 < len(pairs); n += 2 {
		body.Set(pairs[n], pairs[n+1])
	}
	r := httptest.NewRequest("POST", host+"/oauth2/token", strings.NewReader(body.Encode()))
	if from != "" {
		r.RemoteAddr = from + ":4711"
	}
	r.Header.Set("Content-Type", form)
	r.Header.Set("Authorization", authorization)
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, r)
	return w
}

// code signs in, and returns the code or the error the client is told.
func (b *browser) code(more ...string) (code, refusal string) {
	b.h.Helper()
	u, err := url.Parse(b.through(b.h.authorizeURL(append([]string{"code_challenge", "", "code_challenge_method", ""}, more...)...)))
	b.h.ok(err)
	return u.Query().Get("code"), u.Query().Get("error")
}

func (h *house) redeemCode(from, code string) *httptest.ResponseRecorder {
	h.Helper()
	return h.asks(from, h.basic(), "grant_type", "authorization_code", "code", code, "redirect_uri", appURI)
}

func (h *house) refresh(from, token string) *httptest.ResponseRecorder {
	h.Helper()
	return h.asks(from, h.basic(), "grant_type", "refresh_token", "refresh_token", token)
}

// issued checks the scopes of an answer, and returns its refresh token.
func (h *house) issued(what string, w *httptest.ResponseRecorder, scope string) string {
	h.Helper()
	if w.Code != http.StatusOK || member(w, "scope") != scope {
		h.Errorf("%s: %d with scope %q, want %q: %.300s", what, w.Code, member(w, "scope"), scope, w.Body)
	}
	return member(w, "refresh_token")
}

// recorded are the decisions of the workspace, the newest first.
func (h *house) recorded() []authz.PolicyDecision {
	h.Helper()
	return made(h.store.ListDecisions(h.Context(), issuer, h.workspace.ID, authz.Page{Limit: 500}))(h)
}

// robot registers a client that acts by itself, and returns how it proves itself.
func (h *house) robot(grants ...string) (authz.Client, string) {
	h.Helper()
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}, Delegation: &authz.Delegation{Issuer: issuer, Scopes: []string{"*"}}}
	c, text, err := h.admin.CreateClient(h.Context(), by, admin.ClientSettings{Name: "robot", WorkspaceID: h.workspace.ID, GrantTypes: grants, Scopes: []string{"openid", "profile"}})
	h.ok(err)
	return c, "Basic " + base64.StdEncoding.EncodeToString([]byte(string(c.ID)+":"+text.Reveal()))
}

// profile is left to whoever proved MFA and comes from the office.
var profileWithMFAFromOffice = "[" + rule("mfa", "", `"mfa":{"evidence":["none","declared"]}`, `"remove_scopes":["profile"]`) + "," +
	rule("office", "", `"ip_not_in":["10.0.0.0/8"]`, `"remove_scopes":["profile"]`) + "]"

func TestAZ_05_AScopeWithMFAFromTheOfficeIsAbsentElsewhereAndAfterRefresh(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		h.apply(profileWithMFAFromOffice)
		code, refusal := h.browser().code()
		if refusal != "" {
			t.Fatal(refusal)
		}
		// The browser was elsewhere when the grant was made: the scope is not in it.
		token := h.issued("from outside, without MFA", h.redeemCode(outside, code), "openid")
		token = h.issued("refreshed in the office", h.refresh(office, token), "openid")
		h.issued("refreshed outside", h.refresh(outside, token), "openid")

		// Granted in the office, with MFA, it comes and goes with the address.
		h.apply("[]")
		code, _ = h.browser().code("acr_values", authz.ACRMultiFactor)
		h.apply(profileWithMFAFromOffice)
		token = h.issued("in the office", h.redeemCode(office, code), "openid profile")
		token = h.issued("refreshed outside", h.refresh(outside, token), "openid")
		token = h.issued("refreshed nowhere known", h.refresh("", token), "openid")
		h.issued("refreshed in the office again", h.refresh(office, token), "openid profile")

		// Without MFA the office alone is not enough.
		h.apply("[]")
		code, _ = h.browser().code()
		h.apply(profileWithMFAFromOffice)
		h.issued("in the office without MFA", h.redeemCode(office, code), "openid")
		for _, d := range h.recorded() {
			if d.ClientID != h.app.ID || d.ExpiresAt.Sub(d.Time) != 24*time.Hour || d.Version == 0 || d.GrantID == "" {
				t.Errorf("recorded %+v", d)
			}
		}
		if e := h.entries("token.issued"); len(e) == 0 || !strings.HasPrefix(e[0].Details["decision"].(string), "dec_") {
			t.Errorf("audit %+v", e)
		}
	})
}

// A header that says "from the office" is believed of trusted proxies only.
func TestAZ_05_AnAddressIsNotWhatAStrangerSaysItIs(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *web.Config) { c.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("172.16.0.0/16")} })
	code, _ := h.browser().code("acr_values", authz.ACRMultiFactor)
	token := member(h.redeemCode(anywhere, code), "refresh_token")
	h.apply(profileWithMFAFromOffice)
	for _, c := range []struct{ from, forwarded, scope string }{
		{"172.16.0.1", office, "openid profile"}, {"172.16.0.1", outside, "openid"}, {outside, office, "openid"}, {office, outside, "openid profile"},
	} {
		r := httptest.NewRequest("POST", host+"/oauth2/token", strings.NewReader(url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}.Encode()))
		r.RemoteAddr = c.from + ":4711"
		for name, value := range map[string]string{"Content-Type": form, "Authorization": h.basic(), "X-Forwarded-For": c.forwarded, "X-Forwarded-Proto": "https", "X-Forwarded-Host": "up.example"} {
			r.Header.Set(name, value)
		}
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		token = h.issued(c.from+" for "+c.forwarded, w, c.scope)
	}
}

const denyAll = `"deny":true`

func TestS25_ADenialHoldsAtAuthorizeTokenRefreshExchangeAndDevice(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		code, _ := h.browser().code()
		token := h.issued("before", h.redeemCode(anywhere, code), "openid profile")
		waiting, _ := h.browser().code()
		_, robots := h.robot(authz.GrantClientCredentials, authz.GrantTokenExchange)
		access := member(h.refresh(anywhere, token), "access_token")
		token = member(h.refresh(anywhere, token), "refresh_token") // the same pair, within the grace

		h.apply("[" + rule("never", "", "", denyAll) + "]")
		if code, refusal := h.browser().code(); code != "" || refusal != "access_denied" {
			t.Errorf("authorize: %q %q", code, refusal)
		}
		if e := h.entries("authorization.refused"); len(e) != 1 || e[0].Reason != "access_denied" || e[0].Details["decision"] == nil {
			t.Errorf("audit %+v", e)
		}
		h.wants("a code", h.redeemCode(anywhere, waiting), http.StatusBadRequest, "access_denied")
		h.wants("refresh", h.refresh(anywhere, token), http.StatusBadRequest, "access_denied")
		h.wants("a client by itself", h.asks("", robots, "grant_type", "client_credentials", "scope", "profile"), http.StatusBadRequest, "access_denied")
		exchange := []string{"grant_type", authz.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth.TypeAccessToken}
		h.wants("exchange", h.asks("", robots, exchange...), http.StatusBadRequest, "access_denied")
		for _, d := range h.recorded() {
			if d.Outcome != "denied" || !d.Changed || len(d.Result) == 0 {
				t.Errorf("recorded %+v", d)
			}
		}
		places := []string{}
		for _, d := range h.recorded() {
			places = append(places, d.Place)
		}
		if slices.Sort(places); !slices.Equal(places, []string{"authorize", "exchange", "refresh", "token", "token"}) {
			t.Errorf("recorded at %v", places)
		}
		if e := h.entries("token.refused"); len(e) != 4 || slices.ContainsFunc(e, func(e authz.AuditEntry) bool { return e.Details["decision"] == nil }) {
			t.Errorf("audit %+v", e)
		}

		// It was the rules alone: the refresh token still stands when they go.
		h.apply("[]")
		h.issued("refresh, allowed again", h.refresh(anywhere, token), "openid profile")
		h.wants("the code is spent", h.redeemCode(anywhere, waiting), http.StatusBadRequest, "invalid_grant")
		h.issued("a client by itself, allowed again", h.asks("", robots, "grant_type", "client_credentials", "scope", "profile"), "profile")
		h.issued("exchange, allowed again", h.asks("", robots, exchange...), "openid profile")

	})
}

func TestS25_ScopesShrinkAtExchangeAndForMachines(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		code, _ := h.browser().code()
		access := member(h.redeemCode(anywhere, code), "access_token")
		_, robots := h.robot(authz.GrantClientCredentials, authz.GrantTokenExchange)
		h.apply("[" + rule("x", `"grants":["`+authz.GrantTokenExchange+`"]`, "", `"remove_scopes":["profile"],"access_ttl_max":60`) + "," +
			rule("m", `"grants":["client_credentials"]`, "", `"remove_scopes":["profile"]`) + "]")
		w := h.asks("", robots, "grant_type", authz.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth.TypeAccessToken)
		h.issued("exchange", w, "openid")
		if !strings.Contains(w.Body.String(), `"expires_in":60`) {
			t.Errorf("life: %s", w.Body)
		}
		// Nothing left is no token.
		h.wants("a client by itself", h.asks("", robots, "grant_type", "client_credentials", "scope", "profile"), http.StatusBadRequest, "invalid_scope")
		h.wants("exchange", h.asks("", robots, "grant_type", authz.GrantTokenExchange, "subject_token", access, "subject_token_type", oauth.TypeAccessToken, "scope", "profile"), http.StatusBadRequest, "invalid_scope")
	})
}

func TestS25_NarrowedToNothingIsInvalidScopeAtAuthorizeToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + rule("a", "", "", `"allow_only_scopes":["offline_access"]`) + "]")
	if code, refusal := h.browser().code(); code != "" || refusal != "invalid_scope" {
		t.Errorf("%q %q", code, refusal)
	}
	// Nor is what a scope covers to be had by the claims parameter.
	h.apply("[" + rule("a", "", "", `"remove_scopes":["profile"]`) + "]")
	code, refusal := h.browser().code("scope", "openid", "claims", `{"userinfo":{"name":{"essential":true}}}`)
	w := h.redeemCode(anywhere, code)
	h.issued("without profile "+refusal, w, "openid")
	me := h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+member(w, "access_token"))
	if me.Code != http.StatusOK || strings.Contains(me.Body.String(), "Ada") {
		t.Errorf("userinfo tells %s", me.Body)
	}
}

func TestS25_LifetimesShrinkAndARefreshTokenObeysABoundThatIsNewer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.browser().code()
	w := h.redeemCode(anywhere, code)
	token := h.issued("before", w, "openid profile")
	code, _ = h.browser().code()
	generous := h.issued("before too, and not used in time", h.redeemCode(anywhere, code), "openid profile")
	h.apply("[" + rule("short", "", "", `"access_ttl_max":120,"refresh_ttl_max":3600`) + "," + rule("longer", "", "", `"access_ttl_max":999999,"refresh_ttl_max":999999999`) + "]")
	h.clock.Advance(30 * time.Minute)
	w = h.refresh(anywhere, token)
	token = h.issued("in time", w, "openid profile")
	if !strings.Contains(w.Body.String(), `"expires_in":120`) {
		t.Errorf("life: %s", w.Body)
	}
	h.clock.Advance(30*time.Minute - time.Second)
	token = h.issued("a second before", h.refresh(anywhere, token), "openid profile")
	h.clock.Advance(time.Second)
	h.wants("at the bound", h.refresh(anywhere, token), http.StatusBadRequest, "invalid_grant")
	h.wants("at the bound, under a more generous rule", h.refresh(anywhere, generous), http.StatusBadRequest, "invalid_grant")
	// A bound that went takes nothing back: the token's own end was shortened.
	h.apply("[]")
	h.wants("after the bound went", h.refresh(anywhere, token), http.StatusBadRequest, "invalid_grant")
	h.issued("after the bound went, under a more generous rule", h.refresh(anywhere, generous), "openid profile")
}

func TestS25_AReplayWithinTheGraceIsAskedAboutToo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	code, _ := h.browser().code("acr_values", authz.ACRMultiFactor)
	h.apply(profileWithMFAFromOffice)
	token := h.issued("in the office", h.redeemCode(office, code), "openid profile")
	first := h.refresh(office, token)
	h.issued("refreshed", first, "openid profile")
	if again := h.refresh(office, token); member(again, "access_token") != member(first, "access_token") {
		t.Errorf("the same pair: %d %s", again.Code, again.Body)
	}
	h.wants("the pair, to somebody outside", h.refresh(outside, token), http.StatusBadRequest, "invalid_scope")
	h.apply("[" + rule("never", "", "", denyAll) + "]")
	h.wants("the pair, after the rules changed", h.refresh(office, token), http.StatusBadRequest, "access_denied")
}

func TestS25_ARuleThatReportsOnlyDecidesNothingAndIsRecorded(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + strings.Replace(rule("trial", "", "", denyAll), `"state":"on"`, `"state":"report_only"`, 1) + "]")
	code, refusal := h.browser().code()
	if refusal != "" {
		t.Fatal(refusal)
	}
	h.issued("in spite of it", h.redeemCode(anywhere, code), "openid profile")
	all := h.recorded()
	if len(all) != 2 {
		t.Fatalf("recorded %+v", all)
	}
	for _, d := range all {
		var said struct{ Report struct{ Outcome string } }
		h.ok(json.Unmarshal(d.Result, &said))
		if d.Outcome != "allowed" || d.Changed || said.Report.Outcome != "denied" {
			t.Errorf("recorded %+v %s", d, d.Result)
		}
	}
}

// TestNoPolicyEverWidensWhatIsIssued is the property at the endpoint: whatever
// the rules, an answer holds no scope and no second more than without them.
func TestNoPolicyEverWidensWhatIsIssued(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		code, _ := h.browser().code()
		w := h.redeemCode(anywhere, code)
		scopes, token := strings.Fields(member(w, "scope")), member(w, "refresh_token")
		_, robots := h.robot(authz.GrantTokenExchange)
		r := rand.New(rand.NewPCG(3, 4))
		thens := []string{
			`"remove_scopes":["profile"]`, `"remove_scopes":["openid","profile"]`, `"allow_only_scopes":["openid","offline_access"]`, `"access_ttl_max":60`,
			`"access_ttl_max":999999`, `"refresh_ttl_max":999999999`, `"refresh_ttl_max":86400`, `"deny":true`, `"step_up":{"mfa":"declared"}`, `"step_up":{"max_age":9999}`,
		}
		whens := []string{"", "", `"ip_in":["10.0.0.0/8"]`, `"ip_not_in":["10.0.0.0/8"]`, `"regions":["unknown"]`, `"environments":["test"]`}
		within := func(what string, w *httptest.ResponseRecorder, rules string) {
			var in struct {
				Scope     string
				ExpiresIn int64 `json:"expires_in"`
			}
			h.ok(json.Unmarshal(w.Body.Bytes(), &in))
			wider := slices.ContainsFunc(strings.Fields(in.Scope), func(s string) bool { return !slices.Contains(scopes, s) })
			if wider || in.ExpiresIn > 3600 || w.Code == http.StatusOK && in.Scope == "" || w.Code != http.StatusOK && w.Code != http.StatusBadRequest {
				h.Errorf("%s: %d %s under %s", what, w.Code, w.Body, rules)
			}
		}
		for range 40 {
			var rules []string
			for n := range 1 + r.IntN(3) {
				rules = append(rules, rule(strconv.Itoa(n), "", whens[r.IntN(len(whens))], thens[r.IntN(len(thens))]))
			}
			all := "[" + strings.Join(rules, ",") + "]"
			h.apply(all)
			from := []string{office, outside}[r.IntN(2)]
			w := h.refresh(from, token)
			within("refresh", w, all)
			if w.Code != http.StatusOK {
				continue
			}
			token = member(w, "refresh_token")
			within("exchange", h.asks(from, robots, "grant_type", authz.GrantTokenExchange, "subject_token", member(w, "access_token"), "subject_token_type", oauth.TypeAccessToken), all)
		}
		h.apply("[]")
		h.issued("without rules", h.refresh(anywhere, token), "openid profile")
	})
}

func TestS25_TheOperatorsRulesHoldInEveryWorkspace(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	if w := h.policies(h.operator)("POST", "", `{"rules":[`+rule("all", "", "", `"remove_scopes":["profile"]`)+`]}`); w.Code != http.StatusCreated {
		t.Fatal(w.Body)
	}
	h.apply("[" + rule("own", "", "", `"access_ttl_max":60`) + "]")
	code, _ := h.browser().code()
	w := h.redeemCode(anywhere, code)
	h.issued("both", w, "openid")
	if !strings.Contains(w.Body.String(), `"expires_in":60`) {
		t.Errorf("%s", w.Body)
	}
}

func TestRFC9470_MFAThatRulesDemandIsBroughtAboutByTheSignIn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		h.apply("[" + rule("mfa", `"scopes":["profile"]`, "", `"step_up":{"mfa":"proven","max_age":600}`) + "]")
		b := h.browser()
		code, refusal := b.code() // the upstream is asked for MFA from the start, and gives it
		w := h.redeemCode(anywhere, code)
		token := h.issued("with MFA "+refusal, w, "openid profile")
		if code, refusal = b.code("scope", "openid"); code == "" {
			t.Errorf("what needs no MFA: %s", refusal)
		}
		// Later the sign-in is too old, and the client is told what to ask for.
		h.clock.Advance(11 * time.Minute)
		w = h.refresh(anywhere, token)
		h.wants("too old", w, http.StatusBadRequest, "insufficient_user_authentication")
		if member(w, "acr_values") != authz.ACRMultiFactor || member(w, "max_age") != "600" || !strings.Contains(w.Header().Get("WWW-Authenticate"), `acr_values="`+authz.ACRMultiFactor+`", max_age="600"`) {
			t.Errorf("told %s %v", w.Body, w.Header())
		}
		if _, refusal = b.code("prompt", "none"); refusal != "login_required" {
			t.Errorf("without a page: %q", refusal)
		}
		code, refusal = b.code("acr_values", member(w, "acr_values"), "max_age", member(w, "max_age"))
		w = h.redeemCode(anywhere, code)
		h.issued("after the sign-in that was asked for "+refusal, w, "openid profile")
		in := h.send("POST", "/oauth2/introspect", url.Values{"token": {member(w, "access_token")}}.Encode(), "Content-Type", form, "Authorization", h.basic())
		if member(in, "acr") != authz.ACRMultiFactor {
			t.Errorf("introspection %s", in.Body)
		}
		// What the client does not ask for by name is brought about all the same.
		h.clock.Advance(11 * time.Minute)
		if code, refusal = b.code(); code == "" {
			t.Errorf("a session too old: %s", refusal)
		}
	})
}

// Nobody signs in twice for one request where it can be known before what will
// be asked for: by the connection's own name for it.
func TestRFC9470_WhatCanBeForeseenIsAskedForAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + rule("mfa", `"scopes":["profile"]`, "", `"step_up":{"mfa":"proven","max_age":600}`) + "]")
	asked := func(scope string) url.Values {
		u, err := url.Parse(h.browser().get(h.authorizeURL("scope", scope)).Header().Get("Location"))
		h.ok(err)
		return u.Query()
	}
	if q := asked("openid profile"); q.Get("acr_values") != idptest.ACRMultiFactor || q.Get("max_age") != "600" {
		t.Errorf("the upstream is asked for %v", q)
	}
	if q := asked("openid"); q.Has("acr_values") || q.Has("max_age") {
		t.Errorf("the upstream is asked for %v", q)
	}
	if n := len(h.recorded()); n != 0 {
		t.Errorf("%d decisions are recorded of what was foreseen", n)
	}
}

func TestRFC9470_WhoCannotGiveMFAIsToldSoOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + rule("never", "", "", `"step_up":{"acr_values":["urn:nobody:has"]}`) + "]")
	if code, refusal := h.browser().code(); code != "" || refusal != "unmet_authentication_requirements" {
		t.Errorf("%q %q", code, refusal)
	}
	_, robots := h.robot(authz.GrantClientCredentials)
	h.wants("a machine", h.asks("", robots, "grant_type", "client_credentials", "scope", "profile"), http.StatusBadRequest, "access_denied")
}

func TestS25_ADeviceIsDeniedWhatRulesDeny(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	c := h.tv()
	device, user := h.waiting(c)
	h.apply("[" + rule("devices", `"grants":["`+authz.GrantDeviceCode+`"]`, "", denyAll) + "]")
	if answer := h.approveDevice(user); answer.Code != http.StatusForbidden || !strings.Contains(answer.Body.String(), "policy") {
		t.Errorf("%d %.300s", answer.Code, answer.Body)
	}
	h.wants("the device", h.poll(c, device), http.StatusBadRequest, "access_denied")
	// Approved before the rules: its tokens are refused, and it may ask again.
	h.apply("[]")
	device, user = h.waiting(c)
	if answer := h.approveDevice(user); answer.Code != http.StatusOK {
		t.Fatalf("%d %.300s", answer.Code, answer.Body)
	}
	h.apply("[" + rule("devices", `"grants":["`+authz.GrantDeviceCode+`"]`, "", denyAll) + "]")
	h.wants("the tokens", h.poll(c, device), http.StatusBadRequest, "access_denied")
	h.apply("[]")
	if w := h.poll(c, device); w.Code != http.StatusOK {
		t.Errorf("allowed again: %d %s", w.Code, w.Body)
	}
}

// A workspace with rules pays for them with one row in the statement that is
// made anyway; one without pays nothing.
func TestRulesCostOneWriteAndNoneNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	token := h.tokens(h.browser())["refresh_token"]
	count := func() (reads, writes int) {
		h.statements.take()
		w := h.refresh(anywhere, token)
		if token = member(w, "refresh_token"); w.Code != http.StatusOK {
			t.Fatal(w.Body)
		}
		seen := h.statements.take()
		return len(seen) - len(writing(seen)), len(writing(seen))
	}
	count()
	reads, writes := count()
	h.apply("[" + rule("a", "", "", `"access_ttl_max":60`) + "]")
	count() // the rules are read
	if r, w := count(); r != reads || w != writes+1 {
		t.Errorf("with rules %d reads and %d writes, without %d and %d", r, w, reads, writes)
	}
	h.apply("[]")
	count()
	if r, w := count(); r != reads || w != writes {
		t.Errorf("without rules again %d reads and %d writes, before %d and %d", r, w, reads, writes)
	}
}

// approveDevice signs in for a device, allows what is asked, and returns the
// page that ends it.
func (h *house) approveDevice(user string) *httptest.ResponseRecorder {
	h.Helper()
	b := h.browser()
	w := b.get(b.confirm(user))
	for range 12 {
		location := w.Header().Get("Location")
		if location == "" {
			return w
		}
		if strings.HasPrefix(location, h.upstream.Issuer()) {
			location = h.upstreamAnswer(location)
		}
		if strings.HasPrefix(location, "/consent") {
			u, _ := url.Parse(location)
			return b.post("/consent", url.Values{"request": u.Query()["request"], "scope": {"openid", "profile"}, "decision": {"allow"}})
		}
		w = b.get(location)
	}
	h.Fatalf("no page ends it: %d %s", w.Code, w.Header().Get("Location"))
	return nil
}

func TestRFC9470_ADeviceWhosePersonCannotGiveMFAIsDenied(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.apply("[" + rule("never", "", "", `"step_up":{"acr_values":["urn:nobody:has"]}`) + "]")
	c := h.tv()
	device, user := h.waiting(c)
	if answer := h.approveDevice(user); answer.Code/100 != 4 || !strings.Contains(answer.Body.String(), "unmet_authentication_requirements") {
		t.Errorf("%d %.600s", answer.Code, answer.Body)
	}
	h.wants("the device", h.poll(c, device), http.StatusBadRequest, "access_denied")
}
