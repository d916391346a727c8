package oidc

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// The issuers of Entra ID that stand for many tenants, and the hosts of its
// clouds.
var (
	manyTenants = regexp.MustCompile(`^(https?://[^/]+/)(?:common|organizations)/v2\.0$`)
	entraHost   = regexp.MustCompile(`^https://login\.(?:microsoftonline\.com|microsoftonline\.us|partner\.microsoftonline\.cn|chinacloudapi\.cn)/`)
	tenantID    = regexp.MustCompile(`^[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// maxTenants bounds those of one connection.
const maxTenants = 50

// ManyTenants reports whether the issuer of a connection of that vendor stands
// for every tenant of Entra ID, in place of one.
func ManyTenants(issuer, vendor string) bool {
	return manyTenants.MatchString(issuer) && (vendor == "entra" || entraHost.MatchString(issuer))
}

// tenantIssuer is the issuer of one tenant, beside one that stands for many.
func tenantIssuer(many, tenant string) string {
	return manyTenants.FindStringSubmatch(many)[1] + tenant + "/v2.0"
}

// checkTenants holds the tenants against the issuer: who are let in by an issuer
// that anybody in the world may belong to must be said.
func (c *Config) checkTenants() error {
	switch {
	case !c.ManyTenants && len(c.Tenants) > 0:
		return errors.New("oidc: tenants are for an issuer that stands for many, https://login.microsoftonline.com/organizations/v2.0")
	case !c.ManyTenants:
		return nil
	case !manyTenants.MatchString(c.Issuer):
		return errors.New("oidc: the issuer does not stand for many tenants")
	case len(c.Tenants) == 0:
		return errors.New("oidc: the issuer stands for every tenant of Entra ID: list the ids of those whose people may sign in (oidc.settings.tenants), or give the issuer of one, https://login.microsoftonline.com/<tenant id>/v2.0")
	case len(c.Tenants) > maxTenants:
		return fmt.Errorf("oidc: at most %d tenants", maxTenants)
	case !slices.Contains(c.Mapping.Subject, "tid"):
		return errors.New("oidc: of several tenants the tenant is part of who somebody is: subject must name tid")
	case len(c.Tenants) > 1 && len(c.Mapping.Link) > 0 && !slices.Contains(c.Mapping.Link, "tid"):
		return errors.New("oidc: of several tenants one could call its people what another calls its own: link_key must name tid")
	}
	for _, tenant := range c.Tenants {
		if !tenantID.MatchString(tenant) {
			return fmt.Errorf("oidc: tenants: %.80q is no id of a tenant, as 8 groups of digits are told in the overview of Entra ID", tenant)
		}
	}
	return nil
}

// perTenant are connectors that believe one tenant each: its own issuer, by its
// own discovery document and keys. The document of many is good for endpoints
// alone.
func perTenant(c Config) (map[string]*Connector, error) {
	if !c.ManyTenants {
		return nil, nil
	}
	all := make(map[string]*Connector, len(c.Tenants))
	for _, tenant := range c.Tenants {
		one := c
		one.Issuer, one.Tenant, one.ManyTenants, one.Tenants, one.Observe = tenantIssuer(c.Issuer, strings.ToLower(tenant)), tenant, false, nil, nil // HTTP observes
		connector, err := New(one)
		if err != nil {
			return nil, err
		}
		all[strings.ToLower(tenant)] = connector
	}
	return all, nil
}

// believing is the connector that is to judge a token, with the metadata it
// judges by: of the tenant that the token names, unread otherwise, if that is one
// of the connection's.
func (c *Connector) believing(ctx context.Context, raw string, m *metadata) (*Connector, *metadata, error) {
	if c.tenants == nil {
		return c, m, nil
	}
	jws, err := parseJWS(raw, c.config.Algorithms)
	if err != nil {
		return nil, nil, err
	}
	unverified, err := parseClaims(jws.UnsafePayloadWithoutVerification())
	if err != nil {
		return nil, nil, idp.Refuse(idp.ReasonIDToken, fmt.Errorf("claims: %w", err))
	}
	one := c.tenants[strings.ToLower(unverified.text("tid"))]
	if one == nil {
		return nil, nil, idp.Refuse(idp.ReasonTenant, errors.New("tid is not one of the connection's tenants"))
	}
	m, err = one.metadata.get(ctx)
	return one, m, err
}

// speaks reports whether an answer that names its issuer is of this upstream.
func (c *Connector) speaks(issuer string) bool {
	if issuer == c.config.Issuer {
		return true
	}
	for _, one := range c.tenants {
		if issuer == one.config.Issuer {
			return true
		}
	}
	return false
}

// lookTenants fetches the documents and the keys of every tenant anew.
func (c *Connector) lookTenants(ctx context.Context) error {
	for tenant, one := range c.tenants {
		if _, err := one.Look(ctx); err != nil {
			return fmt.Errorf("tenant %s: %w", tenant, err)
		}
	}
	return nil
}
