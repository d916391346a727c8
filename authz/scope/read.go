package scope

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// List returns the scopes as they stand, to everybody of the issuer: what may be
// asked for is no secret.
func (c *Catalogue) List(ctx context.Context, by authz.Principal) (*authz.Scopes, error) {
	if by.Issuer != c.cfg.Issuer {
		return nil, authz.ErrNotFound
	}
	return c.Current(ctx)
}

// At returns the scopes as they stood in a version.
func (c *Catalogue) At(ctx context.Context, by authz.Principal, version int64) (*authz.Scopes, error) {
	if err := c.mayRead(by); err != nil {
		return nil, err
	}
	v, err := c.cfg.Store.GetScopesVersion(ctx, c.cfg.Issuer, version)
	if err != nil {
		return nil, err
	}
	return authz.NewScopes(c.cfg.BuiltIn, v), nil
}

// Versions lists at most limit changes below the version given (0 for all), the
// newest first. A hundred are kept.
func (c *Catalogue) Versions(ctx context.Context, by authz.Principal, below int64, limit int) ([]authz.ScopesVersion, error) {
	if err := c.mayRead(by); err != nil {
		return nil, err
	}
	return c.cfg.Store.ListScopesVersions(ctx, c.cfg.Issuer, below, limit)
}
