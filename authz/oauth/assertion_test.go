package oauth_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func (h *house) robotWithKey(change func(*authz.Client)) (authz.Client, *holder) {
	h.Helper()
	return h.keyed(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs = []string{authz.GrantClientCredentials}, nil
		change(c)
	})
}

func TestRFC7523_AClientProvesItselfByWhatItSigned(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(*authz.Client) {})
	for range 2 {
		_, err := h.server.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials"))
		h.ok(err)
	}
	in := h.asserted(robot, k, "grant_type", "client_credentials", "client_id", string(robot.ID))
	_, err := h.server.Token(t.Context(), in)
	h.ok(err)
}

func TestCA_01_02_OneMethodAndTheRegisteredOne(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(*authz.Client) {})
	two := h.asserted(robot, k, "grant_type", "client_credentials")
	two.Authorization = basic(string(h.robot.ID), h.secrets[h.robot.ID])
	_, err := h.server.Token(t.Context(), two)
	h.wants("Basic too", err, "invalid_client")
	_, err = h.server.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials", "client_secret", "s"))
	h.wants("a secret too", err, "invalid_client")
	other := h.asserted(robot, k, "grant_type", "client_credentials", "client_id", string(h.robot.ID))
	_, err = h.server.Token(t.Context(), other)
	h.wants("another client_id", err, "invalid_client")
	_, err = h.server.Token(t.Context(), h.asserted(h.robot, k, "grant_type", "client_credentials"))
	h.wants("a client that has a secret", err, "invalid_client")
	named := oauth.Request{Form: pairs("grant_type", "client_credentials", "client_id", string(robot.ID))}
	_, err = h.server.Token(t.Context(), named)
	h.wants("no assertion at all", err, "invalid_client")
	named.Form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer")
	named.Form.Set("client_assertion", h.asserted(robot, k).Form.Get("client_assertion"))
	_, err = h.server.Token(t.Context(), named)
	h.wants("another type of assertion", err, "invalid_client")
	off := h.serverWith(func(c *oauth.Config) { c.Settings.AuthMethods = []string{authz.AuthClientSecretBasic} })
	_, err = off.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials"))
	h.wants("where the method is off", err, "invalid_client")
}

func TestCA_04_AnAssertionIsGoodOnceWhereverItGoes(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(*authz.Client) {})
	other := h.serverWith(func(*oauth.Config) {})
	for range 20 {
		in := h.asserted(robot, k, "grant_type", "client_credentials", "token", "at_x")
		var won atomic.Int64
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				var err error
				switch n % 3 {
				case 0:
					_, err = h.server.Token(t.Context(), in)
				case 1:
					_, err = other.Token(t.Context(), in)
				case 2:
					_, err = h.server.AuthenticateClient(t.Context(), in)
				}
				if err == nil {
					won.Add(1)
				} else if authz.CodeOf(err) != "invalid_client" {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if won.Load() != 1 {
			t.Fatalf("%d requests with one assertion succeeded", won.Load())
		}
	}
}

func TestCA_05_TheAudienceIsTheIssuerAndNothingElse(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(*authz.Client) {})
	for _, aud := range []any{
		issuerURL + "/oauth2/token", issuerURL + "/oauth2/par", issuerURL + "/", "https://other.example", []string{issuerURL},
		[]string{issuerURL, "https://other.example"}, []string{}, "", nil, 1, map[string]any{},
	} {
		in := withAssertion(k.sign(nil, changed(h.assertion(robot), "aud", aud)), "grant_type", "client_credentials")
		_, err := h.server.Token(t.Context(), in)
		h.wants("aud", err, "invalid_client")
	}
}

func TestCA_06_JW_09_AnAssertionIsShortAndWhole(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(*authz.Client) {})
	now := h.clock.Now().Unix()
	for _, c := range []struct {
		name  string
		value any
		good  bool
	}{
		{"nbf", now + 8, true}, {"iat", now + 8, true}, {"iat", nil, true},
		{"exp", now + 86400, false}, {"exp", now, false}, {"exp", now - 300, false}, {"exp", nil, false}, {"exp", "1", false},
		{"exp", -1, false}, {"exp", 1e300, false}, {"exp", []int64{now + 60}, false}, {"exp", true, false}, {"nbf", "0", false}, {"nbf", 1e300, false}, {"iat", "now", false},
		{"iat", now + 60, false}, {"nbf", now + 60, false}, {"jti", nil, false}, {"jti", "", false}, {"jti", strings.Repeat("j", 300), false},
		{"sub", nil, false}, {"sub", "cl_unknown", false}, {"iss", nil, false}, {"iss", "cl_unknown", false}, {"iss", string(h.web.ID), false},
	} {
		in := withAssertion(k.sign(nil, changed(h.assertion(robot), c.name, c.value)), "grant_type", "client_credentials")
		_, err := h.server.Token(t.Context(), in)
		if c.good {
			h.ok(err)
			continue
		}
		h.wants(c.name, err, "invalid_client")
	}
}

func TestCA_07_OnlyTheClientsKeyAndAlgorithm(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(c *authz.Client) { c.Metadata.AuthAlgorithm = "ES256" })
	claims := h.assertion(robot)
	text := k.sign(nil, claims)
	zero := text[:strings.LastIndex(text, ".")+1] + strings.Repeat("A", 86)
	for name, assertion := range map[string]string{
		"alg none": handmade(map[string]any{"alg": "none"}, claims), "another's key": newHolder(t).sign(nil, claims), "64 zero bytes": zero,
		"RS256": signed(t, "RS256", rsaKey(), nil, claims), "PS256, which it did not register": signed(t, "PS256", rsaKey(), nil, claims),
		"HS256 with the public key": signed(t, "HS256", []byte(k.jwks()), nil, claims), "nothing": "", "a JWE": "a.b.c.d.e",
	} {
		_, err := h.server.Token(t.Context(), withAssertion(assertion, "grant_type", "client_credentials"))
		h.wants(name, err, "invalid_client")
	}
	if list := h.entries("token.issued"); len(list) != 0 {
		t.Errorf("tokens were issued: %v", list)
	}
}

// remoteKeys answers as the keys at one jwks_uri would.
type remoteKeys struct{ err error }

func (r remoteKeys) VerifySignature(context.Context, string) ([]byte, error) { return nil, r.err }

func TestCA_08_KeysThatCannotBeHadAreNoRefusal(t *testing.T) {
	h := newHouse(t)
	robot, k := h.robotWithKey(func(c *authz.Client) { c.Metadata.JWKS, c.Metadata.JWKSURI = nil, "https://app.example/jwks" })
	_, err := h.server.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials"))
	h.wants("where none are fetched", err, "invalid_client")
	for want, fetched := range map[string]error{
		"temporarily_unavailable": authz.NewError(authz.Unavailable, "temporarily_unavailable", "The keys are away."), "invalid_client": errors.New("wrong"),
	} {
		server := h.serverWith(func(c *oauth.Config) { c.RemoteKeys = func(string) oauth.KeySet { return remoteKeys{fetched} } })
		_, err = server.Token(t.Context(), h.asserted(robot, k, "grant_type", "client_credentials"))
		h.wants("keys elsewhere", err, want)
	}
}
