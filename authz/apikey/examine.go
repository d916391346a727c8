package apikey

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Delegations finds issuing delegations.
type Delegations interface {
	GetDelegation(ctx context.Context, issuer authz.IssuerName, id authz.DelegationID) (authz.Delegation, error)
}

// Examiner returns the slow look at a key, for authz/credential to keep: what
// Authenticate proves, as a credential of the issuer at url, good for audience.
func (k *Keys) Examiner(url string, audience []string, delegations Delegations) func(context.Context, authz.Secret) (*authz.Credential, error) {
	return func(ctx context.Context, text authz.Secret) (*authz.Credential, error) {
		key, lineage, err := k.Authenticate(ctx, text)
		if err != nil {
			return nil, err
		}
		known, err := k.cfg.Scopes(ctx)
		if err != nil {
			return nil, undecided(err)
		}
		c := credentialOf(known, key, lineage, url, audience)
		if key.Delegation == "" {
			return c, nil
		}
		d, err := delegations.GetDelegation(ctx, key.Issuer, key.Delegation)
		switch {
		case errors.Is(err, authz.ErrNotFound): // a key whose delegation is gone mints nothing
		case err != nil:
			return nil, undecided(err)
		default:
			c.Principal.Delegation = &d
		}
		return c, nil
	}
}

func credentialOf(known *authz.Scopes, key authz.APIKey, lineage authz.Lineage, url string, audience []string) *authz.Credential {
	subject := string(key.ServiceAccountID)
	left := known.Left(key.Bounds.Narrow(key.Environment, key.Scopes, key.Resources))
	in := authz.Introspection{
		Active: true, Scope: strings.Join(left.Scopes, " "), ClientID: subject, Sub: subject, TokenType: "Bearer",
		CredentialType: authz.CredentialAPIKey, Iat: key.CreatedAt.Unix(), Iss: url, Aud: audience,
		WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Environment: key.Environment, KeyID: key.ID,
	}
	if !left.Resources.Empty() {
		in.Resources = &left.Resources
	}
	ends := key.EndsAt()
	if !ends.IsZero() {
		in.Exp = ends.Unix()
	}
	return &authz.Credential{
		Principal: authz.Principal{
			Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Subject: subject,
			ClientID: authz.ClientID(subject), KeyID: key.ID, KeyItself: true, Environment: key.Environment,
			Scopes: left.Scopes,
		},
		Introspection: in, Refs: lineage.Refs(), EndsAt: ends, AllowedFrom: authz.Prefixes(key.IPAllowlist), Tier: key.Tier,
		Bounds: left.Bounds, Resources: key.Resources,
		KeyEpoch: key.Epoch,
	}
}
