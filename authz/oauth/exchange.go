package oauth

import (
	"context"
	"errors"
	"strings"

	"github.com/ory/fosite"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Kinds of token that are exchanged (RFC 8693 section 3), and ours for API keys.
const (
	TypeAccessToken = "urn:ietf:params:oauth:token-type:access_token"
	TypeJWT         = "urn:ietf:params:oauth:token-type:jwt"
	TypeAPIKey      = "urn:gatehouse:params:oauth:token-type:api_key"
)

// Refusals of an exchange (RFC 8693 section 2.2.2). Whatever is wrong with a
// token is one answer: it tells nobody whose token it is, nor whether it ever
// was one.
var (
	errSubject = fault(authz.Invalid, "invalid_request",
		"The subject token or actor token is unknown, expired, revoked, used before, or not for this client to exchange.")
	errExchangeForm = fault(authz.Invalid, "invalid_request",
		"subject_token and a subject_token_type this server exchanges are required; an actor_token is an access token; what is issued is an access token.")
	errExchangedTooOften = fault(authz.Invalid, "invalid_request", "The token came of too many exchanges.")
)

// refusal is why an exchange was refused, in a fixed word for the audit trail.
type refusal string

// Error returns the word.
func (r refusal) Error() string { return string(r) }

func refuse(why string) error { return errSubject.Because(refusal(why)) }

// exchangeToken answers a token exchange (RFC 8693): a token, a key or a
// workload's own token for an access token that is never wider, lives no
// longer, and ends with everything the subject hangs on.
func (s *Server) exchangeToken(ctx context.Context, in Request) (*TokenResponse, error) {
	view, err := s.exchanger(ctx, in)
	if err != nil {
		return nil, err
	}
	u := &unit{client: view, askedDetails: in.Form.Get("authorization_details")}
	if u.confirmation, err = s.confirm(ctx, in, view.client); err != nil {
		return nil, err
	}
	resp, err := s.exchanged(withUnit(ctx, u), u, in)
	for looks := 1; errors.Is(err, errKeyMoved) && looks < keyLooks; looks++ {
		resp, err = s.exchanged(withUnit(ctx, u), u, in)
	}
	if u.storeErr != nil {
		return nil, unavailable(u.storeErr)
	}
	if err != nil {
		return nil, s.refusedExchange(ctx, u, in, err)
	}
	return resp, nil
}

// exchanger is whoever asks: a client, or a workload that has no client and
// nothing but its token.
func (s *Server) exchanger(ctx context.Context, in Request) (*clientView, error) {
	if alone(in) {
		return &clientView{grantTypes: fosite.Arguments{authz.GrantTokenExchange}}, nil
	}
	view, err := s.caller(ctx, in)
	if err != nil {
		return nil, err
	}
	if s.cfg.Allow != nil {
		return view, s.cfg.Allow(view.id)
	}
	return view, nil
}

// alone reports whether a workload comes without a client: it names none, or
// the service account it works as.
func alone(in Request) bool {
	id := in.Form.Get("client_id")
	return in.Authorization == "" && in.Form.Get("subject_token_type") == TypeJWT && (id == "" || strings.HasPrefix(id, "sa_")) &&
		!in.Form.Has("client_secret") && !in.Form.Has("client_assertion") && !in.Form.Has("client_assertion_type")
}

// exchanged proves the subject, narrows what it may, and writes it down.
func (s *Server) exchanged(ctx context.Context, u *unit, in Request) (*TokenResponse, error) {
	if err := checkExchange(u.client, in); err != nil {
		return nil, err
	}
	sub, err := s.subjectOf(ctx, u, in)
	if err != nil {
		return nil, err
	}
	if err := s.act(ctx, u, &sub, in.Form); err != nil {
		return nil, err
	}
	if err := s.bound(u, &sub, in.Form); err != nil {
		return nil, err
	}
	lineage, err := s.store.Lineage(ctx, sub.grant.Refs())
	if err != nil {
		return nil, u.failed(err)
	}
	if !lineage.Usable() {
		return nil, refuse("ancestor_inactive")
	}
	if sub.grant.KeyID != "" && lineage.Epoch(authz.APIKeyNode) != sub.grant.KeyEpoch {
		return nil, errKeyMoved // it may be less now than what was read of it
	}
	sub.grant.Lineage = lineage.Sum()
	if err := s.conditionExchange(ctx, u, &sub); err != nil {
		return nil, err
	}
	text, err := s.exchangedText(ctx, u, &sub)
	if err != nil {
		return nil, err
	}
	if err := s.writeExchange(ctx, u, sub, in); err != nil {
		return nil, err
	}
	return &TokenResponse{
		AccessToken: authz.Secret(text), IssuedTokenType: TypeAccessToken, TokenType: u.newAccess.Confirmation.TokenType(),
		ExpiresIn: int64(u.newAccess.ExpiresAt.Sub(u.newAccess.IssuedAt).Seconds()), Scope: joinScopes(u.newAccess.Scopes),
		Details: u.newAccess.Details,
	}, nil
}

// checkExchange looks at the form of a request and at whether its sender may
// ask at all. A client without a secret proves nothing: it brings a workload's
// token, which proves itself.
func checkExchange(view *clientView, in Request) error {
	if !view.grantTypes.Has(authz.GrantTokenExchange) || view.public && in.Form.Get("subject_token_type") != TypeJWT {
		return errUnauthorizedClient
	}
	requested := in.Form.Get("requested_token_type")
	if in.Form.Get("subject_token") == "" || requested != "" && requested != TypeAccessToken {
		return errExchangeForm
	}
	if in.Form.Has("actor_token") != in.Form.Has("actor_token_type") {
		return errExchangeForm
	}
	if in.Form.Has("actor_token") && in.Form.Get("actor_token_type") != TypeAccessToken {
		return errExchangeForm
	}
	return nil
}
