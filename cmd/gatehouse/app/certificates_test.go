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

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

func TestDI_02_NoMethodByCertificateIsAdvertisedWhereNoneArrives(t *testing.T) {
	for _, arrives := range []bool{false, true} {
		cfg := config.Default()
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
			if slices.Contains(methods, "self_signed_tls_client_auth") != arrives || slices.Contains(methods, "tls_client_auth") || !slices.Contains(methods, "private_key_jwt") {
				t.Errorf("certificates arrive %v: %v", arrives, methods)
			}
		}
		if m.Bound != arrives {
			t.Errorf("certificates arrive %v: bound tokens %v", arrives, m.Bound)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
