package app_test

import (
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// configured is a configuration of one connection, which asks for offline_access.
func configured(t *testing.T, change func(*config.Connection)) config.Config {
	t.Helper()
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(t.TempDir(), "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(t.TempDir(), "gatehouse.key")
	i := config.NewIssuer("uptimepulse")
	i.URL = "http://127.0.0.1:8080"
	i.Connections = []config.Connection{{
		ID: "okta", Name: "Okta", Workspace: "acme", Issuer: "https://idp.example", ClientID: "gatehouse", Scopes: []string{"openid", "offline_access"},
	}}
	change(&i.Connections[0])
	cfg.Issuers = []config.Issuer{i}
	return cfg
}

// starts is what a start makes of the connections of the configuration.
func starts(t *testing.T, cfg config.Config) error {
	t.Helper()
	a, err := app.Open(t.Context(), app.Options{Config: cfg, Logger: slog.New(app.NewJSONHandler(io.Discard, slog.LevelInfo))})
	if err != nil {
		return err
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	return nil
}

// What the configuration says of asking about sessions holds from each start on,
// also that it is never.
func TestHowOftenAProviderIsAskedIsTheConfigurationsToSay(t *testing.T) {
	cfg := configured(t, func(*config.Connection) {})
	for _, c := range []struct {
		says *int
		want time.Duration
	}{{new(0), 0}, {nil, 15 * time.Minute}, {new(0), 0}, {new(30), 30 * time.Minute}} {
		cfg.Issuers[0].Connections[0].PollMinutes = c.says
		if err := starts(t, cfg); err != nil {
			t.Fatal(err)
		}
		s, err := storage.Open(t.Context(), storage.Config{Driver: storage.SQLite, Path: cfg.Database.Path, Clock: authz.SystemClock{}})
		if err != nil {
			t.Fatal(err)
		}
		conn, err := s.GetConnectionAcrossWorkspaces(t.Context(), authz.IssuerName(cfg.Issuers[0].Name), "okta")
		if err != nil || conn.PollEvery() != c.want {
			t.Errorf("asked every %s, want %s: %v", conn.PollEvery(), c.want, err)
		}
		if kept, err := app.OIDCConfig(conn); err != nil || kept.KeepRefreshToken != (c.want > 0) {
			t.Errorf("refresh tokens are kept %v: %v", kept.KeepRefreshToken, err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A start that the configuration of a connection hinders says which, and what of
// it.
func TestAConnectionThatCannotWorkIsNamedAtTheStart(t *testing.T) {
	for _, c := range []struct {
		change func(*config.Connection)
		want   []string
	}{
		{func(c *config.Connection) { c.Link = config.LinkKey{OIDC: []string{"email"}, SAML: []string{"mail"}} }, []string{"connections[0]", "okta", "link_key", "changes hands"}},
		{func(c *config.Connection) {
			c.Issuer = "https://login.microsoftonline.com/common/v2.0"
			c.Vendor = "entra"
		}, []string{"connections[0]", "okta", "tenants"}},
		{func(c *config.Connection) { c.Issuer += "?x=y" }, []string{"connections[0]", "okta", "issuer", "query"}},
		{func(c *config.Connection) { c.Numbers.MFAAgeMinutes = 14 }, []string{"connections[0]", "okta", "numbers.mfa_age_minutes"}},
	} {
		err := starts(t, configured(t, c.change))
		for _, want := range c.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v does not say %s", err, want)
			}
		}
	}
}
