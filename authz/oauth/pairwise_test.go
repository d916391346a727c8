package oauth_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func TestOIDCCore8_APairwiseClientNeverLearnsTheID(t *testing.T) {
	h := newHouse(t)
	pairwise := func(format authz.TokenFormat) authz.Client {
		return h.client(func(c *authz.Client) { c.Metadata.SubjectType, c.TokenFormat = oauth.SubjectPairwise, format })
	}
	c, jwt := pairwise(authz.Opaque), pairwise(authz.JWT)
	want := h.server.SubjectFor(c, h.user.ID)
	if len(want) != 43 || want != h.server.SubjectFor(jwt, h.user.ID) {
		t.Fatalf("two clients of one sector know %q and %q", want, h.server.SubjectFor(jwt, h.user.ID))
	}
	for _, c := range []authz.Client{c, jwt} {
		tokens := h.tokens(c)
		refreshed := made(h.refresh(c, tokens.RefreshToken))(t)
		for _, id := range []authz.Secret{tokens.IDToken, refreshed.IDToken} {
			if got := h.claims(id, "JWT"); got["sub"] != want || h.mentions(got) {
				t.Errorf("ID token %v", got)
			}
		}
		if c.TokenFormat == authz.JWT {
			if got := h.claims(refreshed.AccessToken, "at+jwt"); got["sub"] != want || h.mentions(got) {
				t.Errorf("access token %v", got)
			}
		}
		for _, token := range []authz.Secret{refreshed.AccessToken, refreshed.RefreshToken} {
			if in, ok := h.lookup(token); !ok || in.Sub != want || h.mentions(in) {
				t.Errorf("introspection %+v", in)
			}
		}
		if got := h.userinfo(refreshed.AccessToken).Claims; got["sub"] != want || got["name"] != "Ada" || h.mentions(got) {
			t.Errorf("userinfo %v", got)
		}
	}
	for _, entry := range append(h.entries("token.issued"), h.entries("grant.created")...) {
		if entry.Details["sub"] != string(h.user.ID) {
			t.Errorf("the audit trail calls the person %v", entry.Details["sub"])
		}
	}
}

// mentions reports whether the person's id is anywhere in the value.
func (h *house) mentions(v any) bool {
	h.Helper()
	text, err := json.Marshal(v)
	h.ok(err)
	return strings.Contains(string(text), string(h.user.ID))
}

func TestOIDCCore81_SectorsKnowAPersonByDifferentNames(t *testing.T) {
	h := newHouse(t)
	with := func(sector string, uris ...string) string {
		return h.server.SubjectFor(authz.Client{ID: "cl_x", RedirectURIs: uris, Metadata: authz.ClientMetadata{SubjectType: oauth.SubjectPairwise, Sector: sector}}, h.user.ID)
	}
	one := with("", "https://App.example/a", "https://app.example:8443/b")
	if one != with("app.example") || one != with("", "https://app.example/c") {
		t.Error("one sector has two names")
	}
	seen := map[string]bool{one: true, string(h.user.ID): true}
	for _, other := range []string{with("other.example"), with("", "https://a.example/", "https://b.example/"), h.server.SubjectFor(authz.Client{
		ID: "cl_y", RedirectURIs: []string{"https://a.example/", "https://b.example/"}, Metadata: authz.ClientMetadata{SubjectType: oauth.SubjectPairwise}}, h.user.ID)} {
		if seen[other] {
			t.Error("two sectors share a name")
		}
		seen[other] = true
	}
	if with("app.example") == h.server.SubjectFor(authz.Client{ID: "cl_x", Metadata: authz.ClientMetadata{SubjectType: oauth.SubjectPairwise, Sector: "app.example"}}, h.another().ID) {
		t.Error("two people share a name")
	}
	foreign := h.serverWith(func(c *oauth.Config) { c.PairwiseKey = bytes.Repeat([]byte("k"), 32) })
	if seen[foreign.SubjectFor(authz.Client{ID: "cl_x", Metadata: authz.ClientMetadata{SubjectType: oauth.SubjectPairwise, Sector: "app.example"}}, h.user.ID)] {
		t.Error("the key makes no difference")
	}
}

func TestOIDCCore81_AStrangerIsOfTheSectorItProvesAndNoOther(t *testing.T) {
	h := newHouse(t)
	const bank = "https://bank.example/cb"
	with := func(c authz.Client) string {
		c.ID, c.Metadata.SubjectType = "cl_x", oauth.SubjectPairwise
		if c.GrantTypes == nil {
			c.GrantTypes = []string{authz.GrantAuthorizationCode}
		}
		return h.server.SubjectFor(c, h.user.ID)
	}
	told := func(m authz.ClientMetadata, logout string) authz.ClientMetadata {
		m.BackchannelLogoutURI = logout
		return m
	}
	m := func(registration, sector, uri string) authz.ClientMetadata {
		return authz.ClientMetadata{Registration: registration, Sector: sector, SectorURI: uri}
	}
	theirs := with(authz.Client{RedirectURIs: []string{bank}})
	alone := with(authz.Client{})
	const list = "https://bank.example/uris.json"
	for _, how := range []string{authz.RegisteredDynamically, authz.RegisteredByDocument} {
		for name, c := range map[string]authz.Client{
			"names it":                                       {RedirectURIs: []string{"app.evil:/cb"}, Metadata: m(how, "bank.example", "")},
			"names it, on two hosts":                         {RedirectURIs: []string{"https://a.evil/", "https://b.evil/"}, Metadata: m(how, "bank.example", "")},
			"a scheme with its host":                         {RedirectURIs: []string{"evil.app://bank.example/cb"}, Metadata: m(how, "", "")},
			"http with its host":                             {RedirectURIs: []string{"http://bank.example/cb"}, Metadata: m(how, "", "")},
			"its host and a scheme":                          {RedirectURIs: []string{bank, "app.evil:/cb"}, Metadata: m(how, "", "")},
			"its host and the machine":                       {RedirectURIs: []string{bank, "http://127.0.0.1/cb"}, Metadata: m(how, "", "")},
			"its host and another":                           {RedirectURIs: []string{bank, "https://evil.example/"}, Metadata: m(how, "", "")},
			"its host, without a redirect":                   {RedirectURIs: []string{bank}, Metadata: m(how, "", ""), GrantTypes: []string{authz.GrantAuthorizationCode, authz.GrantDeviceCode}},
			"its list, without a redirect":                   {RedirectURIs: []string{bank}, Metadata: m(how, "", list), GrantTypes: []string{authz.GrantDeviceCode}},
			"its list and a program on the person's machine": {RedirectURIs: []string{bank, "http://[::1]/cb"}, Metadata: m(how, "", list)},
			"its host, and logout tokens elsewhere":          {RedirectURIs: []string{bank}, Metadata: told(m(how, "", ""), "https://evil.example/out")},
			"its list, and logout tokens elsewhere":          {RedirectURIs: []string{bank}, Metadata: told(m(how, "", list), "https://bank.example.evil.example/out")},
			"nothing":                                        {Metadata: m(how, "", "")},
		} {
			if got := with(c); got != alone {
				t.Errorf("%s: %s of another's sector: %v", name, how, got == theirs)
			}
		}
		for _, uri := range []string{"https://localhost/cb", "https://app.localhost./cb", "https://127.0.0.1/cb"} {
			if with(authz.Client{RedirectURIs: []string{uri}, Metadata: m(how, "", "")}) != alone {
				t.Errorf("%s is a sector of many", uri)
			}
		}
		for name, c := range map[string]authz.Client{
			"a site":           {RedirectURIs: []string{"https://Bank.example/other"}, Metadata: m(how, "evil.example", "")},
			"with logout":      {RedirectURIs: []string{bank}, Metadata: told(m(how, "", ""), "https://BANK.example:8443/out")},
			"two and its list": {RedirectURIs: []string{bank, "https://b.example/"}, Metadata: m(how, "", list)},
		} {
			if with(c) != theirs {
				t.Errorf("%s: not of the sector it proves", name)
			}
		}
	}
	if with(authz.Client{RedirectURIs: []string{"http://127.0.0.1/cb"}, Metadata: m("", "Bank.example", "")}) != theirs {
		t.Error("an administrator's word does not count")
	}
}

func TestTheFirstSubjectTypeIsTheDefault(t *testing.T) {
	h := newHouse(t, func(s *oauth.Settings) { s.SubjectTypes = []string{oauth.SubjectPairwise, oauth.SubjectPublic} })
	if sub := h.server.SubjectFor(h.web, h.user.ID); sub == string(h.user.ID) {
		t.Error("public by default")
	}
	h.web.Metadata.SubjectType = oauth.SubjectPublic
	if sub := h.server.SubjectFor(h.web, h.user.ID); sub != string(h.user.ID) {
		t.Error("a public client is not")
	}
}
