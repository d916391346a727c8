package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
)

func TestCO01_AReusedCodeRevokesWhatItIssued(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		a := i.authorization(i.Clients.Web, "openid profile")
		page := newBrowser(t, i.Clients.Web.RedirectURI).signIn(i, a, p.user("bob"))
		tokens := i.redeem(t, a, page)
		wantStatus(t, tokens, http.StatusOK)
		wantError(t, i.exchange(t, a, page.back.Query().Get("code")), http.StatusBadRequest, "invalid_grant")
		if i.active(t, tokens.text("access_token")) {
			t.Error("the access token survived the reuse of its code")
		}
		wantError(t, i.token(t, a.client, "grant_type", "refresh_token", "refresh_token", tokens.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	})
}

func TestPK04_TheFirstWrongVerifierBurnsTheCode(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		a := i.authorization(i.Clients.Web, "openid")
		code := newBrowser(t, i.Clients.Web.RedirectURI).signIn(i, a, p.user("bob")).back.Query().Get("code")
		right := a.verifier
		for _, verifier := range []string{strings.Repeat("x", 43), "", right} {
			a.verifier = verifier
			wantError(t, i.exchange(t, a, code), http.StatusBadRequest, "invalid_grant")
		}
	})
}

func TestCO02_OfManyRedeemersOneSucceeds(t *testing.T) {
	p := theProduct(t)
	i := p.issuer("uptimepulse")
	a := i.authorization(i.Clients.Web, "openid")
	code := newBrowser(t, i.Clients.Web.RedirectURI).signIn(i, a, p.user("alice")).back.Query().Get("code")
	if won := race(16, func() bool { return i.exchange(t, a, code).status == http.StatusOK }); won != 1 {
		t.Errorf("%d of 16 redeemers got tokens", won)
	}
}

func race(n int, try func() bool) int {
	var group sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for range n {
		group.Go(func() {
			if try() {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	return won
}

func (i issuer) refresh(t testing.TB, c client, token string, pairs ...string) answer {
	t.Helper()
	return i.token(t, c, append([]string{"grant_type", "refresh_token", "refresh_token", token}, pairs...)...)
}

func TestRT02_ManyRefreshesAtOnceGetOneAndTheSamePair(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		tokens := i.login(t, p.user("alice"), i.Clients.Web, "openid profile")
		var mu sync.Mutex
		pairs := make(map[string]bool)
		race(16, func() bool {
			a := i.refresh(t, i.Clients.Web, tokens.text("refresh_token"))
			mu.Lock()
			defer mu.Unlock()
			if a.status != http.StatusOK {
				t.Errorf("a refresh answered %d %s", a.status, a.body)
			}
			pairs[a.text("access_token")+" "+a.text("refresh_token")] = true
			return true
		})
		if len(pairs) != 1 {
			t.Errorf("%d different pairs were handed out", len(pairs))
		}
	})
}

func TestRT01_ARotatedTokenThatReturnsLateEndsTheFamily(t *testing.T) {
	p := startProduct(t, t.TempDir())
	for _, i := range p.Issuers {
		first := i.login(t, p.user("alice"), i.Clients.Web, "openid profile")
		second := i.refresh(t, i.Clients.Web, first.text("refresh_token"))
		wantStatus(t, second, http.StatusOK)
		again := i.refresh(t, i.Clients.Web, first.text("refresh_token"))
		if again.text("refresh_token") != second.text("refresh_token") {
			t.Errorf("within the grace another pair was handed out: %s", again.body)
		}
		third := i.refresh(t, i.Clients.Web, second.text("refresh_token"))
		wantStatus(t, third, http.StatusOK)
		// The successor was used: the first token is theft, ten seconds or not.
		wantError(t, i.refresh(t, i.Clients.Web, first.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
		if i.active(t, third.text("access_token")) {
			t.Error("an access token of the family is active")
		}
		wantError(t, i.refresh(t, i.Clients.Web, third.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	}
}

func TestRT01_PastTheGraceEvenAnHonestReturnIsTheft(t *testing.T) {
	p := startProduct(t, t.TempDir())
	i := p.issuer("uptimepulse")
	first := i.login(t, p.user("alice"), i.Clients.Web, "openid")
	second := i.refresh(t, i.Clients.Web, first.text("refresh_token"))
	wantStatus(t, second, http.StatusOK)
	p.advance(t, "11s")
	wantError(t, i.refresh(t, i.Clients.Web, first.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	wantError(t, i.refresh(t, i.Clients.Web, second.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestRT04_RT05_ARefreshTokenIsItsClientsAndNeverWidens(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		tokens := i.login(t, p.user("alice"), i.Clients.Web, "openid profile")
		wantError(t, i.refresh(t, i.Clients.SPA, tokens.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
		wantError(t, i.refresh(t, i.Clients.Web, tokens.text("refresh_token"), "scope", scopesOf[i.Name]), http.StatusBadRequest, "invalid_scope")
		narrow := i.refresh(t, i.Clients.Web, tokens.text("refresh_token"), "scope", "openid")
		wantStatus(t, narrow, http.StatusOK)
		if narrow.text("scope") != "openid" || i.introspect(t, narrow.text("access_token")).text("scope") != "openid" {
			t.Errorf("narrowed to %s", narrow.body)
		}
		full := i.refresh(t, i.Clients.Web, narrow.text("refresh_token"))
		if full.text("scope") != "openid profile" {
			t.Errorf("the refresh token lost scopes: %s", full.body)
		}
	})
}

func TestU21_S26_LifetimesAreAbsolute(t *testing.T) {
	p := startProduct(t, t.TempDir())
	type family struct {
		i issuer
		a answer
	}
	var families []family
	for _, i := range p.Issuers {
		families = append(families, family{i, i.login(t, p.user("alice"), i.Clients.Web, "openid offline_access")})
	}
	p.advance(t, "14m30s")
	for _, f := range families {
		if !f.i.active(t, f.a.text("access_token")) {
			t.Errorf("%s: the access token died early", f.i.Name)
		}
	}
	p.advance(t, "30s")
	if families[1].i.active(t, families[1].a.text("access_token")) {
		t.Error("statuspulse: the access token lives past 15 minutes")
	}
	p.advance(t, "23h44m") // a minute before the grants are a day old
	sp := families[1].i.refresh(t, families[1].i.Clients.Web, families[1].a.text("refresh_token"))
	wantStatus(t, sp, http.StatusOK)
	p.advance(t, "1m")
	wantError(t, families[1].i.refresh(t, families[1].i.Clients.Web, sp.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
	p.advance(t, "695h59m") // a minute before they are 30 days old
	up := families[0].i.refresh(t, families[0].i.Clients.Web, families[0].a.text("refresh_token"))
	wantStatus(t, up, http.StatusOK)
	p.advance(t, "1m")
	wantError(t, families[0].i.refresh(t, families[0].i.Clients.Web, up.text("refresh_token")), http.StatusBadRequest, "invalid_grant")
}

func TestCO04_ACodeLivesSixtySeconds(t *testing.T) {
	p := startProduct(t, t.TempDir())
	i := p.issuer("statuspulse")
	a := i.authorization(i.Clients.Web, "openid")
	page := newBrowser(t, i.Clients.Web.RedirectURI).signIn(i, a, p.user("bob"))
	p.advance(t, "60s")
	wantError(t, i.exchange(t, a, page.back.Query().Get("code")), http.StatusBadRequest, "invalid_grant")
}

func TestRV01_RV02_RevocationEndsTheFamilyOfItsOwnClientOnly(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		tokens := i.login(t, p.user("alice"), i.Clients.Web, "openid profile")
		access, refresh := tokens.text("access_token"), tokens.text("refresh_token")
		for _, token := range []string{access, refresh, "at_unknown", "garbage." + access} {
			wantStatus(t, form(t, i.Issuer+"/oauth2/revoke", i.Clients.SPA, "token", token), http.StatusOK)
		}
		if !i.active(t, access) {
			t.Fatal("another client revoked the token")
		}
		wantStatus(t, form(t, i.Issuer+"/oauth2/revoke", i.Clients.Web, "token", refresh), http.StatusOK)
		if i.active(t, access) {
			t.Error("the access token outlives its refresh token's revocation")
		}
		wantError(t, i.refresh(t, i.Clients.Web, refresh), http.StatusBadRequest, "invalid_grant")
	})
}

func TestRevokingOneServiceTokenLeavesTheOthers(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		one := i.token(t, i.Clients.Service, "grant_type", "client_credentials").text("access_token")
		two := i.token(t, i.Clients.Service, "grant_type", "client_credentials").text("access_token")
		if !i.active(t, one) || !i.active(t, two) {
			t.Fatal("not active to begin with")
		}
		wantStatus(t, form(t, i.Issuer+"/oauth2/revoke", i.Clients.Service, "token", one), http.StatusOK)
		if i.active(t, one) || !i.active(t, two) {
			t.Error("exactly the revoked token must be inactive")
		}
	})
}

func TestIN01_IntrospectionWantsAClientThatProvesItself(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		target, token := i.API+"/oauth2/introspect", i.Keys.Live
		const urlencoded = "application/x-www-form-urlencoded"
		for what, a := range map[string]answer{
			"nobody":          request(t, http.MethodPost, target, "token="+token, "Content-Type", urlencoded),
			"a public client": form(t, target, client{ID: i.Clients.SPA.ID}, "token", token),
			"a wrong secret":  form(t, target, client{ID: i.Clients.Introspector.ID, Secret: "wrong"}, "token", token),
			"the token as bearer": request(t, http.MethodPost, target, "token="+token, "Content-Type", urlencoded,
				"Authorization", "Bearer "+token),
		} {
			if a.status != http.StatusUnauthorized || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: %d, WWW-Authenticate %q", what, a.status, a.header.Get("WWW-Authenticate"))
			}
		}
		wantStatus(t, request(t, http.MethodGet, target, ""), http.StatusMethodNotAllowed)
		for _, doubt := range []string{"at_unknown", "x", strings.Repeat(".", 5000), "eyJhbGciOiJub25lIn0.e30."} {
			if a := i.introspect(t, doubt); a.status != http.StatusOK || a.body != `{"active":false}` {
				t.Errorf("doubt about %.10q: %d %s", doubt, a.status, a.body)
			}
		}
		id := i.login(t, p.user("bob"), i.Clients.Web, "openid profile").text("id_token")
		if i.active(t, id) {
			t.Error("an ID token introspects active (JW-07)")
		}
	})
}

func TestIN04_ARefreshTokenIsActiveToItsOwnClientOnly(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		refresh := i.login(t, p.user("bob"), i.Clients.Web, "openid profile").text("refresh_token")
		if i.active(t, refresh) {
			t.Error("the gateway sees a refresh token")
		}
		if own := form(t, i.API+"/oauth2/introspect", i.Clients.Web, "token", refresh); own.text("credential_type") != "refresh_token" {
			t.Errorf("its own client is told %s", own.body)
		}
		if a := request(t, http.MethodGet, i.Issuer+"/oauth2/userinfo", "", "Authorization", "Bearer "+refresh); a.status != http.StatusUnauthorized {
			t.Errorf("as bearer: %d (RT-10)", a.status)
		}
	})
}

func TestTK_TheTokenEndpointRefusesWhatItShould(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		c := i.Clients.Service
		wantError(t, i.token(t, c, "grant_type", "password"), http.StatusBadRequest, "unsupported_grant_type")
		wantError(t, i.token(t, c, "grant_type", "authorization_code", "code", "ac_x"), http.StatusBadRequest, "unauthorized_client")
		wantError(t, i.token(t, c), http.StatusBadRequest, "invalid_request")
		wantError(t, i.token(t, c, "grant_type", "client_credentials", "scope", "a", "scope", "b"), http.StatusBadRequest, "invalid_request")
		wantError(t, i.token(t, c, "grant_type", "client_credentials", "scope", "everything"), http.StatusBadRequest, "invalid_scope")
		wantError(t, i.token(t, i.Clients.SPA, "grant_type", "client_credentials"), http.StatusBadRequest, "unauthorized_client")
		wantStatus(t, request(t, http.MethodGet, i.Issuer+"/oauth2/token", ""), http.StatusMethodNotAllowed)
		json := request(t, http.MethodPost, i.Issuer+"/oauth2/token", `{"grant_type":"client_credentials"}`, "Content-Type", "application/json")
		wantError(t, json, http.StatusBadRequest, "invalid_request")
		unknown := i.token(t, client{ID: "cl_unknown", Secret: "x"}, "grant_type", "client_credentials")
		wrong := i.token(t, client{ID: c.ID, Secret: "x"}, "grant_type", "client_credentials")
		if unknown.status != wrong.status || unknown.body != wrong.body {
			t.Errorf("unknown client %s, wrong secret %s (CA-09)", unknown.body, wrong.body)
		}
		both := form(t, i.Issuer+"/oauth2/token", c, "grant_type", "client_credentials", "client_secret", c.Secret)
		wantError(t, both, http.StatusBadRequest, "invalid_request") // CA-01
	})
}

// claims reads a JWT's payload; who wants it verified uses a real client.
func claims(t testing.TB, token string) map[string]any {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var c map[string]any
	if err := json.Unmarshal(raw, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestIDTokensHoldWhatTheyMustAndNothingElse(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		a := i.authorization(i.Clients.Web, "openid profile")
		b := newBrowser(t, i.Clients.Web.RedirectURI)
		tokens := i.redeem(t, a, b.signIn(i, a, p.user("alice")))
		first := claims(t, tokens.text("id_token"))
		if first["iss"] != i.Issuer || first["aud"] != i.Clients.Web.ID || first["nonce"] != a.params.Get("nonce") || first["sid"] == nil || first["at_hash"] == nil {
			t.Errorf("ID token %v", first)
		}
		for _, personal := range []string{"name", "email", "given_name"} {
			if first[personal] != nil {
				t.Errorf("the ID token holds %s, which nobody asked for", personal)
			}
		}
		later := claims(t, i.refresh(t, i.Clients.Web, tokens.text("refresh_token")).text("id_token"))
		if later["auth_time"] != first["auth_time"] || later["sub"] != first["sub"] || later["nonce"] != nil {
			t.Errorf("on refresh the ID token became %v", later)
		}
	})
}

func TestS27_SigningKeysRotateForAWeekAndNoTokenFails(t *testing.T) {
	p := startProduct(t, t.TempDir())
	i := p.issuer("statuspulse")
	format := i.manage(t, http.MethodPatch, "/v1/clients/"+i.Clients.Service.ID+"?workspace_id="+i.WorkspaceID, `{"token_format":"jwt"}`)
	wantStatus(t, format, http.StatusOK)
	seen := make(map[string]bool)
	for step := range 7 * 24 {
		token := i.token(t, i.Clients.Service, "grant_type", "client_credentials")
		wantStatus(t, token, http.StatusOK)
		kid := header(t, token.text("access_token"))["kid"].(string)
		seen[kid] = true
		set := request(t, http.MethodGet, i.Issuer+"/.well-known/jwks.json", "")
		if !strings.Contains(set.body, kid) || set.header.Get("ETag") == "" || !strings.Contains(set.header.Get("Cache-Control"), "max-age=") {
			t.Fatalf("hour %d: the key %s is not published, or the set lacks ETag or Cache-Control", step, kid)
		}
		if strings.Contains(set.body, `"d"`) {
			t.Fatal("a private key is published")
		}
		p.advance(t, "14m")
		if !i.active(t, token.text("access_token")) {
			t.Fatalf("hour %d: a token that should verify does not", step)
		}
		p.advance(t, "46m")
	}
	if len(seen) < 27 || len(seen) > 30 {
		t.Errorf("%d keys signed in a week, want 28 or so", len(seen))
	}
}

func header(t testing.TB, token string) map[string]any {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	var h map[string]any
	if err := json.Unmarshal(raw, &h); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestCA12_GuessingAClientsSecretIsStopped(t *testing.T) {
	p := startProduct(t, t.TempDir())
	i := p.issuer("uptimepulse")
	wantStatus(t, i.token(t, i.Clients.Service, "grant_type", "client_credentials"), http.StatusOK)
	limited := 0
	for range 60 {
		a := i.token(t, client{ID: i.Clients.Service.ID, Secret: "wrong"}, "grant_type", "client_credentials")
		if a.status == http.StatusTooManyRequests {
			limited++
			if a.header.Get("Retry-After") == "" {
				t.Fatal("429 without Retry-After")
			}
		}
	}
	if limited < 20 {
		t.Errorf("%d of 60 guesses were held back", limited)
	}
	wantStatus(t, i.token(t, i.Clients.Service, "grant_type", "client_credentials"), http.StatusOK) // the honest client goes on
}
