package config

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func profile(t *testing.T, name string) Issuer {
	t.Helper()
	c, err := Load("", []string{"GATEHOUSE_ISSUERS_0_PROFILE=" + name})
	if err != nil {
		t.Fatal(err)
	}
	return c.Issuers[0]
}

func scopeNames(i Issuer) string {
	var names []string
	for _, s := range i.OAuth.Scopes {
		names = append(names, s.Name)
	}
	return strings.Join(names, " ")
}

// keyScopeNames marks explicit_only with ! and people_only with @.
func keyScopeNames(i Issuer) string {
	var names []string
	for _, s := range i.OAuth.KeyScopes {
		name := s.Name
		if s.ExplicitOnly {
			name += "!"
		}
		if s.PeopleOnly {
			name += "@"
		}
		names = append(names, name)
	}
	return strings.Join(names, " ")
}

func TestProfilesHoldThePromisedNumbers(t *testing.T) {
	const manage = "manage:keys! manage:clients! manage:members! manage:connections! manage:policies! manage:sessions! manage:audit! manage:workspace!"
	for _, want := range []struct {
		name, prefix, path, env, pkce, scopes, keyScopes string
		access, refresh, rotation, enforceable           time.Duration
		forced                                           bool
	}{
		{"uptimepulse", "up", "/v1/auth/keys", "UP_API_KEY", "public",
			"openid profile offline_access monitoring:admin",
			"monitor:read monitor:write alert:read alert:write config:read config:admin! " + manage,
			3600 * time.Second, 2592000 * time.Second, 90 * day, 0, false},
		{"statuspulse", "sp", "/v1/api-keys", "SP_API_KEY", "all",
			"openid profile email offline_access statuspulse:checks:read statuspulse:alerts:manage",
			"read:checks write:checks read:alerts write:alerts read:metrics admin:billing! admin:all!@ " + manage,
			900 * time.Second, 86400 * time.Second, 365 * day, 90 * day, true},
		{"default", "gk", "/v1/api-keys", "GATEHOUSE_API_KEY", "public",
			"openid profile email offline_access", manage,
			3600 * time.Second, 2592000 * time.Second, 90 * day, 0, false},
	} {
		i := profile(t, want.name)
		if i.Keys.Prefix != want.prefix || i.Keys.Path != want.path || i.Keys.EnvVar != want.env || i.OAuth.PKCE != want.pkce {
			t.Errorf("%s: %+v, pkce %s", want.name, i.Keys, i.OAuth.PKCE)
		}
		if scopeNames(i) != want.scopes || keyScopeNames(i) != want.keyScopes {
			t.Errorf("%s: scopes %q, key scopes %q", want.name, scopeNames(i), keyScopeNames(i))
		}
		if i.Tokens.AccessTTL != want.access || i.Tokens.RefreshTTL != want.refresh {
			t.Errorf("%s: %+v", want.name, i.Tokens)
		}
		if i.Keys.RotationDefault != want.rotation || i.Keys.RotationForced != want.forced || i.Keys.RotationEnforceable != want.enforceable {
			t.Errorf("%s: rotation %+v", want.name, i.Keys)
		}
	}
}

func TestEveryProfileSharesGraceQuarantineCodesAndSigning(t *testing.T) {
	for _, name := range Profiles() {
		i := profile(t, name)
		if i.Keys.RotationGrace != 72*time.Hour || i.Keys.Quarantine != 720*time.Hour || i.Keys.Tiers["standard"] != 1200 {
			t.Errorf("%s: %+v", name, i.Keys)
		}
		if i.Tokens.CodeTTL != time.Minute || i.Tokens.RefreshGrace != 10*time.Second || i.Tokens.Format != "opaque" {
			t.Errorf("%s: %+v", name, i.Tokens)
		}
		if i.Signing.RotateEvery != 6*time.Hour || i.Signing.PublishAhead != time.Hour || !slices.Equal(i.Signing.Algorithms, []string{"RS256", "ES256"}) {
			t.Errorf("%s: %+v", name, i.Signing)
		}
	}
}

func TestS15_StatusPulseHasNoClientSecretPost(t *testing.T) {
	if slices.Contains(profile(t, "statuspulse").OAuth.ClientAuthMethods, "client_secret_post") {
		t.Error("client_secret_post is offered")
	}
}

func TestU4_S9_S17_ConsoleSaysTheWordsPeopleWereTold(t *testing.T) {
	up, sp := profile(t, "uptimepulse").Console, profile(t, "statuspulse").Console
	if up != (Console{"Settings > Integrations > API Access", "Create New Key"}) {
		t.Errorf("uptimepulse: %+v", up)
	}
	if sp != (Console{"Settings > Integrations > API Keys", "Generate New Key"}) {
		t.Errorf("statuspulse: %+v", sp)
	}
}
