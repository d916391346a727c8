package connection

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// Rows is what Known reads of the store.
type Rows interface {
	GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error)
	ConnectionByDomainAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, domain string) (authz.Connection, error)
	SessionAncestors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, c authz.ConnectionID, user authz.UserID) (authz.Lineage, error)
}

// maxKnown bounds the connections remembered, in bytes, and maxStands what they
// stand on, in number.
const (
	maxKnown  = 32 << 20
	maxStands = 10_000
)

// Known remembers the connections that people sign in by under their epochs:
// each changes a few times in its life, and is read twice in every sign-in. What
// is remembered must not be changed, and lets nobody in by itself: whether the
// connection stands is asked again where a session is made.
type Known struct {
	issuer authz.IssuerName
	rows   Rows
	known  *credential.Memory[authz.Connection]
	stands *credential.Memory[authz.Lineage]
}

// NewKnown returns a Known that remembers nothing yet; everything is required.
func NewKnown(issuer authz.IssuerName, rows Rows, epochs *credential.Epochs, lease *credential.Lease) (*Known, error) {
	if issuer == "" || rows == nil || epochs == nil || lease == nil {
		return nil, errors.New("connection: an issuer, rows, epochs and a lease are required")
	}
	return &Known{
		issuer: issuer, rows: rows, known: credential.NewMemory(epochs, lease, maxKnown, weight),
		stands: credential.NewMemory[authz.Lineage](epochs, lease, maxStands, nil),
	}, nil
}

// Ancestors are what every session by the connection stands on beside its
// person: account, workspace and connection. A session that keeps the sum of
// epochs which have moved by then is dead from the beginning.
func (k *Known) Ancestors(ctx context.Context, c authz.Connection) (authz.Lineage, error) {
	key := sha256.Sum256([]byte(c.ID))
	stands, err := k.stands.Get(key, func() (authz.Lineage, []authz.NodeRef, error) {
		found, err := k.rows.SessionAncestors(ctx, k.issuer, c.WorkspaceID, c.ID, "")
		found = slices.DeleteFunc(found, func(n authz.Node) bool { return n.Kind == authz.UserNode })
		return found, found.Refs(), err
	})
	return slices.Clone(stands), err
}

// Get returns a connection in any state, or ErrNotFound.
func (k *Known) Get(ctx context.Context, id authz.ConnectionID) (authz.Connection, error) {
	return k.find("id "+string(id), func() (authz.Connection, error) {
		return k.rows.GetConnectionAcrossWorkspaces(ctx, k.issuer, id)
	})
}

// ByDomain returns the connection that a domain, in lower case, routes to, in
// any state but deleted; or ErrNotFound.
func (k *Known) ByDomain(ctx context.Context, domain string) (authz.Connection, error) {
	return k.find("domain "+domain, func() (authz.Connection, error) {
		return k.rows.ConnectionByDomainAcrossWorkspaces(ctx, k.issuer, domain)
	})
}

func (k *Known) find(by string, read func() (authz.Connection, error)) (authz.Connection, error) {
	return k.known.Get(sha256.Sum256([]byte(by)), func() (authz.Connection, []authz.NodeRef, error) {
		c, err := read()
		return c, []authz.NodeRef{{Kind: authz.ConnectionNode, ID: string(c.ID)}}, err
	})
}

// weight is about the room that a connection takes, in bytes.
func weight(c authz.Connection) int {
	size := 4096 + len(c.ClientSecret) + len(c.SAMLKey) + 128*len(c.Groups)
	for _, domain := range c.Domains {
		size += 16 + len(domain)
	}
	if c.SAML != nil {
		for _, certificate := range slices.Concat(c.SAML.Certificates, c.SAML.MetadataCertificates) {
			size += 24 + len(certificate)
		}
	}
	return size
}
