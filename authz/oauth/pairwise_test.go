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
