package oidc

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
)

// Probe asks the upstream whether people can sign in there: its token endpoint,
// with a code that is none, which it refuses when it is well; and for its
// discovery document and its keys where there is no good copy of them. It fails
// with *idp.Error.
func (c *Connector) Probe(ctx context.Context) error {
	m, err := c.metadata.get(ctx)
	if err != nil {
		return err
	}
	if _, err := m.keys.cache.get(ctx); err != nil {
		return err
	}
	req, err := c.tokenRequest(ctx, m, c.redemption("probe-"+rand.Text(), rand.Text()+rand.Text()))
	if err != nil {
		return err
	}
	a, err := send(c.config.HTTP, req, maxTokens)
	if err != nil {
		return err
	}
	if a.status >= http.StatusInternalServerError {
		return unavailable(fmt.Errorf("token endpoint: status %d", a.status))
	}
	return nil
}
