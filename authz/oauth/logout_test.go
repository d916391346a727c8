package oauth_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const bye = "https://app.example/bye?x=1"

func (h *house) leaving() authz.Client {
	h.Helper()
	return h.client(func(c *authz.Client) { c.Metadata.PostLogoutRedirectURIs = []string{bye} })
}

func TestLO_02_OnlyARegisteredAddressIsReturnedTo(t *testing.T) {
	h := newHouse(t)
	c := h.leaving()
	hint := h.tokens(c).IDToken.Reveal()
	for _, uri := range []string{
		bye + "&foo=bar", "https://app.example/bye", bye + "#x", callback, "javascript:alert(1)", "https://app.example", "HTTPS://app.example/bye?x=1", " " + bye, "//evil.example",
	} {
		for _, who := range [][]string{{"id_token_hint", hint}, {"client_id", string(c.ID)}} {
			_, err := h.server.Logout(t.Context(), pairs(append(who, "post_logout_redirect_uri", uri)...))
			h.wants(uri, err, "invalid_request")
		}
	}
	_, err := h.server.Logout(t.Context(), pairs("post_logout_redirect_uri", bye))
	h.wants("nobody's", err, "invalid_request")
	_, err = h.server.Logout(t.Context(), pairs("post_logout_redirect_uri", bye, "client_id", string(h.web.ID)))
	h.wants("another client's", err, "invalid_request")
	req := made(h.server.Logout(t.Context(), pairs("id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "a b")))(t)
	if req.Location() != bye+"&state=a+b" || req.Subject != string(h.user.ID) || req.Client.ID != c.ID {
		t.Errorf("%s %s %s", req.Location(), req.Subject, req.Client.ID)
	}
	req = made(h.server.Logout(t.Context(), pairs("client_id", string(c.ID), "post_logout_redirect_uri", bye, "logout_hint", "ada", "ui_locales", "se")))(t)
	if req.Location() != bye || req.Subject != "" {
		t.Errorf("%s %q", req.Location(), req.Subject)
	}
}

func TestLO_03_AnExpiredHintOfOursCountsAndNoOther(t *testing.T) {
	h := newHouse(t)
	c := h.leaving()
	hint := h.tokens(c).IDToken.Reveal()
	for what, strange := range h.strangeHints(c) {
		if what == "of another client" {
			continue // is that client's, and refused for this one below
		}
		_, err := h.server.Logout(t.Context(), pairs("id_token_hint", strange, "client_id", string(c.ID), "post_logout_redirect_uri", bye))
		h.wants(what, err, "invalid_request")
	}
	foreign := h.tokens(h.spa).IDToken.Reveal()
	_, err := h.server.Logout(t.Context(), pairs("id_token_hint", foreign, "client_id", string(c.ID)))
	h.wants("another client's", err, "invalid_request")
	_, err = h.server.Logout(t.Context(), pairs("id_token_hint", foreign, "post_logout_redirect_uri", bye))
	h.wants("another client's address", err, "invalid_request")
	h.pass(72 * time.Hour)
	if req := made(h.server.Logout(t.Context(), pairs("id_token_hint", hint)))(t); req.Subject == "" {
		t.Error("an expired hint of ours is not believed")
	}
	_, err = h.store.KillNode(t.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.ClientNode, ID: string(c.ID)}, authz.Disabled)
	h.ok(err)
	_, err = h.server.Logout(t.Context(), pairs("id_token_hint", hint))
	h.wants("of a client that is switched off", err, "invalid_request")
}

func TestALogoutRequestIsBoundedAndSingleValued(t *testing.T) {
	h := newHouse(t)
	for what, form := range map[string]map[string][]string{
		"twice": {"state": {"a", "b"}}, "too long": {"state": {string(make([]byte, 17<<10))}}, "no text": {"state": {"\xff"}},
	} {
		_, err := h.server.Logout(t.Context(), form)
		h.wants(what, err, "invalid_request")
	}
}
