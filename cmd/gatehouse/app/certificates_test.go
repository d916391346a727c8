package app_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

func TestDI_02_NoMethodByCertificateIsAdvertisedWhereNoneArrives(t *testing.T) {
	usual := config.Default().Issuers[0].OAuth.ClientAuthMethods
	for _, c := range []struct {
		arrives bool
		listed  []string
		self    bool
	}{
		{false, usual, false}, {true, usual, true},
		// Tokens are bound to a certificate whatever the client proves itself with
		// (RFC 8705 section 3), and whether or not anybody vouches for it.
		{true, []string{"private_key_jwt", "tls_client_auth"}, false}, {true, []string{"private_key_jwt"}, false},
	} {
		arrives, cfg := c.arrives, config.Default()
		cfg.Issuers[0].OAuth.ClientAuthMethods = c.listed
		cfg.Database.Path = filepath.Join(t.TempDir(), "gatehouse.db")
		cfg.Secrets.GeneratedKeyFile = filepath.Join(t.TempDir(), "gatehouse.key")
		if arrives {
			cfg.Server.ClientCertificateHeader, cfg.Server.TrustedProxies = "Client-Cert", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
		}
		a, err := app.Open(t.Context(), app.Options{Config: cfg, Logger: slog.New(app.NewJSONHandler(io.Discard, slog.LevelInfo))})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, cfg.Issuers[0].URL+"/.well-known/openid-configuration", nil))
		var m struct {
			Token         []string `json:"token_endpoint_auth_methods_supported"`
			Introspection []string `json:"introspection_endpoint_auth_methods_supported"`
			Revocation    []string `json:"revocation_endpoint_auth_methods_supported"`
			Bound         bool     `json:"tls_client_certificate_bound_access_tokens"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, methods := range [][]string{m.Token, m.Introspection, m.Revocation} {
			if slices.Contains(methods, "self_signed_tls_client_auth") != c.self || slices.Contains(methods, "tls_client_auth") || !slices.Contains(methods, "private_key_jwt") {
				t.Errorf("certificates arrive %v, of %v: %v", arrives, c.listed, methods)
			}
		}
		if m.Bound != arrives {
			t.Errorf("certificates arrive %v, of %v: bound tokens %v", arrives, c.listed, m.Bound)
		}
		name := authz.IssuerName(cfg.Issuers[0].Name)
		_, _, err = a.Issuers[name].Admin.CreateClient(t.Context(), authz.Principal{Issuer: name, Subject: "test", Scopes: []string{"manage:clients"}}, admin.ClientSettings{
			Name: "bank", AuthMethod: authz.AuthSelfSignedTLS, RedirectURIs: []string{"https://bank.example/cb"}, Scopes: []string{"openid"},
			Metadata: authz.ClientMetadata{JWKSURI: "https://bank.example/jwks"},
		})
		if refused := authz.CodeOf(err) == "invalid_token_endpoint_auth_method"; refused == c.self || err != nil && !refused {
			t.Errorf("certificates arrive %v, of %v: registering a client: %v", arrives, c.listed, err)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
