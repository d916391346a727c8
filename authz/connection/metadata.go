package connection

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// metadataStore keeps what is known of the metadata of providers.
type metadataStore interface {
	BeginConnectionMetadataAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) error
	ConnectionMetadataDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.ConnectionMetadata, error)
	GetConnectionMetadata(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) (authz.ConnectionMetadata, error)
	// PutConnectionMetadata fails with authz.ErrConflict when another wrote since
	// Revision.
	PutConnectionMetadata(ctx context.Context, m authz.ConnectionMetadata) error
	DropConnectionMetadata(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) error
	GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error)
}

// Certificate is one, as an administrator compares it.
type Certificate struct {
	Fingerprint string // SHA-256 of it, in hex
	Subject     string
	NotAfter    time.Time
}

// Newer is what metadata that was fetched just now says.
type Newer struct {
	// SAML is the provider as it says, with an administrator's words as they were.
	SAML *authz.SAMLUpstream
	// Signed says that a key an administrator pinned for it signed it.
	Signed bool
	// CacheFor is how long it may be kept; 0 if untold. ValidUntil is its end; zero
	// if untold.
	CacheFor   time.Duration
	ValidUntil time.Time
}

// MetadataChanges are what newer metadata says otherwise.
type MetadataChanges struct {
	Added, Removed []Certificate
	// Endpoints are the kinds of addresses that differ: SSO, SLO.
	Endpoints []string
}

// None reports whether nothing differs.
func (c MetadataChanges) None() bool { return len(c.Added)+len(c.Removed)+len(c.Endpoints) == 0 }

// Trusts reports whether more would be trusted than before: a new certificate,
// or another place that people are sent to. One that is removed only narrows.
func (c MetadataChanges) Trusts() bool { return len(c.Added)+len(c.Endpoints) > 0 }

// Expiry is a certificate that ends soon, or has.
type Expiry struct {
	Certificate
	// Ours says that it is ours, not the provider's.
	Ours bool
	// Days are how many of 30, 14, 7, 1 or 0 are left at most.
	Days int
	// Last says that none outlives it: what it is for ends with it.
	Last bool
}

// MetadataState is what is known of the metadata of a connection.
type MetadataState struct {
	CheckedAt, CheckAt time.Time // zero for never
	Problem            string
	Proposal           *Proposal // nil for none
	Expiries           []Expiry
	OurKeys            []Certificate // the one in use first
}

// Proposal is newer metadata that waits for an administrator.
type Proposal struct {
	ID      string
	FoundAt time.Time
	MetadataChanges
}

// proposalID names what is proposed, so that nobody approves something else than
// they looked at.
func proposalID(p *authz.SAMLUpstream) string {
	raw, _ := json.Marshal(p) // of texts and bytes alone
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:12])
}

// Metadata says what is known of the metadata of a connection's provider:
// nothing where there is none of SAML.
func (s *Connections) Metadata(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (MetadataState, error) {
	c, m, err := s.known(ctx, by, ws, id)
	if errors.Is(err, errNoSAML) {
		return MetadataState{}, nil
	}
	if err != nil {
		return MetadataState{}, err
	}
	return s.state(c, m)
}

var errNoSAML = authz.NewError(authz.Conflict, "no_saml", "The connection has no side of SAML.")

// known is a connection with a side of SAML, and what is known of its metadata.
func (s *Connections) known(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, authz.ConnectionMetadata, error) {
	c, err := s.Get(ctx, by, ws, id)
	if err != nil {
		return c, authz.ConnectionMetadata{}, err
	}
	if !c.Has(authz.SAMLSide) {
		return c, authz.ConnectionMetadata{}, errNoSAML
	}
	m, err := s.cfg.Store.GetConnectionMetadata(ctx, s.cfg.Issuer, ws, id)
	if errors.Is(err, authz.ErrNotFound) {
		return c, authz.ConnectionMetadata{Issuer: c.Issuer, WorkspaceID: ws, ConnectionID: id, Warned: map[string]int{}}, nil
	}
	return c, m, err
}

func (s *Connections) state(c authz.Connection, m authz.ConnectionMetadata) (MetadataState, error) {
	out := MetadataState{CheckedAt: m.CheckedAt, CheckAt: m.CheckAt, Problem: m.Problem}
	var err error
	if out.Expiries, err = s.cfg.Upstreams.Expiries(c); err != nil {
		return out, err
	}
	if out.OurKeys, err = s.cfg.Upstreams.SAMLKeys(c); err != nil || m.Proposal == nil {
		return out, err
	}
	changes, err := s.cfg.Upstreams.Compare(c, m.Proposal)
	if err == nil && !changes.None() && m.Proposal.MetadataURL == c.SAML.MetadataURL { // an administrator may have given the same metadata meanwhile
		out.Proposal = &Proposal{ID: proposalID(m.Proposal), FoundAt: m.ProposedAt, MetadataChanges: changes}
	}
	return out, err
}

// RefreshMetadata looks at the provider's metadata now.
func (s *Connections) RefreshMetadata(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (MetadataState, error) {
	c, m, err := s.known(ctx, by, ws, id)
	if err != nil {
		return MetadataState{}, err
	}
	if c.SAML.MetadataURL == "" {
		return MetadataState{}, authz.NewError(authz.Conflict, "no_metadata_url", "The metadata of this provider is at no address; give the newer document.")
	}
	if err := s.look(ctx, by, c, m); err != nil {
		return MetadataState{}, err
	}
	return s.Metadata(ctx, by, ws, id)
}

var errNoProposal = authz.NewError(authz.Conflict, "proposal_gone", "There is no such proposal any more: look at what is proposed now.")

// ApproveMetadata believes what newer metadata proposes. What is approved is
// named, so that it is what was looked at.
func (s *Connections) ApproveMetadata(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, proposal string) (authz.Connection, error) {
	c, m, err := s.known(ctx, by, ws, id)
	if err != nil {
		return c, err
	}
	// What another address said is not proposed any more.
	if m.Proposal == nil || proposalID(m.Proposal) != proposal || m.Proposal.MetadataURL != c.SAML.MetadataURL {
		return c, errNoProposal
	}
	changes, err := s.cfg.Upstreams.Compare(c, m.Proposal)
	if err != nil {
		return c, errNoProposal.Because(err)
	}
	before := c
	believed := *m.Proposal
	words(&believed, c.SAML)
	c.SAML, c.UpdatedAt = &believed, s.cfg.Clock.Now()
	if sideChanged(before, c, authz.SAMLSide) {
		c.Tested = without(c.Tested, authz.SAMLSide)
	}
	m.Proposal, m.ProposedAt = nil, time.Time{}
	err = s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.PutConnectionMetadata(ctx, m); err != nil {
			return err
		}
		if err := s.cfg.Store.UpdateConnection(ctx, c, c.State); err != nil {
			return err
		}
		return s.record(ctx, by, c, "connection.metadata_approved", changes.details())
	})
	c.Revision++
	return c, err
}

// RejectMetadata says no to what newer metadata proposes; the same is not
// proposed again.
func (s *Connections) RejectMetadata(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, proposal string) error {
	c, m, err := s.known(ctx, by, ws, id)
	if err != nil {
		return err
	}
	if m.Proposal == nil || proposalID(m.Proposal) != proposal {
		return errNoProposal
	}
	m.Proposal, m.ProposedAt, m.Rejected = nil, time.Time{}, proposal
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.PutConnectionMetadata(ctx, m); err != nil {
			return err
		}
		return s.record(ctx, by, c, "connection.metadata_rejected", map[string]any{"proposal": proposal})
	})
}

func (c MetadataChanges) details() map[string]any {
	return map[string]any{"added": fingerprints(c.Added), "removed": fingerprints(c.Removed), "endpoints": c.Endpoints}
}

func fingerprints(list []Certificate) []string {
	out := make([]string, 0, len(list))
	for _, one := range list {
		out = append(out, one.Fingerprint)
	}
	return out
}
