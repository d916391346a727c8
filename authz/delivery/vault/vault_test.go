package vault_test

import (
	"errors"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/deliverytest"
	"github.com/gatehouse-auth/gatehouse/authz/delivery/vault"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

var loopback = netip.MustParsePrefix("127.0.0.0/8")

func carrier() vault.Carrier {
	return vault.Carrier{
		Client:   outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{loopback}, Timeout: 2 * time.Second}),
		CheckURL: func(url string) error { return outbound.CheckURL(url, loopback) },
	}
}

func target(v *deliverytest.Vault) (authz.Destination, authz.DestinationSecrets) {
	return authz.Destination{Kind: authz.VaultDestination, Target: authz.DestinationTarget{
		URL: v.URL, Namespace: v.Namespace, Mount: v.Mount, Path: "gatehouse/sa_1",
	}}, authz.DestinationSecrets{Token: authz.Secret(v.Token)}
}

func content(id, key, created string) []byte {
	return []byte(`{"key":"` + key + `","key_id":"` + id + `","predecessor_id":"key_0","service_account_id":"sa_1","created_at":"` + created + `"}`)
}

const (
	first  = "2027-01-01T00:00:00.000Z"
	second = "2027-04-01T00:00:00.000Z"
)

// The key is a new version of the secret, beside what else was in it; a
// repetition, and one whose answer was lost, writes nothing.
func TestS33_AKeyIsWrittenIntoVaultOnceBesideWhatIsThere(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, s := target(v)
	v.Put("gatehouse/sa_1", map[string]any{"owner": "team-a", "key": "old"})
	carry := func(raw []byte) error { return carrier().Carry(t.Context(), to, s, "evt_1", raw) }
	v.LoseAnswers(true)
	if err := carry(content("key_1", "up_live_1", first)); err == nil {
		t.Error("a lost answer is a success")
	}
	v.LoseAnswers(false)
	for range 2 {
		if err := carry(content("key_1", "up_live_1", first)); err != nil {
			t.Fatal(err)
		}
	}
	data, n := v.Secret("gatehouse/sa_1")
	if n != 2 || data["key"] != "up_live_1" || data["key_id"] != "key_1" || data["owner"] != "team-a" || data["predecessor_id"] != "key_0" {
		t.Errorf("version %d: %v", n, data)
	}
	if err := carry(content("key_2", "up_live_2", second)); err != nil {
		t.Fatal(err)
	}
	if data, n := v.Secret("gatehouse/sa_1"); n != 3 || data["key"] != "up_live_2" {
		t.Errorf("version %d: %v", n, data)
	}
	// A slow attempt with the older key comes last.
	if err := carry(content("key_1", "up_live_1", first)); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("an older key in the place of a newer: %v", err)
	}
	v.Put("gatehouse/sa_1", map[string]any{"key_id": "key_9", "service_account_id": "sa_9", "created_at": first})
	if err := carry(content("key_2", "up_live_2", second)); err == nil || !strings.Contains(err.Error(), "another service account") {
		t.Errorf("in the place of another's: %v", err)
	}
}

func TestS33_VaultMayHaveNoSuchSecretOrADeletedOne(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, s := target(v)
	if err := carrier().Carry(t.Context(), to, s, "evt_1", content("key_1", "up_live_1", first)); err != nil {
		t.Fatal(err)
	}
	v.Delete("gatehouse/sa_1")
	if err := carrier().Carry(t.Context(), to, s, "evt_2", content("key_2", "up_live_2", second)); err != nil {
		t.Fatal(err)
	}
	if data, n := v.Secret("gatehouse/sa_1"); n != 2 || data["key"] != "up_live_2" {
		t.Errorf("version %d: %v", n, data)
	}
}

// Whoever writes between the reading and the writing is not written over.
func TestS33_CheckAndSetKeepsWhatOthersWrote(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, s := target(v)
	c := carrier()
	next := c.Client.Transport
	raced := false
	c.Client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		resp, err := next.RoundTrip(r)
		if r.Method == http.MethodGet && !raced {
			raced = true
			v.Put("gatehouse/sa_1", map[string]any{"owner": "somebody else"})
		}
		return resp, err
	})
	if err := c.Carry(t.Context(), to, s, "evt_1", content("key_1", "up_live_1", first)); err == nil || err.Error() != "Vault answered 400" {
		t.Errorf("%v", err)
	}
	if data, n := v.Secret("gatehouse/sa_1"); n != 1 || data["owner"] != "somebody else" {
		t.Errorf("version %d: %v", n, data)
	}
	if err := c.Carry(t.Context(), to, s, "evt_1", content("key_1", "up_live_1", first)); err != nil {
		t.Errorf("later: %v", err)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestS33_AnAppRoleOpensVault(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, _ := target(v)
	to.Target.RoleID = v.RoleID
	if err := carrier().Carry(t.Context(), to, authz.DestinationSecrets{SecretID: "wrong"}, "evt_1", content("key_1", "k", first)); err == nil || err.Error() != "Vault answered 400" {
		t.Errorf("a wrong secret id: %v", err)
	}
	if err := carrier().Carry(t.Context(), to, authz.DestinationSecrets{SecretID: authz.Secret(v.SecretID)}, "evt_1", content("key_1", "k", first)); err != nil {
		t.Error(err)
	}
}

// The operator's own environment is no customer's: neither its token, nor its
// namespace, headers or address reach the Vault of a destination.
func TestS33_NothingOfTheServersEnvironmentReachesACustomersVault(t *testing.T) {
	t.Setenv("VAULT_TOKEN", "the operators own")
	t.Setenv("VAULT_NAMESPACE", "operators")
	t.Setenv("VAULT_HEADERS", `{"X-Custom":"operators"}`)
	t.Setenv("VAULT_WRAP_TTL", "60s")
	t.Setenv("VAULT_ADDR", "https://operators.example")
	v := deliverytest.NewVault(t)
	v.Namespace = ""
	to, s := target(v)
	c := carrier()
	next := c.Client.Transport
	c.Client.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		for name, values := range r.Header {
			if strings.Contains(strings.Join(values, " "), "operators") {
				t.Errorf("%s: %q", name, values)
			}
		}
		return next.RoundTrip(r)
	})
	if err := c.Carry(t.Context(), to, s, "evt_1", content("key_1", "k", first)); err != nil {
		t.Error(err)
	}
}

// What failed is told by its status: nothing that Vault wrote, no address, no
// secret.
func TestWH_09_NothingVaultAnswersIsReflected(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, s := target(v)
	for _, status := range []int{403, 429, 500, 503} {
		v.Fail(status)
		err := carrier().Carry(t.Context(), to, s, "evt_1", content("key_1", "up_live_1", first))
		if err == nil || !strings.HasPrefix(err.Error(), "Vault answered ") || strings.Contains(err.Error(), "inner") {
			t.Errorf("%d: %v", status, err)
		}
	}
	to.Target.URL = "http://127.0.0.1:1"
	err := carrier().Carry(t.Context(), to, s, "evt_1", content("key_1", "up_live_1", first))
	for _, word := range []string{"gatehouse/sa_1", "hvs.", "up_live", v.Mount} {
		if err == nil || strings.Contains(err.Error(), word) {
			t.Errorf("an address nobody listens at: %v", err)
		}
	}
}

func TestWH_01_WhatCannotBeVaultIsRefused(t *testing.T) {
	good := authz.DestinationTarget{URL: "https://vault.example:8200", Mount: "secret", Path: "gatehouse/{service_account_id}/{environment}"}
	token := authz.DestinationSecrets{Token: "hvs.x"}
	if err := carrier().Check(good, token); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*authz.DestinationTarget, *authz.DestinationSecrets){
		"plain http":            func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL = "http://vault.example:8200" },
		"a private address":     func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL = "https://10.0.0.1" },
		"a socket":              func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL = "unix:///run/vault.sock" },
		"a path":                func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL += "/v1" },
		"a query":               func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.URL += "?x=1" },
		"no mount":              func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Mount = "" },
		"a way out of a mount":  func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Mount = "secret/../sys" },
		"a way out of a path":   func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Path = "a/../../sys/policy" },
		"an encoded way out":    func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Path = "a/%2e%2e/b" },
		"an empty segment":      func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Path = "a//b" },
		"an unknown field":      func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Path = "{name}" },
		"a namespace with CRLF": func(d *authz.DestinationTarget, _ *authz.DestinationSecrets) { d.Namespace = "a\r\nX: y" },
		"no token":              func(_ *authz.DestinationTarget, s *authz.DestinationSecrets) { s.Token = "" },
		"a token with CRLF":     func(_ *authz.DestinationTarget, s *authz.DestinationSecrets) { s.Token = "a\r\nX: y" },
		"a role and a token":    func(d *authz.DestinationTarget, s *authz.DestinationSecrets) { d.RoleID, s.SecretID = "r", "s" },
		"a role alone":          func(d *authz.DestinationTarget, s *authz.DestinationSecrets) { d.RoleID, s.Token = "r", "" },
	} {
		to, s := good, token
		change(&to, &s)
		if e, ok := errors.AsType[*authz.Error](carrier().Check(to, s)); !ok || e.Kind != authz.Invalid {
			t.Errorf("%s was taken", name)
		}
	}
}

// WH-09: trying Vault out reads the secret, there or not, and writes nothing.
func TestWH_09_ATestOfVaultReadsAndWritesNothing(t *testing.T) {
	v := deliverytest.NewVault(t)
	to, s := target(v)
	to.Target.Path = "gatehouse/{service_account_id}/{environment}"
	if err := carrier().Try(t.Context(), to, s); err != nil {
		t.Errorf("a secret that is yet to come: %v", err)
	}
	if data, versions := v.Secret("gatehouse/sa_test/live"); data != nil || versions != 0 {
		t.Errorf("it wrote %v", data)
	}
	v.Put("gatehouse/sa_test/live", map[string]any{"other": "x"})
	if err := carrier().Try(t.Context(), to, s); err != nil {
		t.Errorf("a secret that is there: %v", err)
	}
	if _, versions := v.Secret("gatehouse/sa_test/live"); versions != 1 {
		t.Errorf("%d versions", versions)
	}
	for _, status := range []int{403, 500} {
		v.Fail(status)
		if err := carrier().Try(t.Context(), to, s); err == nil || err.Error() != "Vault answered "+strconv.Itoa(status) {
			t.Errorf("%d: %v", status, err)
		}
	}
	v.Fail(0)
	s.Token = "hvs.wrong"
	if err := carrier().Try(t.Context(), to, s); err == nil || err.Error() != "Vault answered 403" {
		t.Errorf("with a wrong token: %v", err)
	}
}
