package oidc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// metadata is the part of a discovery document that is used (OpenID Connect
// Discovery section 3, RFC 8414 section 2, RFC 9207 section 3).
type metadata struct {
	Issuer        string   `json:"issuer"`
	AuthURL       string   `json:"authorization_endpoint"`
	TokenURL      string   `json:"token_endpoint"`
	UserInfoURL   string   `json:"userinfo_endpoint"`
	JWKSURL       string   `json:"jwks_uri"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
	AuthMethods   []string `json:"token_endpoint_auth_methods_supported"`
	IssInResponse bool     `json:"authorization_response_iss_parameter_supported"`
	// For an administrator to know of; nothing is decided by them.
	ACRValues        []string `json:"acr_values_supported"`
	Claims           []string `json:"claims_supported"`
	ChallengeMethods []string `json:"code_challenge_methods_supported"`

	algorithms []string // advertised and allowed
	keys       *KeySet
}

// discover fetches the discovery document of the configured issuer.
func (c *Connector) discover(ctx context.Context) (*metadata, error) {
	doc, err := get(ctx, c.config.HTTP, strings.TrimSuffix(c.config.Issuer, "/")+wellKnown, maxMetadata)
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if doc.status != http.StatusOK {
		return nil, unavailable(fmt.Errorf("discovery: status %d", doc.status))
	}
	m := new(metadata)
	if err := json.Unmarshal(doc.body, m); err != nil {
		return nil, idp.Refuse(idp.ReasonMetadata, fmt.Errorf("discovery: %w", err))
	}
	if err := m.check(c.config); err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	if before := c.metadata.peek(); before != nil && before.JWKSURL == m.JWKSURL {
		m.keys = before.keys
	} else {
		m.keys = NewKeySet(KeySetConfig{URL: m.JWKSURL, HTTP: c.config.HTTP, Now: c.config.Now})
	}
	return m, nil
}

// check refuses a document that is another issuer's (OpenID Connect Discovery
// section 4.3) or that cannot be used.
func (m *metadata) check(c Config) error {
	want := c.Issuer
	if c.ManyTenants { // it tells a template, which nothing is held against
		want = tenantIssuer(c.Issuer, "{tenantid}")
	}
	if m.Issuer != want {
		return idp.Refuse(idp.ReasonIssuerMismatch, fmt.Errorf("the document is of issuer %.200q", m.Issuer))
	}
	for name, endpoint := range map[string]string{
		"authorization_endpoint": m.AuthURL, "token_endpoint": m.TokenURL, "jwks_uri": m.JWKSURL,
	} {
		if err := checkEndpoint(c.Issuer, endpoint); err != nil {
			return idp.Refuse(idp.ReasonMetadata, fmt.Errorf("%s: %w", name, err))
		}
	}
	if m.UserInfoURL != "" {
		if err := checkEndpoint(c.Issuer, m.UserInfoURL); err != nil {
			return idp.Refuse(idp.ReasonMetadata, fmt.Errorf("userinfo_endpoint: %w", err))
		}
	}
	if len(m.Algorithms) == 0 {
		m.Algorithms = []string{"RS256"}
	}
	for _, alg := range c.Algorithms {
		if slices.Contains(m.Algorithms, alg) {
			m.algorithms = append(m.algorithms, alg)
		}
	}
	if len(m.algorithms) == 0 {
		return idp.Refuse(idp.ReasonAlg, errors.New("no algorithm is both advertised and allowed"))
	}
	return nil
}

// checkEndpoint demands https, except of an issuer that is itself on http:
// no document may lead a browser or a client secret to a lesser transport.
func checkEndpoint(issuer, endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("not an absolute URL")
	}
	if u.Scheme == "https" || (u.Scheme == "http" && strings.HasPrefix(issuer, "http:")) {
		return nil
	}
	return errors.New("https required")
}
