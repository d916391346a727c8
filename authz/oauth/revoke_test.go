package oauth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func (h *house) revoke(c authz.Client, token string, more ...string) error {
	return h.server.Revoke(h.Context(), h.from(c, append([]string{"token", token}, more...)...))
}

func TestRV_01_EitherTokenEndsTheFamilyWhateverTheHintSays(t *testing.T) {
	h := newHouse(t)
	for _, hint := range []string{"", "access_token", "refresh_token", "id_token"} {
		for _, c := range []authz.Client{h.web, h.spa} {
			got, other := h.tokens(c), h.tokens(c)
			h.ok(h.revoke(c, got.AccessToken.Reveal(), "token_type_hint", hint))
			h.dead("after its access token", got.AccessToken, got.RefreshToken)
			h.alive("another family", other.AccessToken)
			h.ok(h.revoke(c, other.RefreshToken.Reveal(), "token_type_hint", hint))
			h.dead("after its refresh token", other.AccessToken, other.RefreshToken)
		}
	}
	if audit, events := len(h.entries("token.revoked")), len(h.events("token.revoked")); audit != 16 || events != 16 {
		t.Errorf("%d audit entries and %d events for 16 revocations", audit, events)
	}
}

func TestRV_02_AnotherClientsTokenIsLeftAlone(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	for _, c := range []authz.Client{h.spa, h.robot} {
		h.ok(h.revoke(c, got.AccessToken.Reveal()))
		h.ok(h.revoke(c, got.RefreshToken.Reveal()))
	}
	h.alive("the owner's", got.AccessToken, got.RefreshToken)
	if list := h.entries("token.revoked"); len(list) != 0 {
		t.Errorf("audit: %+v", list)
	}
}

func TestRV_04_AForgedOrUnknownTokenIsAnsweredAlikeAndHarmsNobody(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	access, refresh := got.AccessToken.Reveal(), got.RefreshToken.Reveal()
	_, key := h.key()
	for _, text := range []string{
		"x", "x." + access, "AAAA" + access[4:], access[:len(access)-1], access + "A", "at_" + refresh[3:], "rt_" + access[3:],
		"x." + refresh, got.IDToken.Reveal(), key, "ey..",
	} {
		h.ok(h.revoke(h.web, text))
	}
	h.alive("the family", got.AccessToken, got.RefreshToken, authz.Secret(key))
	h.wants("no token", h.revoke(h.web, ""), "invalid_request")
	h.wants("a wrong secret", h.server.Revoke(t.Context(), oauth.Request{Authorization: basic(string(h.web.ID), "wrong"), Form: pairs("token", access)}), "invalid_client")
	h.alive("the family", got.AccessToken)
}

func TestRV_OneTokenOfAStandingGrantLeavesTheOthers(t *testing.T) {
	h := newHouse(t)
	first := made(h.server.Token(t.Context(), h.from(h.robot, "grant_type", "client_credentials")))(t)
	second := made(h.server.Token(t.Context(), h.from(h.robot, "grant_type", "client_credentials")))(t)
	h.alive("a robot's", first.AccessToken, second.AccessToken)
	h.ok(h.revoke(h.robot, first.AccessToken.Reveal()))
	h.dead("the revoked one", first.AccessToken)
	h.alive("the other", second.AccessToken)
}

// brokenStore is the real database with verbs that fail.
type brokenStore struct {
	*storage.Store
	broken map[string]error
}

var errAway = authz.NewError(authz.Unavailable, "temporarily_unavailable", "away")

func (s *brokenStore) GetAccessToken(ctx context.Context, i authz.IssuerName, d [32]byte) (authz.AccessToken, authz.Grant, authz.Lineage, error) {
	if err := s.broken["GetAccessToken"]; err != nil {
		return authz.AccessToken{}, authz.Grant{}, nil, err
	}
	return s.Store.GetAccessToken(ctx, i, d)
}

func (s *brokenStore) GetRefreshToken(ctx context.Context, i authz.IssuerName, d [32]byte) (authz.RefreshToken, authz.Grant, authz.Lineage, error) {
	if err := s.broken["GetRefreshToken"]; err != nil {
		return authz.RefreshToken{}, authz.Grant{}, nil, err
	}
	return s.Store.GetRefreshToken(ctx, i, d)
}

func (s *brokenStore) GetAuthorizationCode(ctx context.Context, i authz.IssuerName, d [32]byte) (authz.AuthorizationCode, authz.Grant, authz.Lineage, error) {
	if err := s.broken["GetAuthorizationCode"]; err != nil {
		return authz.AuthorizationCode{}, authz.Grant{}, nil, err
	}
	return s.Store.GetAuthorizationCode(ctx, i, d)
}

// GetRefreshTokenAlone reads one whose family is remembered.
func (s *brokenStore) GetRefreshTokenAlone(ctx context.Context, i authz.IssuerName, d [32]byte) (authz.RefreshToken, error) {
	if err := s.broken["GetRefreshToken"]; err != nil {
		return authz.RefreshToken{}, err
	}
	return s.Store.GetRefreshTokenAlone(ctx, i, d)
}

func (s *brokenStore) RevokeGrant(ctx context.Context, i authz.IssuerName, id authz.GrantID) (bool, error) {
	if err := s.broken["RevokeGrant"]; err != nil {
		return false, err
	}
	return s.Store.RevokeGrant(ctx, i, id)
}

func (s *brokenStore) Issue(ctx context.Context, i authz.Issuance) error {
	if err := s.broken["Issue"]; err != nil {
		return err
	}
	return s.Store.Issue(ctx, i)
}

func (s *brokenStore) AppendAudit(ctx context.Context, e authz.AuditEntry) error {
	if err := s.broken["AppendAudit"]; err != nil {
		return err
	}
	return s.Store.AppendAudit(ctx, e)
}

// breaking is a server on the same database where the verb fails.
func (h *house) breaking(verb string, err error) *oauth.Server {
	return h.serverWith(func(c *oauth.Config) { c.Store = &brokenStore{h.store, map[string]error{verb: err}} })
}

func TestRV_03_AnOutageIsNeverToldAsSuccess(t *testing.T) {
	h := newHouse(t)
	got := h.tokens(h.web)
	for _, verb := range []string{"GetAccessToken", "RevokeGrant", "AppendAudit"} {
		for _, err := range []error{errAway, errors.New("disk on fire")} {
			err := h.breaking(verb, err).Revoke(t.Context(), h.from(h.web, "token", got.AccessToken.Reveal()))
			h.wants(verb, err, "temporarily_unavailable")
		}
	}
	err := h.breaking("GetRefreshToken", errAway).Revoke(t.Context(), h.from(h.web, "token", got.RefreshToken.Reveal()))
	h.wants("refresh token", err, "temporarily_unavailable")
	h.alive("what could not be revoked", got.AccessToken)
	if list := h.events("token.revoked"); len(list) != 0 {
		t.Errorf("events of revocations that did not happen: %v", list)
	}
}

func TestAMidwayFailureLeavesNothingBehind(t *testing.T) {
	h := newHouse(t)
	code := h.code(h.web)
	got := h.tokens(h.spa)
	for _, verb := range []string{"Issue", "GetAuthorizationCode"} {
		broken := h.breaking(verb, errAway)
		_, err := broken.Token(t.Context(), h.from(h.web, "grant_type", "authorization_code", "code", code, "redirect_uri", callback, "code_verifier", verifier))
		h.wants("code, "+verb, err, "temporarily_unavailable")
		if verb != "GetAuthorizationCode" {
			_, err = broken.Token(t.Context(), h.from(h.spa, "grant_type", "refresh_token", "refresh_token", got.RefreshToken.Reveal()))
			h.wants("refresh, "+verb, err, "temporarily_unavailable")
		}
	}
	if _, err := h.redeem(h.web, code); err != nil {
		t.Errorf("the code after failures: %v", err)
	}
	if _, err := h.refresh(h.spa, got.RefreshToken); err != nil {
		t.Errorf("the refresh token after failures: %v", err)
	}
	_, err := h.breaking("AppendAudit", errAway).Token(t.Context(), h.from(h.web, "grant_type", "authorization_code", "code", "ac_unknown"))
	h.wants("a refusal that cannot be audited", err, "temporarily_unavailable")
}
