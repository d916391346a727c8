package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// maxAssertionLife is how long a client assertion may be good for at most: how
// long its jti must be remembered.
const maxAssertionLife = 10 * time.Minute

// KeySet verifies what the keys of one jwks_uri signed (idp/oidc.KeySet).
type KeySet interface {
	// VerifySignature returns the payload of a compact JWS. An error of kind
	// Unavailable says that the keys could not be had.
	VerifySignature(ctx context.Context, compact string) ([]byte, error)
}

// assertionClaims are those of RFC 7523 section 3.
type assertionClaims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	JTI      string          `json:"jti"`
	proof.Times
}

// assertedClient authenticates a client by private_key_jwt (OpenID Connect Core
// section 9, RFC 7523).
func (s *Server) assertedClient(ctx context.Context, in Request) (credential.AuthenticatedClient, error) {
	var none credential.AuthenticatedClient
	if in.Authorization != "" || in.Form.Has("client_secret") {
		return none, errInvalidClient // an assertion beside it must not lend weight to a secret, nor take any from it
	}
	text := in.Form.Get("client_assertion")
	if in.Form.Get("client_assertion_type") != assertionType {
		return none, errInvalidClient
	}
	token, err := proof.Read(text, proof.Algorithms())
	if err != nil {
		return none, errInvalidClient.Because(err)
	}
	var named assertionClaims
	if err := token.Unverified(&named); err != nil {
		return none, errInvalidClient.Because(err)
	}
	if in.Form.Has("client_id") && in.Form.Get("client_id") != named.Subject {
		return none, errInvalidClient
	}
	if !slices.Contains(s.settings.AuthMethods, authz.AuthPrivateKeyJWT) {
		return none, errInvalidClient
	}
	return s.cfg.Clients.Proven(ctx, authz.ClientID(named.Subject), authz.AuthPrivateKeyJWT, func(c authz.Client) error {
		return s.checkAssertion(ctx, c, token)
	})
}

// checkAssertion believes an assertion that the client signed for this issuer
// alone, once. The audience must be the issuer identifier and nothing else:
// an address, or a list, can be another server's too (RFC 10070).
func (s *Server) checkAssertion(ctx context.Context, c authz.Client, token *proof.Token) error {
	if alg := c.Metadata.AuthAlgorithm; alg != "" && alg != token.Header.Algorithm {
		return errInvalidClient
	}
	var claims assertionClaims
	if err := s.signedBy(ctx, c, token, &claims); err != nil {
		return clientFault(err)
	}
	var audience string
	if err := json.Unmarshal(claims.Audience, &audience); err != nil || audience != s.settings.URL {
		return errInvalidClient.Because(errors.New("the audience is not the issuer alone"))
	}
	now := s.clock.Now()
	expires, err := claims.Check(now, maxAssertionLife)
	switch {
	case err != nil || expires.IsZero():
		return errInvalidClient.Because(errors.Join(err, errors.New("not valid now")))
	case claims.Issuer != string(c.ID) || claims.Subject != string(c.ID):
		return errInvalidClient
	case claims.JTI == "" || len(claims.JTI) > 256:
		return errInvalidClient.Because(errors.New("the jti is missing or too long"))
	}
	err = s.useOnce(ctx, expires, "client assertion", string(c.ID), claims.JTI)
	if errors.Is(err, authz.ErrConsumed) {
		return errInvalidClient.Because(errors.New("the assertion was used before"))
	}
	return err
}

// clientFault answers for a key that did not fit as for any client that failed
// to prove itself.
func clientFault(err error) error {
	if authz.KindOf(err) == authz.Unavailable {
		return err
	}
	return errInvalidClient.Because(err)
}

// signedBy fills claims if one of the client's own keys signed the token.
func (s *Server) signedBy(ctx context.Context, c authz.Client, token *proof.Token, claims any) error {
	m := c.Metadata
	if len(m.JWKS) > 0 {
		keys, err := proof.ParseKeys(m.JWKS)
		if err != nil {
			return err
		}
		return token.Verify(keys, claims)
	}
	if m.JWKSURI == "" || s.cfg.RemoteKeys == nil {
		return errors.New("oauth: the client has no keys")
	}
	if _, err := s.cfg.RemoteKeys(m.JWKSURI).VerifySignature(ctx, token.Text()); err != nil {
		return err
	}
	return token.Unverified(claims) // which somebody vouches for now
}

// useOnce remembers an id until it expires by itself; ErrConsumed says that it
// was used before, at whichever endpoint and node.
func (s *Server) useOnce(ctx context.Context, until time.Time, names ...string) error {
	id, err := json.Marshal(append([]string{string(s.settings.Name)}, names...))
	if err != nil {
		return err
	}
	err = s.store.UseOnce(ctx, s.settings.Name, authz.Digest(string(id)), until)
	if err == nil || errors.Is(err, authz.ErrConsumed) {
		return err
	}
	return unavailable(err)
}
