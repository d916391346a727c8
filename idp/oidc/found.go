package oidc

import (
	"context"
	"strings"
)

// Found is what a look at the upstream brought, for an administrator.
type Found struct {
	Issuer, AuthorizationEndpoint, TokenEndpoint string
	Algorithms                                   []string
	// PKCE says that S256 is advertised; ACRValues and Claims what is.
	PKCE              bool
	ACRValues, Claims []string
	Keys              int
}

// Look fetches the discovery document and the keys anew and says what is there.
// It fails with *idp.Error.
func (c *Connector) Look(ctx context.Context) (Found, error) {
	m, err := c.metadata.refresh(ctx)
	if err != nil {
		return Found{}, err
	}
	if err := c.lookTenants(ctx); err != nil {
		return Found{}, err
	}
	keys, err := m.keys.cache.refresh(ctx)
	if err != nil {
		return Found{}, err
	}
	f := Found{
		Issuer: m.Issuer, AuthorizationEndpoint: m.AuthURL, TokenEndpoint: m.TokenURL, Algorithms: m.algorithms,
		ACRValues: m.ACRValues, Claims: m.Claims, Keys: keys.size(),
	}
	for _, method := range m.ChallengeMethods {
		f.PKCE = f.PKCE || strings.EqualFold(method, "S256")
	}
	return f, nil
}
