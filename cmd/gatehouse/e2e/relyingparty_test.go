package e2e_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// follow opens an address somebody else made and takes the person through
// every page until the browser has left for stop, or shows a page that asks
// for neither password nor consent.
func follow(t testing.TB, start, stop string, u user) *page {
	t.Helper()
	b := newBrowser(t, stop)
	return b.onward(b.get(start), u)
}

// onward goes on from a page as follow does.
func (b *browser) onward(p *page, u user) *page {
	b.t.Helper()
	for range 4 {
		switch {
		case p.back != nil:
			return p
		case strings.Contains(p.body, `id="password"`):
			p = b.submit(p, "submit", map[string]string{"username": u.Login, "password": u.Password})
		case strings.Contains(p.body, `id="allow"`):
			p = b.submit(p, "allow", nil)
		default:
			return p
		}
	}
	return p
}

// followBack is follow for a sign-in that must end at the client.
func followBack(t testing.TB, start, stop string, u user) string {
	t.Helper()
	p := follow(t, start, stop, u)
	if p.back == nil {
		t.Fatalf("the browser ended at %s with status %d:\n%s", p.url, p.status, p.body)
	}
	return p.back.String()
}

// register makes a client of the issuer's workspace with members of the
// caller's choice.
func (i issuer) register(t testing.TB, members map[string]any) client {
	t.Helper()
	all := map[string]any{"name": t.Name(), "workspace_id": i.WorkspaceID, "scopes": strings.Fields(scopesOf[i.Name])}
	for name, value := range members {
		all[name] = value
	}
	body, err := json.Marshal(all)
	if err != nil {
		t.Fatal(err)
	}
	a := i.manage(t, http.MethodPost, "/v1/clients", string(body))
	wantStatus(t, a, http.StatusCreated)
	c := client{ID: a.text("client_id"), Secret: a.text("client_secret")}
	if uris, _ := a.json["redirect_uris"].([]any); len(uris) > 0 {
		c.RedirectURI, _ = uris[0].(string)
	}
	return c
}

func TestOpenIDClientRunsEveryStepAgainstUs(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		c := i.Clients.Web
		got := counterpart.OpenIDClient(t, counterpart.RelyingParty{
			Issuer: i.Issuer, ClientID: c.ID, ClientSecret: c.Secret, RedirectURI: c.RedirectURI, Scope: scopesOf[i.Name],
		}, func(start string) string { return followBack(t, start, c.RedirectURI, p.user("alice")) })
		if len(got.Errors) > 0 {
			t.Fatal(got.Errors)
		}
		if got.Claims["iss"] != i.Issuer || got.Claims["aud"] != c.ID || got.Claims["sid"] == nil {
			t.Errorf("claims %v", got.Claims)
		}
		if got.UserInfo["name"] != "Alice Adams" || got.UserInfo["sub"] != got.Claims["sub"] {
			t.Errorf("userinfo %v", got.UserInfo)
		}
		if got.Refreshed["access_token"] == nil || got.Refreshed["access_token"] == got.Tokens["access_token"] {
			t.Error("refreshing brought no new access token")
		}
		if got.Introspection["active"] != true || got.Introspection["workspace_id"] != i.WorkspaceID || got.Introspection["client_id"] != c.ID {
			t.Errorf("introspection %v", got.Introspection)
		}
		if !got.Revoked || got.IntrospectionAfter["active"] != false {
			t.Errorf("revoked %v, then %v", got.Revoked, got.IntrospectionAfter)
		}
	})
}

// acceptingHTML sends requests as a browser's navigation does.
type acceptingHTML struct{}

func (acceptingHTML) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header.Set("Accept", "text/html")
	return http.DefaultTransport.RoundTrip(req)
}

func TestModAuthOpenIDCProtectsAPageBehindUs(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		address := counterpart.FreeAddress(t)
		c := i.register(t, map[string]any{"redirect_uris": []string{counterpart.ModAuthOpenIDCRedirect(address)}})
		base := counterpart.ModAuthOpenIDC(t, address, counterpart.RelyingParty{
			Issuer: i.Issuer, ClientID: c.ID, ClientSecret: c.Secret, Scope: scopesOf[i.Name],
		})
		b := newBrowser(t, "")
		b.client.Transport = acceptingHTML{} // Apache takes others for scripts and answers 401
		page := b.onward(b.get(base+"/protected/"), p.user("alice"))
		wantStatus(t, answer{status: page.status, body: page.body}, http.StatusOK)
		for _, want := range []string{"OIDC_CLAIM_iss=" + i.Issuer + "\n", "OIDC_CLAIM_aud=" + c.ID + "\n", "OIDC_CLAIM_name=Alice Adams\n", "OIDC_CLAIM_sid="} {
			if !strings.Contains(page.body, want) {
				t.Errorf("the protected page lacks %q:\n%s", want, page.body)
			}
		}
		var session struct {
			UserInfo map[string]any `json:"userinfo"`
		}
		told := b.get(base + "/protected/callback?info=json").body
		if err := json.Unmarshal([]byte(told), &session); err != nil || session.UserInfo["name"] != "Alice Adams" {
			t.Errorf("mod_auth_openidc's session is %s", told)
		}
	})
}

// goClient signs in with golang.org/x/oauth2 and go-oidc, as the
// documentation of the two says.
func (i issuer) goClient(t testing.TB, c client, u user) (*oidc.Provider, *oauth2.Token, *oidc.IDToken) {
	t.Helper()
	provider, err := oidc.NewProvider(t.Context(), i.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	config := oauth2.Config{
		ClientID: c.ID, ClientSecret: c.Secret, RedirectURL: c.RedirectURI, Endpoint: provider.Endpoint(), Scopes: strings.Fields(scopesOf[i.Name]),
	}
	verifier := oauth2.GenerateVerifier()
	start := config.AuthCodeURL("go-state", oauth2.S256ChallengeOption(verifier), oidc.Nonce("go-nonce"))
	p := follow(t, start, c.RedirectURI, u)
	if p.back == nil || p.back.Query().Get("state") != "go-state" {
		t.Fatalf("the browser ended at %s %v with status %d", p.url, p.back, p.status)
	}
	token, err := config.Exchange(t.Context(), p.back.Query().Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := provider.VerifierContext(t.Context(), &oidc.Config{ClientID: c.ID}).Verify(t.Context(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return provider, token, id
}

func TestGoOIDCVerifiesIDTokensOfEitherAlgorithm(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		for _, alg := range []string{"ES256", "RS256"} {
			t.Run(alg, func(t *testing.T) {
				t.Parallel()
				c := i.register(t, map[string]any{
					"redirect_uris": []string{"https://client.example/go"}, "id_token_signed_response_alg": alg,
				})
				provider, token, id := i.goClient(t, c, p.user("bob"))
				raw, _ := token.Extra("id_token").(string)
				if h := header(t, raw); h["alg"] != alg {
					t.Errorf("header %v, want alg %s", h, alg)
				}
				if id.Nonce != "go-nonce" || id.Issuer != i.Issuer || !slices.Equal(id.Audience, []string{c.ID}) || !id.Expiry.After(time.Now()) {
					t.Errorf("ID token %+v", id)
				}
				if id.AccessTokenHash == "" {
					t.Error("the ID token has no at_hash")
				} else if err := id.VerifyAccessToken(token.AccessToken); err != nil {
					t.Errorf("at_hash: %v", err)
				}
				if err := id.VerifyAccessToken(token.AccessToken + "x"); err == nil {
					t.Error("at_hash fits another access token too")
				}
				info, err := provider.UserInfo(t.Context(), oauth2.StaticTokenSource(token))
				if err != nil || info.Subject != id.Subject {
					t.Errorf("userinfo %+v, %v", info, err)
				}
			})
		}
	})
}

func TestAJWTAccessTokenVerifiesAsRFC9068Says(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		c := i.register(t, map[string]any{"redirect_uris": []string{"https://client.example/jwt"}, "token_format": "jwt"})
		provider, token, id := i.goClient(t, c, p.user("alice"))
		if h := header(t, token.AccessToken); h["typ"] != "at+jwt" || h["kid"] == nil {
			t.Fatalf("header %v", h)
		}
		// The resource server's half: keys from the metadata, the audience its own.
		verified, err := provider.VerifierContext(t.Context(), &oidc.Config{
			ClientID: i.API, SupportedSigningAlgs: []string{oidc.ES256, oidc.RS256},
		}).Verify(t.Context(), token.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		var got map[string]any
		if err := verified.Claims(&got); err != nil {
			t.Fatal(err)
		}
		if got["client_id"] != c.ID || got["sub"] != id.Subject || got["scope"] != scopesOf[i.Name] || got["jti"] == nil || got["iat"] == nil {
			t.Errorf("claims %v", got)
		}
		// Neither kind of token passes for the other.
		if _, err := provider.Verifier(&oidc.Config{ClientID: c.ID}).Verify(t.Context(), token.AccessToken); err == nil {
			t.Error("the access token passes for an ID token")
		}
		if raw, _ := token.Extra("id_token").(string); i.active(t, raw) {
			t.Error("the ID token passes for an access token")
		}
		if !i.active(t, token.AccessToken) {
			t.Error("introspection does not know the JWT access token")
		}
	})
}
