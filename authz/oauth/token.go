package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// TokenResponse is the answer of the token endpoint (RFC 6749 section 5.1).
type TokenResponse struct {
	AccessToken  authz.Secret
	TokenType    string
	ExpiresIn    int64 // seconds
	RefreshToken authz.Secret
	IDToken      authz.Secret
	Scope        string
	// Details are the authorization details of the token, a JSON array (RFC
	// 9396 section 7), or nil.
	Details json.RawMessage
	// IssuedTokenType is told by an exchange only (RFC 8693 section 2.2.1).
	IssuedTokenType string
}

// MarshalJSON writes the tokens out: this is the one place they are shown.
func (r TokenResponse) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		AccessToken     string          `json:"access_token"`
		IssuedTokenType string          `json:"issued_token_type,omitempty"`
		TokenType       string          `json:"token_type"`
		ExpiresIn       int64           `json:"expires_in"`
		RefreshToken    string          `json:"refresh_token,omitempty"`
		IDToken         string          `json:"id_token,omitempty"`
		Scope           string          `json:"scope,omitempty"` // no scope has no value (RFC 6749 appendix A.4)
		Details         json.RawMessage `json:"authorization_details,omitempty"`
	}{
		r.AccessToken.Reveal(), r.IssuedTokenType, r.TokenType, r.ExpiresIn, r.RefreshToken.Reveal(), r.IDToken.Reveal(), r.Scope, r.Details,
	})
}

// GrantTypes are the values of grant_type that the token endpoint knows.
func GrantTypes() []string {
	return []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken, authz.GrantClientCredentials, authz.GrantDeviceCode, authz.GrantTokenExchange}
}

// Token answers a request to the token endpoint.
func (s *Server) Token(ctx context.Context, in Request) (*TokenResponse, error) {
	if err := singleValued(in.Form); err != nil {
		return nil, err
	}
	if in.Form.Get("grant_type") == authz.GrantTokenExchange {
		return s.exchangeToken(ctx, in)
	}
	view, err := s.caller(ctx, in)
	if err != nil {
		return nil, err
	}
	if s.cfg.Allow != nil {
		if err := s.cfg.Allow(view.id); err != nil {
			return nil, err
		}
	}
	resp, err := s.tokens(ctx, in, view)
	if err != nil {
		return nil, s.reused(ctx, view, in.Form, err)
	}
	return resp, nil
}

// tokens answers a client that is known.
func (s *Server) tokens(ctx context.Context, in Request, view *clientView) (*TokenResponse, error) {
	grantType := in.Form.Get("grant_type")
	if grantType == "" {
		return nil, fault(authz.Invalid, "invalid_request", "grant_type is required.")
	}
	if !slices.Contains(s.grantTypes(), grantType) {
		return nil, errUnsupportedGrant
	}
	if !view.grantTypes.Has(grantType) || view.public && grantType == authz.GrantClientCredentials {
		return nil, errUnauthorizedClient
	}
	if err := checkPresents(in.Form); err != nil {
		return nil, err
	}
	asked, err := s.askedBy(view, in.Form)
	if err != nil {
		return nil, err
	}
	u := &unit{client: view, asked: asked, askedDetails: in.Form.Get("authorization_details")}
	if u.confirmation, err = s.confirm(ctx, in, view.client); err != nil {
		return nil, err
	}
	resp, err := s.exchange(withUnit(ctx, u), u, in.Form)
	for looks := 1; errors.Is(err, errKeyMoved) && looks < keyLooks; looks++ {
		if u.client, err = s.caller(ctx, in); err != nil {
			return nil, err
		}
		resp, err = s.exchange(withUnit(ctx, u), u, in.Form)
	}
	if err != nil && u.storeErr != nil {
		return nil, unavailable(u.storeErr)
	}
	return resp, err
}

// exchange lets fosite work out the answer, then writes it down.
func (s *Server) exchange(ctx context.Context, u *unit, form url.Values) (*TokenResponse, error) {
	req, err := s.fosite.NewAccessRequest(ctx, formRequest(form), &session{})
	if u.replay != nil {
		return u.replay, nil
	}
	if err != nil {
		return nil, s.refused(ctx, u, translate(err))
	}
	if req.GetGrantTypes().ExactOne(authz.GrantClientCredentials) {
		if err := s.grantStanding(ctx, u, req); err != nil {
			return nil, err
		}
	}
	if err := s.aim(u); err != nil {
		return nil, s.refused(ctx, u, err)
	}
	if err := s.condition(ctx, u, req); err != nil {
		return nil, s.refused(ctx, u, err)
	}
	answer, err := s.fosite.NewAccessResponse(ctx, req)
	if err != nil {
		return nil, translate(err)
	}
	resp := response(u, answer)
	if err := s.write(ctx, u, resp); err != nil {
		return s.lost(ctx, u, err)
	}
	return resp, nil
}

func response(u *unit, answer fosite.AccessResponder) *TokenResponse {
	refresh, _ := answer.GetExtra("refresh_token").(string)
	id, _ := answer.GetExtra("id_token").(string)
	life := u.newAccess.ExpiresAt.Sub(u.newAccess.IssuedAt)
	return &TokenResponse{
		AccessToken: authz.Secret(answer.GetAccessToken()), RefreshToken: authz.Secret(refresh), IDToken: authz.Secret(id),
		TokenType: u.confirmation.TokenType(), ExpiresIn: int64(life.Seconds()), Scope: strings.Join(u.newAccess.Scopes, " "),
		Details: u.newAccess.Details,
	}
}

// write puts the unit of work down in one transaction.
func (s *Server) write(ctx context.Context, u *unit, resp *TokenResponse) error {
	i := authz.Issuance{
		Issuer: s.settings.Name, Grant: u.newGrant, Access: *u.newAccess, Refresh: u.newRefresh,
		Audit: s.entry(ctx, u.grant, "token.issued", authz.Success), Decision: u.decision,
	}
	decided(&i.Audit, u.decision)
	i.Audit.Details["scope"] = resp.Scope
	if u.consumeCode {
		i.Code = &u.code.Digest
	}
	if u.device != nil {
		i.Device = &u.device.Digest
	}
	if u.refresh != nil && u.newRefresh != nil {
		sealed, err := s.seal(u, resp)
		if err != nil {
			return err
		}
		i.Rotation = &authz.Rotation{Digest: u.refresh.Digest, Successor: u.newRefresh.Digest, Sealed: sealed, At: s.clock.Now()}
	}
	if err := s.store.Issue(ctx, i); err != nil {
		return err
	}
	s.handOn(u)
	return nil
}

// handOn lets the refresh token that was made have the family of what it was
// made of, a code or the one before it.
func (s *Server) handOn(u *unit) {
	var from [32]byte
	switch {
	case u.code != nil:
		from = u.code.Digest
	case u.refresh != nil:
		from = u.refresh.Digest
	}
	switch {
	case u.newRefresh != nil:
		s.cfg.Families.Move(from, u.newRefresh.Digest, func(f Family) Family {
			f.Token = u.newRefresh
			return f
		})
	case u.code != nil:
		s.cfg.Families.Drop(from)
	}
}

// lost answers after a transaction that was not written. Whoever lost the race
// for a refresh token gets the winner's pair; whoever lost it for a code has
// used a code twice.
func (s *Server) lost(ctx context.Context, u *unit, err error) (*TokenResponse, error) {
	if errors.Is(err, authz.ErrNotFound) && u.grant.Standing {
		s.cfg.Standing.Forget(u.grant) // it was purged
	}
	if !errors.Is(err, authz.ErrConsumed) {
		return nil, unavailable(err)
	}
	if u.consumeCode {
		if err := s.revokeReused(ctx, u.grant, "code_reused"); err != nil {
			return nil, unavailable(err)
		}
		return nil, errInvalidGrant
	}
	if u.device != nil {
		return nil, s.deviceReplayed(ctx, u, *u.device)
	}
	s.cfg.Families.Drop(u.refresh.Digest)
	used, err := s.store.GetRefreshTokenAlone(ctx, s.settings.Name, u.refresh.Digest)
	switch {
	case errors.Is(err, authz.ErrNotFound), err == nil && used.State == authz.Revoked:
		return nil, errInvalidGrant
	case err != nil:
		return nil, unavailable(err)
	}
	u.refresh = &used
	err = s.replayOrRevoke(ctx, u)
	if u.replay != nil {
		return u.replay, nil
	}
	return nil, translate(err)
}

// unavailable makes every failure of the database one that says: try again.
func unavailable(err error) error {
	if authz.KindOf(err) == authz.Unavailable || errors.Is(err, context.Canceled) {
		return err
	}
	return errUnavailable.Because(err)
}

// formRequest is the request fosite wants to see.
func formRequest(form url.Values) *http.Request {
	return &http.Request{Method: http.MethodPost, Form: form, PostForm: form, Header: http.Header{}}
}

// singleValued refuses repeated parameters (RFC 6749 section 3.2).
func singleValued(form url.Values) error {
	for name, values := range form {
		if len(values) > 1 && name != "resource" && name != "audience" {
			return fault(authz.Invalid, "invalid_request", "A parameter is given more than once.")
		}
	}
	return nil
}
