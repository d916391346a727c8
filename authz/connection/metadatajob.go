package connection

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"reflect"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// How often the metadata of a provider is looked at: as its cacheDuration says,
// within these.
const (
	lookAfter   = 24 * time.Hour
	lookSoonest = time.Hour // also after a failure
	maxLooks    = 50        // in a round
)

// job is who acts when nobody does.
const job = "metadata refresh"

// LookDue looks at the metadata of the providers whose time has come, and warns
// of certificates that end; 50 connections at most. Callers hold a lease, so that
// one node does it.
func (s *Connections) LookDue(ctx context.Context) error {
	now := s.cfg.Clock.Now()
	if err := s.cfg.Store.BeginConnectionMetadataAcrossWorkspaces(ctx, s.cfg.Issuer, now, maxLooks); err != nil {
		return err
	}
	due, err := s.cfg.Store.ConnectionMetadataDueAcrossWorkspaces(ctx, s.cfg.Issuer, now, maxLooks)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range due {
		errs = append(errs, s.lookAt(ctx, m))
	}
	return errors.Join(errs...)
}

func (s *Connections) lookAt(ctx context.Context, m authz.ConnectionMetadata) error {
	c, err := s.cfg.Store.GetConnectionAcrossWorkspaces(ctx, m.Issuer, m.ConnectionID)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	if err != nil || c.State == authz.Deleted || !c.Has(authz.SAMLSide) {
		return s.cfg.Store.DropConnectionMetadata(ctx, m.Issuer, m.WorkspaceID, m.ConnectionID)
	}
	err = s.look(ctx, authz.Principal{Issuer: m.Issuer, Subject: job}, c, m)
	if errors.Is(err, authz.ErrConflict) || authz.KindOf(err) == authz.Stale {
		return nil // somebody changed it meanwhile: the next round looks again
	}
	return err
}

// outcome is what a look leads to, all in one transaction.
type outcome struct {
	metadata authz.ConnectionMetadata
	// believed is the connection with what may be believed at once; nil for
	// nothing.
	believed *authz.Connection
	events   []happening
}

type happening struct {
	typ     string
	details map[string]any
}

func (o *outcome) happened(typ string, details map[string]any) {
	o.events = append(o.events, happening{typ, details})
}

// look fetches newer metadata, if it is at an address, and holds certificates
// against the clock.
func (s *Connections) look(ctx context.Context, by authz.Principal, c authz.Connection, m authz.ConnectionMetadata) error {
	now := s.cfg.Clock.Now()
	o := outcome{metadata: m}
	o.metadata.CheckedAt, o.metadata.CheckAt = now, now.Add(spread(lookAfter))
	if c.SAML.MetadataURL != "" {
		newer, err := s.cfg.Upstreams.Newer(ctx, c)
		if err == nil {
			err = s.weigh(c, newer, now, &o)
		}
		if err != nil {
			o.failed(err, now)
		}
	}
	if err := s.warn(c, &o); err != nil {
		return err
	}
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := s.cfg.Store.PutConnectionMetadata(ctx, o.metadata); err != nil {
			return err
		}
		if o.believed != nil {
			if err := s.cfg.Store.UpdateConnection(ctx, *o.believed, c.State); err != nil {
				return err
			}
		}
		for _, e := range o.events {
			if err := s.record(ctx, by, c, e.typ, e.details); err != nil {
				return err
			}
		}
		return nil
	})
}

// failed notes that the metadata cannot be had: people sign in by what is known.
func (o *outcome) failed(err error, now time.Time) {
	if text := err.Error(); text != o.metadata.Problem {
		o.metadata.Problem = text
		o.happened("connection.metadata_failed", map[string]any{"problem": text, "severity": "P3"})
	}
	o.metadata.CheckAt = now.Add(spread(lookSoonest))
}

// weigh decides what becomes of newer metadata. Whoever can add a certificate, or
// move where people are sent to, can be the provider: that waits for an
// administrator, unless a key they pinned for it signed it.
func (s *Connections) weigh(c authz.Connection, newer Newer, now time.Time, o *outcome) error {
	changes, err := s.cfg.Upstreams.Compare(c, newer.SAML)
	if err != nil {
		return err
	}
	m := &o.metadata
	m.Problem, m.ValidUntil = "", newer.ValidUntil
	if newer.CacheFor > 0 {
		m.CheckAt = now.Add(spread(min(max(newer.CacheFor, lookSoonest), lookAfter)))
	}
	id := proposalID(newer.SAML)
	switch {
	case changes.None():
		m.Proposal, m.ProposedAt = nil, time.Time{}
	case !changes.Trusts() || newer.Signed:
		m.Proposal, m.ProposedAt = nil, time.Time{}
		next := c
		next.SAML, next.UpdatedAt = newer.SAML, now
		o.believed = &next
		details := changes.details()
		details["signed"] = newer.Signed
		o.happened("connection.metadata_changed", details)
	case id == m.Rejected || m.Proposal != nil && proposalID(m.Proposal) == id:
	default:
		m.Proposal, m.ProposedAt = newer.SAML, now
		details := changes.details()
		details["severity"], details["proposal"] = "P2", id
		o.happened("connection.metadata_proposed", details)
	}
	return nil
}

// warn tells of certificates that end, once for each of 30, 14, 7, 1 and 0 days.
func (s *Connections) warn(c authz.Connection, o *outcome) error {
	if o.believed != nil {
		c = *o.believed
	}
	expiries, err := s.cfg.Upstreams.Expiries(c)
	if err != nil {
		return err
	}
	warned := map[string]int{}
	for _, e := range expiries {
		before, told := o.metadata.Warned[e.Fingerprint]
		if warned[e.Fingerprint] = e.Days; told && before <= e.Days {
			warned[e.Fingerprint] = before
			continue
		}
		severity := "P3"
		if e.Last && e.Days <= 7 {
			severity = "P2"
		}
		o.happened("connection.certificate_expiring", map[string]any{
			"fingerprint": e.Fingerprint, "ours": e.Ours, "days": e.Days, "last": e.Last, "not_after": e.NotAfter.UTC().Format(time.RFC3339), "severity": severity,
		})
	}
	if !reflect.DeepEqual(warned, o.metadata.Warned) {
		o.metadata.Warned = maps.Clone(warned)
	}
	return nil
}

// spread is the time less up to a tenth, so that providers of one vendor are not
// all asked at once.
func spread(d time.Duration) time.Duration {
	return d - rand.N(d/10) //nolint:gosec // it spreads load, nothing else
}
