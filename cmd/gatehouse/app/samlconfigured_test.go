package app_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

func TestRequestsAreSignedAsTheConfigurationSaysNow(t *testing.T) {
	provider, err := idptest.NewSAML(idptest.SAMLConfig{
		EntityID: "https://old.example/", SSO: "https://old.example/sso", User: idptest.User{Login: "grace", Subject: "u-grace"}, Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(provider.Metadata()) }))
	defer at.Close()
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(t.TempDir(), "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(t.TempDir(), "gatehouse.key")
	cfg.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	i := config.NewIssuer("uptimepulse")
	i.URL = "http://127.0.0.1:8080"
	for _, sign := range []bool{false, true, false} {
		i.Connections = []config.Connection{{ID: "old", Name: "Old", Workspace: "acme", SAML: config.SAML{MetadataURL: at.URL, SignRequests: sign}}}
		cfg.Issuers = []config.Issuer{i}
		a, err := app.Open(t.Context(), app.Options{Config: cfg, Logger: slog.New(app.NewJSONHandler(io.Discard, slog.LevelInfo))})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:8080/saml/old/metadata", nil))
		if got := strings.Contains(w.Body.String(), `AuthnRequestsSigned="true"`); w.Code != http.StatusOK || got != sign {
			t.Errorf("sign_requests %v: %d, signed %v", sign, w.Code, got)
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
