package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	gooidc "github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// How far the clocks may differ.
const (
	defaultSkew = 60 * time.Second
	maxSkew     = 180 * time.Second
)

// verify returns the claims of an ID token that is right in every respect
// (OpenID Connect Core section 3.1.3.7).
func (c *Connector) verify(ctx context.Context, m *metadata, t tokens, callback idp.Callback) (claims, error) {
	jws, err := parseJWS(t.IDToken, m.algorithms)
	if err != nil {
		return nil, err
	}
	if err := checkType(jws, typeJWT); err != nil {
		return nil, err
	}
	w := &witness{keys: m.keys}
	verifier := gooidc.NewVerifier(c.config.Issuer, w, &gooidc.Config{
		ClientID: c.config.ClientID, SupportedSigningAlgs: m.algorithms,
		Now: func() time.Time { return c.config.Now().Add(-c.config.Skew) },
	})
	token, err := verifier.Verify(ctx, t.IDToken)
	if w.err != nil {
		return nil, w.err
	}
	// Ours first: they give a reason where go-oidc gives a sentence.
	if refusal := c.check(w.claims, callback); refusal != nil {
		return nil, refusal
	}
	if err != nil {
		return nil, idp.Refuse(idp.ReasonIDToken, errors.New("refused by the verifier"))
	}
	// at_hash is optional in the code flow; several vendors leave it out.
	if token.AccessTokenHash != "" && token.VerifyAccessToken(t.AccessToken) != nil {
		return nil, idp.Refuse(idp.ReasonAtHash, nil)
	}
	return w.claims, nil
}

// Names of kinds of token, in the typ of their header.
const (
	typeJWT    = "jwt"
	typeLogout = "logout+jwt" // OpenID Connect Back-Channel Logout section 2.4
)

// checkType refuses other kinds of token by name (RFC 8725 section 3.11).
func checkType(jws *jose.JSONWebSignature, want string) error {
	typ, there := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]
	if !there {
		return nil
	}
	name, _ := typ.(string)
	if !strings.EqualFold(strings.TrimPrefix(strings.ToLower(name), "application/"), want) {
		return idp.Refuse(idp.ReasonType, fmt.Errorf("typ is not %s", want))
	}
	return nil
}

// witness sees the payload that go-oidc verifies and keeps the reason that
// go-oidc turns into text.
type witness struct {
	keys   gooidc.KeySet
	claims claims
	err    error
}

// VerifySignature passes on a payload without distributed claims: go-oidc
// refuses a token whose _claim_names lead nowhere, and nobody shall fetch them.
func (w *witness) VerifySignature(ctx context.Context, raw string) ([]byte, error) {
	payload, err := w.keys.VerifySignature(ctx, raw)
	if err != nil {
		w.err = err
		return nil, err
	}
	w.claims, err = parseClaims(payload)
	if err != nil {
		w.err = idp.Refuse(idp.ReasonIDToken, fmt.Errorf("claims: %w", err))
		return nil, w.err
	}
	plain := make(claims, len(w.claims))
	for name, value := range w.claims {
		if !strings.EqualFold(name, "_claim_names") && !strings.EqualFold(name, "_claim_sources") {
			plain[name] = value
		}
	}
	return json.Marshal(plain)
}
