package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// scopesOf are the scopes people are asked for on each product.
var scopesOf = map[string]string{
	"uptimepulse": "openid profile monitoring:admin", "statuspulse": "openid profile email statuspulse:checks:read",
}

func TestU13_APersonSignsInUpstreamAndTheClientGetsTokensThatIntrospect(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		tokens := i.login(t, p.user("alice"), i.Clients.Web, scopesOf[i.Name])
		wantStatus(t, tokens, http.StatusOK)
		if tokens.text("scope") != scopesOf[i.Name] || tokens.text("token_type") != "Bearer" || tokens.text("id_token") == "" {
			t.Errorf("token response %v", tokens.json)
		}
		want := map[string]float64{"uptimepulse": 3600, "statuspulse": 900}[i.Name] // U21, S26
		if tokens.json["expires_in"] != want {
			t.Errorf("expires_in %v, want %v", tokens.json["expires_in"], want)
		}
		if cc := tokens.header.Get("Cache-Control"); cc != "no-store" {
			t.Errorf("Cache-Control %q, want no-store (TK-04)", cc)
		}
		a := i.introspect(t, tokens.text("access_token"))
		if a.json["active"] != true || a.text("workspace_id") != i.WorkspaceID || a.text("client_id") != i.Clients.Web.ID ||
			a.text("credential_type") != "access_token" || a.text("iss") != i.Issuer || a.text("scope") != scopesOf[i.Name] {
			t.Errorf("introspection %s", a.body)
		}
		info := request(t, http.MethodGet, i.Issuer+"/oauth2/userinfo", "", "Authorization", "Bearer "+tokens.text("access_token"))
		if info.text("sub") != a.text("sub") || info.text("name") != "Alice Adams" {
			t.Errorf("userinfo %s", info.body)
		}
	})
}

func TestU17_U20_U23_S24_MetadataNamesEveryEndpointAndScope(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		m := request(t, http.MethodGet, i.Issuer+"/.well-known/openid-configuration", "")
		wantStatus(t, m, http.StatusOK)
		same := request(t, http.MethodGet, i.Issuer+"/.well-known/oauth-authorization-server", "")
		if m.body != same.body {
			t.Error("the two metadata documents differ (DI-02)")
		}
		for member, want := range map[string]string{
			"issuer": i.Issuer, "authorization_endpoint": i.Issuer + "/oauth2/authorize", "introspection_endpoint": i.API + "/oauth2/introspect",
		} {
			if m.text(member) != want {
				t.Errorf("%s is %q, want %q", member, m.text(member), want)
			}
		}
		for _, scope := range strings.Fields(scopesOf[i.Name] + " offline_access") {
			if !strings.Contains(m.body, `"`+scope+`"`) {
				t.Errorf("scope %s is not advertised", scope)
			}
		}
		if !strings.Contains(m.body, `"code_challenge_methods_supported":["S256"]`) || strings.Contains(m.body, `"token"]`) {
			t.Error("S256 alone must be advertised, and no implicit flow")
		}
		if i.Name == "statuspulse" && strings.Contains(m.body, "client_secret_post") {
			t.Error("client_secret_post is on at statuspulse (S15)")
		}
	})
}

func TestU23_IntrospectionIsOnTheAPIHostOnly(t *testing.T) {
	i := theProduct(t).issuer("uptimepulse")
	if i.API == i.Issuer {
		t.Fatal("uptimepulse has no API host of its own")
	}
	a := form(t, i.Issuer+"/oauth2/introspect", i.Clients.Introspector, "token", i.Keys.Live)
	wantStatus(t, a, http.StatusNotFound)
	wantStatus(t, i.introspect(t, i.Keys.Live), http.StatusOK)
}

func TestU19_S18_PKCEIsRequired(t *testing.T) {
	p := theProduct(t)
	required := map[string]bool{"uptimepulse SPA": true, "statuspulse SPA": true, "statuspulse Web": true, "uptimepulse Web": false}
	for _, i := range p.Issuers {
		for name, c := range map[string]client{"SPA": i.Clients.SPA, "Web": i.Clients.Web} {
			t.Run(i.Name+" "+name, func(t *testing.T) {
				for what, pairs := range map[string][]string{
					"none":  {"code_challenge", "", "code_challenge_method", ""},
					"plain": {"code_challenge_method", "plain"},
					"short": {"code_challenge", "short"},
				} {
					a := i.authorization(c, "openid", pairs...)
					b := newBrowser(t, c.RedirectURI)
					b.stopAt = c.RedirectURI
					got := b.get(i.authorizeURL(a))
					refused := got.back != nil && got.back.Query().Get("error") == "invalid_request"
					if want := what != "none" || required[i.Name+" "+name]; refused != want {
						t.Errorf("%s challenge: refused %v, want %v (%s)", what, refused, want, got.url)
					}
					if refused && (got.back.Query().Get("iss") != i.Issuer || got.back.Query().Get("state") != a.params.Get("state")) {
						t.Errorf("error redirect lacks iss or state: %s", got.back)
					}
				}
			})
		}
	}
}

func TestU18_AnUnknownClientOrRedirectURINeverRedirects(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		registered := i.Clients.Web.RedirectURI
		for what, pairs := range map[string][]string{
			"AZ-01 unknown client":  {"client_id", "cl_unknown"},
			"AZ-01 no client":       {"client_id", ""},
			"RU-01 trailing slash":  {"redirect_uri", registered + "/"},
			"RU-01 extra query":     {"redirect_uri", registered + "?x=1"},
			"RU-01 case":            {"redirect_uri", strings.ToUpper(registered)},
			"RU-02 user":            {"redirect_uri", strings.Replace(registered, "127.0.0.1", "127.0.0.1@evil.example", 1)},
			"RU-04 other port":      {"redirect_uri", "http://127.0.0.1:1/callback/" + i.Name},
			"RU-08 none":            {"redirect_uri", ""},
			"RU-10 and a bad scope": {"redirect_uri", "https://evil.example/", "scope", "everything"},
		} {
			a := i.authorization(i.Clients.Web, "openid", pairs...)
			got := request(t, http.MethodGet, i.authorizeURL(a), "")
			if got.status != http.StatusBadRequest || got.header.Get("Location") != "" || !strings.Contains(got.body, `id="error_code"`) {
				t.Errorf("%s: status %d, Location %q", what, got.status, got.header.Get("Location"))
			}
			if strings.Contains(got.body, "evil.example") {
				t.Errorf("%s: the page quotes the request", what)
			}
		}
	})
}

func TestRU05_APublicClientMayChooseTheLoopbackPort(t *testing.T) {
	p := theProduct(t)
	i := p.issuer("uptimepulse")
	moved := "http://127.0.0.1:4711/callback/uptimepulse"
	a := i.authorization(i.Clients.SPA, "openid", "redirect_uri", moved)
	a.client.RedirectURI = moved
	got := newBrowser(t, moved).signIn(i, a, p.user("bob"))
	wantStatus(t, i.redeem(t, a, got), http.StatusOK)
}

func TestS24_ConsentIsPerScopeAndRemembered(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		c := i.newClient(t, "Consent "+i.Name, scopesOf[i.Name])
		b := newBrowser(t, c.RedirectURI)
		a := i.authorization(c, scopesOf[i.Name])
		page := b.get(i.authorizeURL(a))
		page = b.submit(page, "submit", map[string]string{"username": p.user("alice").Login, "password": p.user("alice").Password})
		if !strings.Contains(page.body, `id="allow"`) || !strings.Contains(page.body, "Alice Adams") {
			t.Fatalf("no consent page: %s", page.body)
		}
		// profile is left out: what was allowed is what is granted.
		page = b.post(page.url.ResolveReference(&url.URL{Path: "/consent"}).String(),
			url.Values{"request": {page.url.Query().Get("request")}, "decision": {"allow"}, "scope": {last(scopesOf[i.Name])}})
		tokens := i.redeem(t, a, page)
		if want := "openid " + last(scopesOf[i.Name]); tokens.text("scope") != want {
			t.Errorf("granted %q, want %q", tokens.text("scope"), want)
		}
		// The same scopes again: nobody is asked, no form is shown.
		again := i.authorization(c, "openid "+last(scopesOf[i.Name]), "prompt", "none")
		back := b.get(i.authorizeURL(again))
		wantStatus(t, i.redeem(t, again, back), http.StatusOK)
		// More than that: prompt=none must not widen it.
		wider := i.authorization(c, scopesOf[i.Name], "prompt", "none")
		if back := b.get(i.authorizeURL(wider)); back.back == nil || back.back.Query().Get("error") != "consent_required" {
			t.Errorf("wider scopes under prompt=none led to %s", back.url)
		}
	})
}

func TestConsentDeniedTellsTheClient(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		c := i.newClient(t, "Denied "+i.Name, scopesOf[i.Name])
		b := newBrowser(t, c.RedirectURI)
		a := i.authorization(c, "openid profile")
		page := b.get(i.authorizeURL(a))
		page = b.submit(page, "submit", map[string]string{"username": p.user("alice").Login, "password": p.user("alice").Password})
		page = b.submit(page, "deny", nil)
		if page.back == nil || page.back.Query().Get("error") != "access_denied" || page.back.Query().Get("state") != a.params.Get("state") {
			t.Errorf("denied led to %s", page.url)
		}
	})
}

func TestAPersonWithoutMembershipGetsAClearPageAndNoSession(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		a := i.authorization(i.Clients.Web, "openid")
		b := newBrowser(t, i.Clients.Web.RedirectURI)
		page := b.signIn(i, a, p.user("mallory"))
		if page.back != nil || page.status != http.StatusForbidden || !strings.Contains(page.body, "no_membership") {
			t.Fatalf("status %d at %s: %s", page.status, page.url, page.body)
		}
		none := i.authorization(i.Clients.Web, "openid", "prompt", "none")
		if back := b.get(i.authorizeURL(none)); back.back == nil || back.back.Query().Get("error") != "login_required" {
			t.Errorf("after the refusal prompt=none led to %s", back.url)
		}
	})
}

func TestAZ06_PromptNoneWithoutSessionIsLoginRequired(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		a := i.authorization(i.Clients.Web, "openid", "prompt", "none")
		back := newBrowser(t, i.Clients.Web.RedirectURI).get(i.authorizeURL(a))
		if back.back == nil || back.back.Query().Get("error") != "login_required" {
			t.Errorf("led to %s", back.url)
		}
	})
}

func TestAZ13_NobodyFinishesWhatAnotherBrowserBegan(t *testing.T) {
	p := theProduct(t)
	i := p.issuer("uptimepulse")
	attacker, victim := newBrowser(t, i.Clients.Web.RedirectURI), newBrowser(t, i.Clients.Web.RedirectURI)
	a := i.authorization(i.Clients.Web, "openid profile")
	page := attacker.get(i.authorizeURL(a)) // the attacker stands at the upstream's form
	action, values := formOf(t, page, "submit")
	values.Set("username", p.user("alice").Login)
	values.Set("password", p.user("alice").Password)
	target, _ := page.url.Parse(action)
	victim.get(page.url.String()) // the victim follows the mailed link
	got := victim.post(target.String(), values)
	if got.back != nil || !strings.Contains(got.body, "browser_mismatch") {
		t.Errorf("the victim's browser ended at %s, status %d", got.url, got.status)
	}
}

func TestLoginHintRoutesByEmailDomain(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		a := i.authorization(i.Clients.Web, "openid", "login_hint", p.user("alice").Login)
		page := newBrowser(t, i.Clients.Web.RedirectURI).get(i.authorizeURL(a))
		if !strings.HasPrefix(page.url.String(), p.Upstream.OIDCIssuer) || !strings.Contains(page.body, p.user("alice").Login) {
			t.Errorf("the hint led to %s", page.url)
		}
	})
}

func TestPagesCarryAStrictPolicy(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		for _, path := range []string{"/", "/oauth2/authorize", "/nowhere", "/consent?request=ar_x", "/oidc/con_x/callback?state=x"} {
			a := request(t, http.MethodGet, i.Issuer+path, "")
			policy := a.header.Get("Content-Security-Policy")
			if !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "frame-ancestors 'none'") || strings.Contains(policy, "unsafe") {
				t.Errorf("%s: policy %q (WB-03, WB-04)", path, policy)
			}
			if a.header.Get("X-Content-Type-Options") != "nosniff" || a.header.Get("X-Frame-Options") != "DENY" {
				t.Errorf("%s: headers %v (WB-09)", path, a.header)
			}
		}
	})
}

func last(scopes string) string {
	all := strings.Fields(scopes)
	return all[len(all)-1]
}

func TestU22_AResumedWorkspaceBringsNoBrowserSessionBack(t *testing.T) {
	p := startProduct(t, t.TempDir(), "--bench")
	for _, i := range p.Issuers {
		a := i.authorization(i.Clients.Web, "openid")
		b := newBrowser(t, i.Clients.Web.RedirectURI)
		wantStatus(t, i.redeem(t, a, b.signIn(i, a, p.user("alice"))), http.StatusOK)
		silent := func() string {
			again := i.authorization(i.Clients.Web, "openid", "prompt", "none")
			if back := b.get(i.authorizeURL(again)).back; back != nil {
				return back.Query().Get("error")
			}
			return "a page"
		}
		if said := silent(); said != "" {
			t.Fatalf("signed in, yet %q", said)
		}
		for act, want := range map[string]string{"suspend": "a page", "resume": "login_required"} {
			wantStatus(t, i.manage(t, http.MethodPost, "/v1/workspaces/"+i.WorkspaceID+"/suspend", ""), http.StatusOK)
			if act == "resume" {
				wantStatus(t, i.manage(t, http.MethodPost, "/v1/workspaces/"+i.WorkspaceID+"/resume", ""), http.StatusOK)
			}
			if said := silent(); said != want {
				t.Errorf("%s after %s: %q, want %q", i.Name, act, said, want)
			}
		}
		wantStatus(t, i.manage(t, http.MethodPost, "/v1/workspaces/"+i.WorkspaceID+"/resume", ""), http.StatusOK)
		wantStatus(t, i.login(t, p.user("alice"), i.Clients.Web, "openid"), http.StatusOK)
	}
}
