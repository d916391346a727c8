package clientdoc_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientdoc"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

// FuzzClientDocument holds what passes for a client of a document to what such
// a client may be.
func FuzzClientDocument(f *testing.F) {
	f.Add("https://client.example/a", []byte(`{"client_id":"https://client.example/a","redirect_uris":["https://client.example/cb"]}`))
	f.Add("https://client.example/../a", []byte(`{"client_id":"https://client.example/../a","redirect_uris":["javascript:x"]}`))
	documents, err := clientdoc.New(clientdoc.Config{
		Issuer: "fuzz", Clock: authz.SystemClock{}, HTTP: http.DefaultClient, Scopes: []string{"openid"}, MaxClients: 1,
		Clients: struct{ clientdoc.Clients }{}, Store: struct{ clientdoc.Store }{}, Outbox: struct{ clientdoc.Outbox }{}, Sectors: struct{ clientdoc.Sectors }{}, // not asked
		Rules: clientmeta.Rules{
			AuthMethods: []string{authz.AuthNone, authz.AuthPrivateKeyJWT, authz.AuthClientSecretBasic}, Scopes: []string{"openid"}, Algorithms: []string{"RS256"},
			CheckRedirectURI: oauth.CheckRedirectURI, CheckURL: func(string) error { return nil },
		},
	})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, id string, body []byte) {
		c, err := documents.Parse(id, body)
		if err != nil {
			return
		}
		if string(c.ID) != id || c.WorkspaceID != "" || c.SkipConsent || c.Introspect || c.HasSecret() || c.MayUse(authz.GrantClientCredentials) || len(c.RedirectURIs) == 0 {
			t.Errorf("%+v", c)
		}
		for _, uri := range c.RedirectURIs {
			if strings.HasPrefix(strings.ToLower(uri), "javascript:") {
				t.Errorf("redirect URI %q", uri)
			}
		}
	})
}
