package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// IssuerConfig names an issuer whose tokens are verified; every field is required.
type IssuerConfig struct {
	Issuer string
	// HTTP talks to the issuer. Give it outbound.NewClient.
	HTTP *http.Client
	Now  func() time.Time
}

// Issuer verifies what one upstream signed: tokens that come by themselves,
// with no sign-in around them, such as those of a CI runner's jobs. Its keys are
// found by discovery and kept as a Connector keeps them. It is safe for
// concurrent use.
type Issuer struct {
	config   IssuerConfig
	document cached[*keysDocument]
}

// keysDocument is the part of a discovery document that says where keys are:
// issuers without a sign-in have no endpoints but this.
type keysDocument struct {
	Issuer     string   `json:"issuer"`
	JWKSURL    string   `json:"jwks_uri"`
	Algorithms []string `json:"id_token_signing_alg_values_supported"`

	keys *KeySet
}

// NewIssuer returns an Issuer that has fetched nothing yet.
func NewIssuer(c IssuerConfig) (*Issuer, error) {
	if c.HTTP == nil || c.Now == nil {
		return nil, errors.New("oidc: HTTP client and clock are required")
	}
	if err := checkIssuer(c.Issuer); err != nil {
		return nil, err
	}
	i := &Issuer{config: c}
	i.document = cached[*keysDocument]{fetch: i.discover, now: c.Now, fresh: metadataFresh, limit: metadataLimit, gap: attemptGap}
	return i, nil
}

// Verify returns the payload of a compact JWS that one of the issuer's keys
// signed. What the payload says is not looked at. Every failure is an *idp.Error.
func (i *Issuer) Verify(ctx context.Context, raw string) ([]byte, error) {
	// What cannot be right is refused before anybody is asked about it.
	jws, err := parseJWS(raw, algorithms())
	if err != nil {
		return nil, err
	}
	if err := checkType(jws, typeJWT); err != nil {
		return nil, err
	}
	m, err := i.document.get(ctx)
	if err != nil {
		return nil, err
	}
	if !slices.Contains(m.Algorithms, jws.Signatures[0].Protected.Algorithm) {
		return nil, idp.Refuse(idp.ReasonAlg, errors.New("the algorithm is not one the issuer advertises"))
	}
	return m.keys.VerifySignature(ctx, raw)
}

// discover fetches the document (OpenID Connect Discovery section 4).
func (i *Issuer) discover(ctx context.Context) (*keysDocument, error) {
	doc, err := get(ctx, i.config.HTTP, strings.TrimSuffix(i.config.Issuer, "/")+wellKnown, maxMetadata)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if doc.status != http.StatusOK {
		return nil, unavailable(fmt.Errorf("discovery: status %d", doc.status))
	}
	m := new(keysDocument)
	if err := json.Unmarshal(doc.body, m); err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("discovery: %w", err))
	}
	if m.Issuer != i.config.Issuer {
		return nil, idp.Refuse(idp.ReasonIssuerMismatch, fmt.Errorf("the document is of issuer %.200q", m.Issuer))
	}
	if err := checkEndpoint(i.config.Issuer, m.JWKSURL); err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("jwks_uri: %w", err))
	}
	if len(m.Algorithms) == 0 {
		m.Algorithms = []string{"RS256"}
	}
	if before := i.document.peek(); before != nil && before.JWKSURL == m.JWKSURL {
		m.keys = before.keys
		return m, nil
	}
	m.keys = NewKeySet(KeySetConfig{URL: m.JWKSURL, HTTP: i.config.HTTP, Now: i.config.Now})
	return m, nil
}
