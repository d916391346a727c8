package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// TestDV_00_ADevicePollsWhileAPersonSignsIn drives the device side with
// golang.org/x/oauth2, which knows nothing of us.
func TestDV_00_ADevicePollsWhileAPersonSignsIn(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		c := i.register(t, map[string]any{"token_endpoint_auth_method": "none", "grant_types": []string{authz.GrantDeviceCode, "refresh_token"}, "redirect_uris": []string{}})
		provider, err := oidc.NewProvider(t.Context(), i.Issuer)
		if err != nil {
			t.Fatal(err)
		}
		device := oauth2.Config{ClientID: c.ID, Endpoint: provider.Endpoint(), Scopes: strings.Fields(scopesOf[i.Name])}
		if device.Endpoint.DeviceAuthURL != i.Issuer+"/oauth2/device_authorization" {
			t.Fatalf("advertised at %q", device.Endpoint.DeviceAuthURL)
		}
		shown, err := device.DeviceAuth(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, i.token(t, c, "grant_type", authz.GrantDeviceCode, "device_code", shown.DeviceCode), http.StatusBadRequest, "authorization_pending")

		polled := make(chan error, 1)
		var tokens *oauth2.Token
		go func() {
			var err error
			tokens, err = device.DeviceAccessToken(t.Context(), shown)
			polled <- err
		}()
		done := signInDevice(t, shown.VerificationURIComplete, shown.UserCode, p.user("alice"))
		if done.status != http.StatusOK || !strings.Contains(done.body, `id="done"`) {
			t.Errorf("the browser ended at %s with %d:\n%s", done.url, done.status, done.body)
		}
		if err := <-polled; err != nil {
			t.Fatalf("the device: %v", err)
		}
		text, _ := tokens.Extra("id_token").(string)
		id, err := provider.Verifier(&oidc.Config{ClientID: c.ID}).Verify(t.Context(), text)
		if err != nil {
			t.Fatalf("ID token: %v", err)
		}
		i.wantSigned(t, provider, tokens.AccessToken, id.Subject)

		again, err := device.TokenSource(t.Context(), &oauth2.Token{RefreshToken: tokens.RefreshToken}).Token()
		if err != nil {
			t.Fatalf("refresh: %v", err)
		}
		wantError(t, i.token(t, c, "grant_type", authz.GrantDeviceCode, "device_code", shown.DeviceCode), http.StatusBadRequest, "invalid_grant")
		if i.active(t, again.AccessToken) {
			t.Error("DV-03: the family survived the replay of its device code")
		}
	})
}

// signInDevice takes a person from the link on the device to the end.
func signInDevice(t testing.TB, link, code string, u user) *page {
	t.Helper()
	b := newBrowser(t, "")
	p := b.submit(b.get(link), "submit", nil)
	if !strings.Contains(p.body, code) || !strings.Contains(p.body, "127.0.0.1") {
		t.Errorf("DV-02: the page shows neither code nor origin:\n%s", p.body)
	}
	return b.onward(b.submit(p, "confirm", nil), u)
}

// wantSigned introspects a token and checks the signed answer (RFC 9701) with
// go-oidc's key set.
func (i issuer) wantSigned(t testing.TB, provider *oidc.Provider, token, subject string) {
	t.Helper()
	var metadata struct {
		JWKS string   `json:"jwks_uri"`
		Algs []string `json:"introspection_signing_alg_values_supported"`
	}
	if err := provider.Claims(&metadata); err != nil || len(metadata.Algs) == 0 || metadata.Algs[0] != "RS256" {
		t.Fatalf("metadata %+v: %v", metadata, err)
	}
	g := i.Clients.Introspector
	basic, _ := http.NewRequest(http.MethodPost, i.API, nil)
	basic.SetBasicAuth(g.ID, g.Secret)
	a := request(t, http.MethodPost, i.API+"/oauth2/introspect", "token="+token, "Content-Type", "application/x-www-form-urlencoded",
		"Authorization", basic.Header.Get("Authorization"), "Accept", "application/token-introspection+jwt")
	wantStatus(t, a, http.StatusOK)
	payload, err := oidc.NewRemoteKeySet(t.Context(), metadata.JWKS).VerifySignature(t.Context(), a.body)
	if err != nil {
		t.Fatalf("the signed introspection: %v", err)
	}
	var claims struct {
		Iss, Aud string
		Found    struct {
			Active bool
			Sub    string
		} `json:"token_introspection"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Iss != i.Issuer || claims.Aud != g.ID || !claims.Found.Active || claims.Found.Sub != subject {
		t.Errorf("signed introspection %s: %v", payload, err)
	}
}

func TestChromiumSignsADeviceIn(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		c := w.i.register(t, map[string]any{
			"token_endpoint_auth_method": "none", "grant_types": []string{authz.GrantDeviceCode}, "redirect_uris": []string{},
		})
		waiting := form(t, w.i.Issuer+"/oauth2/device_authorization", c, "scope", scopesOf[w.i.Name])
		wantStatus(t, waiting, http.StatusOK)
		w.Navigate(waiting.text("verification_uri"))
		w.Fill("user_code", "bcdf ghj")
		w.picture("device")
		w.Click("submit")
		w.WaitFor("problem")
		w.Fill("user_code", strings.ToLower(waiting.text("user_code")))
		w.Click("submit")
		w.WaitFor("confirm")
		if got := w.Text("#shown_code"); got != waiting.text("user_code") {
			t.Errorf("the page shows %q", got)
		}
		w.picture("device-confirm")
		w.Click("confirm")
		w.password(w.p.user("alice"))
		w.WaitFor("allow")
		w.picture("device-consent")
		w.Click("allow")
		w.WaitFor("done")
		w.picture("device-done")
		wantStatus(t, w.i.token(t, c, "grant_type", authz.GrantDeviceCode, "device_code", waiting.text("device_code")), http.StatusOK)
	})
}
