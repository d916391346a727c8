package oauth

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// hint is what an ID token we once issued says; it may have expired.
type hint struct {
	Issuer  string          `json:"iss"`
	Subject string          `json:"sub"`
	Client  authz.ClientID  `json:"aud"`
	SID     authz.SessionID `json:"sid"`
	Exp     *int64          `json:"exp"`
	Iat     *int64          `json:"iat"`
}

var errBadHint = fault(authz.Invalid, "invalid_request", "The ID token hint is not an ID token of this server for this application.")

// readHint takes an id_token_hint for what it says once our signature is
// proven (OpenID Connect Core section 3.1.2.1). No other kind of JWT passes
// for an ID token: its typ and its members tell.
func (s *Server) readHint(ctx context.Context, text string) (hint, error) {
	payload, typ, err := s.cfg.Signer.VerifyArchived(ctx, text)
	if err != nil {
		if authz.KindOf(err) != authz.Unauthenticated {
			return hint{}, err
		}
		return hint{}, errBadHint.Because(err)
	}
	var h hint
	if err := json.Unmarshal(payload, &h); err != nil {
		return hint{}, errBadHint.Because(errors.New("malformed claims"))
	}
	if typ != "JWT" || h.Issuer != s.settings.URL || h.Subject == "" || h.Client == "" || h.Exp == nil || h.Iat == nil {
		return hint{}, errBadHint.Because(errors.New("no ID token"))
	}
	return h, nil
}

// checkIDTokenHint remembers whom the client expects.
func checkIDTokenHint(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	text := req.Parameters.Get("id_token_hint")
	if text == "" {
		return nil
	}
	h, err := s.readHint(ctx, text)
	if err != nil {
		return err
	}
	if h.Client != req.Client.ID {
		return errBadHint.Because(errors.New("another client's"))
	}
	req.Subjects = append(req.Subjects, h.Subject)
	return nil
}
