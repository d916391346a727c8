package client_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

func TestU34_AKeyIsExchangedForATokenThatMayDoNoMore(t *testing.T) {
	issuer := demo.Issuers[0]
	scope := readScopes(t, issuer)[0]
	credential := &client.ClientCredentials{Issuer: issuer.URL, APIKey: client.Secret(issuer.Keys.Live), Scopes: []string{scope}}
	token, err := credential.Issue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(token.Scopes, []string{scope}) || token.TokenType != "Bearer" || token.ExpiresAt.IsZero() {
		t.Errorf("%+v of %s", token.Scopes, token.TokenType)
	}
	if told := fmt.Sprintf("%v %+v", token, &token); strings.Contains(told, token.AccessToken) {
		t.Error("a printed token shows its text")
	}
	if !allowed(t, issuer, token.AccessToken, scope) {
		t.Error("the token is good for nothing")
	}
	credential = &client.ClientCredentials{Issuer: issuer.URL, APIKey: client.Secret(issuer.Keys.Live), Scopes: []string{"config:admin"}}
	if _, err := credential.Issue(t.Context()); client.Code(err) != "invalid_scope" {
		t.Errorf("more than the key has: %v", err)
	}
}

func allowed(t *testing.T, issuer clienttest.Issuer, credential, action string) bool {
	t.Helper()
	gateway := &client.ClientCredentials{Issuer: issuer.URL, ClientID: issuer.Clients.Introspector.ID, ClientSecret: client.Secret(issuer.Clients.Introspector.Secret)}
	v, err := issuer.As(t, gateway).Verify(t.Context(), client.VerifyBody{Credential: credential, Action: action, Environment: "live", ClientIP: "192.0.2.7"})
	if err != nil {
		t.Fatal(err)
	}
	return v.Allowed
}

// An operator's key, exchanged for tokens that only this process can use.
func TestTheAPIIsUsedWithTokens_BearerAndBoundByDPoP(t *testing.T) {
	issuer := demo.Issuers[0]
	for _, bound := range []bool{false, true} {
		credential := &client.ClientCredentials{Issuer: issuer.URL, APIKey: client.Secret(issuer.OperatorKey), DPoP: bound}
		token, err := credential.Issue(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if want := map[bool]string{false: "Bearer", true: "DPoP"}[bound]; token.TokenType != want {
			t.Errorf("the token is a %s one", token.TokenType)
		}
		api := issuer.As(t, credential)
		for range 2 { // the second with the token of the first
			if _, err := api.GetWorkspace(t.Context(), issuer.WorkspaceID); err != nil {
				t.Errorf("bound %t: %v", bound, err)
			}
		}
		if !bound {
			continue
		}
		stolen := issuer.As(t, client.APIKey(token.AccessToken))
		if _, err := stolen.GetWorkspace(t.Context(), issuer.WorkspaceID); client.Code(err) != "invalid_token" {
			t.Errorf("a bound token as Bearer: %v", err)
		}
	}
}

func TestTokensAreGotFromTheIssuerThatWasMeant(t *testing.T) {
	g := newGateway(t, demo.Issuers[0].URL, 200, "")
	credential := &client.ClientCredentials{Issuer: g.URL, APIKey: "up_live_x"}
	if _, err := credential.Issue(t.Context()); err == nil || !strings.Contains(err.Error(), "no metadata of") {
		t.Errorf("metadata of another issuer: %v", err)
	}
	credential = &client.ClientCredentials{Issuer: demo.Issuers[0].URL, ClientID: demo.Issuers[0].Clients.Service.ID, ClientSecret: "wrong"}
	if _, err := credential.Issue(t.Context()); client.Code(err) != "invalid_client" {
		t.Errorf("a wrong secret: %v", err)
	}
	if _, err := (&client.ClientCredentials{Issuer: demo.Issuers[0].URL}).Issue(t.Context()); err == nil {
		t.Error("a token for nobody")
	}
}
