package counterpart_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// secret has no meaning outside these tests.
const secret = "a-secret-of-the-upstream-provider-only"

func upstream(t *testing.T, redirect string) string {
	t.Helper()
	return counterpart.OIDCProvider(t, counterpart.ProviderConfig{
		Clients: []counterpart.ProviderClient{{ID: "rp", Secret: secret, RedirectURIs: []string{redirect}}},
		Users: []counterpart.ProviderUser{
			{Login: "ada@example.com", Subject: "ada", ACR: "urn:example:strong", AMR: []string{"pwd", "otp", "mfa"},
				Claims: map[string]any{"email": "ada@example.com", "email_verified": true, "name": "Ada"}},
			{Login: "no@example.com", Subject: "no", Denies: true},
		},
		RequirePKCE: true,
	})
}

func TestOIDCProviderSignsInByRedirectsAloneForGoClients(t *testing.T) {
	ctx := t.Context()
	redirect := "http://127.0.0.1:1/callback"
	issuer := upstream(t, redirect)
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{ClientID: "rp", ClientSecret: secret, RedirectURL: redirect,
		Endpoint: provider.Endpoint(), Scopes: []string{"openid", "email"}}
	verifier := oauth2.GenerateVerifier()
	start := config.AuthCodeURL("some-state", oauth2.S256ChallengeOption(verifier),
		oidc.Nonce("some-nonce"), oauth2.SetAuthURLParam("login_hint", "ada@example.com"))
	answer := query(t, counterpart.FollowTo(t, start, redirect))
	if answer.Get("state") != "some-state" || answer.Get("iss") != issuer {
		t.Fatalf("callback %v", answer)
	}
	token, err := config.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.Verifier(&oidc.Config{ClientID: "rp"}).Verify(ctx, raw)
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		ACR string   `json:"acr"`
		AMR []string `json:"amr"`
	}
	if err := id.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	if id.Subject != "ada" || id.Nonce != "some-nonce" || claims.ACR != "urn:example:strong" || len(claims.AMR) != 3 {
		t.Errorf("ID token %+v %+v", id, claims)
	}
	info, err := provider.UserInfo(ctx, oauth2.StaticTokenSource(token))
	if err != nil || info.Email != "ada@example.com" || !info.EmailVerified {
		t.Errorf("userinfo %+v, %v", info, err)
	}
}

func TestOIDCProviderDeniesForThePersonWhoDenies(t *testing.T) {
	redirect := "http://127.0.0.1:1/callback"
	issuer := upstream(t, redirect)
	config := oauth2.Config{ClientID: "rp", RedirectURL: redirect, Scopes: []string{"openid"},
		Endpoint: oauth2.Endpoint{AuthURL: issuer + "/auth"}}
	start := config.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()),
		oauth2.SetAuthURLParam("login_hint", "no@example.com"))
	if answer := query(t, counterpart.FollowTo(t, start, redirect)); answer.Get("error") != "access_denied" {
		t.Errorf("callback %v", answer)
	}
}

func TestOpenIDClientRunsEveryStep(t *testing.T) {
	redirect := "http://127.0.0.1:1/callback"
	got := counterpart.OpenIDClient(t, counterpart.RelyingParty{
		Issuer: upstream(t, redirect), ClientID: "rp", ClientSecret: secret, RedirectURI: redirect,
		Scope:      "openid email offline_access",
		Parameters: map[string]string{"login_hint": "ada@example.com", "prompt": "consent"},
	}, func(start string) string { return counterpart.FollowTo(t, start, redirect) })
	if len(got.Errors) > 0 {
		t.Fatal(got.Errors)
	}
	if got.Claims["sub"] != "ada" || got.UserInfo["email"] != "ada@example.com" {
		t.Errorf("claims %v, userinfo %v", got.Claims, got.UserInfo)
	}
	if got.Refreshed["access_token"] == nil || got.Refreshed["access_token"] == got.Tokens["access_token"] {
		t.Error("refreshing brought no new access token")
	}
	if got.Introspection["active"] != true || !got.Revoked || got.IntrospectionAfter["active"] != false {
		t.Errorf("before %v, revoked %v, after %v", got.Introspection, got.Revoked, got.IntrospectionAfter)
	}
}

func TestModAuthOpenIDCProtectsAPageAndShowsTheClaims(t *testing.T) {
	address := counterpart.FreeAddress(t)
	issuer := upstream(t, counterpart.ModAuthOpenIDCRedirect(address))
	base := counterpart.ModAuthOpenIDC(t, address, counterpart.RelyingParty{
		Issuer: issuer, ClientID: "rp", ClientSecret: secret, Scope: "openid email",
		Parameters: map[string]string{"login_hint": "ada@example.com"},
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar}
	page := get(t, client, base+"/protected/")
	for _, want := range []string{"OIDC_CLAIM_sub=ada\n", "OIDC_CLAIM_email=ada@example.com\n", "OIDC_CLAIM_iss=" + issuer + "\n"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	var session struct {
		UserInfo map[string]any `json:"userinfo"`
	}
	info := get(t, client, base+"/protected/callback?info=json")
	if err := json.Unmarshal([]byte(info), &session); err != nil || session.UserInfo["email"] != "ada@example.com" {
		t.Errorf("session %s, %v", info, err)
	}
}

func get(t *testing.T, client *http.Client, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/html") // without it Apache takes us for a script and answers 401
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v\n%s", url, resp.Status, err, body)
	}
	return string(body)
}

func query(t *testing.T, raw string) url.Values {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}
