package oauth

import (
	"context"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// keyHolder verifies an API key that was presented in the header, and there
// alone.
func (s *Server) keyHolder(ctx context.Context, in Request, text string) (*clientView, error) {
	if in.Form.Has("client_secret") || in.Form.Has("client_assertion") || in.Form.Has("client_assertion_type") { // RFC 6749 section 2.3
		return nil, errTwoWays
	}
	key, err := s.cfg.LookupKey(ctx, authz.Secret(text))
	if err != nil {
		return nil, keyFault(err)
	}
	names := []string{key.Principal.Subject, string(key.Principal.KeyID)}
	if in.Form.Has("client_id") && !slices.Contains(names, in.Form.Get("client_id")) {
		return nil, errTwoNames
	}
	return viewOfKey(key, s.audience()), nil
}

// presentedKey finds an API key in the Authorization header: as Bearer, or as
// the password of Basic under its own key id, which stock OAuth libraries can
// send.
func (s *Server) presentedKey(authorization string) (string, bool) {
	if scheme, text, ok := strings.Cut(authorization, " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(text), true
	}
	id, secret, ok := parseBasic(authorization)
	if !ok || !s.cfg.IsKey(secret) {
		return "", false
	}
	if !strings.HasPrefix(id, "key_") || !strings.Contains(secret, "_"+strings.TrimPrefix(id, "key_")) {
		return "", true // a key under another name is no key
	}
	return secret, true
}

// keyFault answers for a bad key as for any client that failed to prove itself.
func keyFault(err error) error {
	if authz.KindOf(err) == authz.Unauthenticated {
		return errInvalidClient.Because(err)
	}
	return err
}
