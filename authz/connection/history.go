package connection

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// historyStore keeps what connections came to be.
type historyStore interface {
	KeepConnectionRevision(ctx context.Context, r authz.ConnectionRevision, keep int64) error
	ListConnectionRevisions(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID, limit int) ([]authz.ConnectionRevision, error)
}

// maxRevisions is how many revisions of a connection are remembered.
const maxRevisions = 100

func (s *Connections) remember(ctx context.Context, by authz.Principal, c authz.Connection) error {
	return s.cfg.Store.KeepConnectionRevision(ctx, authz.ConnectionRevision{Connection: c, Actor: by.Subject, At: s.cfg.Clock.Now()}, maxRevisions)
}

// History lists the last hundred revisions of a connection, newest first.
func (s *Connections) History(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) ([]authz.ConnectionRevision, error) {
	if _, err := s.Get(ctx, by, ws, id); err != nil {
		return nil, err
	}
	return s.cfg.Store.ListConnectionRevisions(ctx, s.cfg.Issuer, ws, id, maxRevisions)
}

// RollBack gives a connection the settings of an earlier revision, as a change
// like any other: what may not be decided any more is refused, and sides that
// differ are tested anew. Secrets, domains, state, what groups give and what
// came from metadata stay as they are: a certificate that went is not believed
// again.
func (s *Connections) RollBack(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, revision, to int64) (authz.Connection, error) {
	history, err := s.History(ctx, by, ws, id)
	if err != nil {
		return authz.Connection{}, err
	}
	for _, r := range history {
		if r.Connection.Revision == to {
			return s.replace(ctx, by, ws, id, revision, func(_ context.Context, c authz.Connection) (authz.Connection, error) {
				c = restored(c, r.Connection)
				return c, s.check(c)
			})
		}
	}
	return authz.Connection{}, invalid("revision", "is not one that is remembered")
}

// restored is a connection with what an administrator decided in another
// revision of it.
func restored(c, of authz.Connection) authz.Connection {
	c.Name, c.Vendor, c.JIT, c.Fallback, c.Numbers = of.Name, of.Vendor, of.JIT, of.Fallback, of.Numbers
	c.UpstreamIssuer, c.ClientID, c.Scopes, c.OIDC = of.UpstreamIssuer, of.ClientID, of.Scopes, of.OIDC
	if c.SAML == nil || of.SAML == nil || c.SAML.EntityID != of.SAML.EntityID {
		c.SAML = of.SAML
		return c
	}
	said := *c.SAML
	words(&said, of.SAML)
	c.SAML = &said
	return c
}
