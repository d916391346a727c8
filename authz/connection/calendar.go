package connection

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// EndKind is what ends.
type EndKind string

// The kinds.
const (
	ProviderCertificate EndKind = "provider_certificate" // what a provider of SAML signs with
	OurCertificate      EndKind = "our_certificate"      // what we sign with there, and is encrypted to
	SetupLinkEnd        EndKind = "setup_link"
	OverrideEnd         EndKind = "override" // people sign in by SAML until then
	MetadataEnd         EndKind = "metadata" // a provider's document, as it was last seen at its address
)

// End is something at a connection that ends, or has.
type End struct {
	Connection authz.Connection
	Kind       EndKind
	At         time.Time
	// Name is the fingerprint of a certificate, or the id of a link.
	Name string
	// Last says that no other certificate of its kind outlives it: people cannot
	// sign in by SAML any more.
	Last bool
}

// Calendar lists what ends at the connections of a workspace until then, the
// soonest first, what has ended too: all there is when until is zero.
func (s *Connections) Calendar(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, until time.Time) ([]End, error) {
	all, err := s.List(ctx, by, ws)
	if err != nil {
		return nil, err
	}
	ends := []End{}
	for _, c := range all {
		if c.State == authz.Deleted {
			continue
		}
		some, err := s.endsOf(ctx, c)
		if err != nil {
			return nil, err
		}
		for _, e := range some {
			if until.IsZero() || !e.At.After(until) {
				ends = append(ends, e)
			}
		}
	}
	slices.SortStableFunc(ends, func(a, b End) int { return a.At.Compare(b.At) })
	return ends, nil
}

func (s *Connections) endsOf(ctx context.Context, c authz.Connection) ([]End, error) {
	var ends []End
	if c.Has(authz.SAMLSide) {
		theirs, err := s.cfg.Upstreams.ProviderCertificates(c)
		if err != nil {
			return nil, err
		}
		ours, err := s.cfg.Upstreams.SAMLKeys(c)
		if err != nil {
			return nil, err
		}
		ends = append(certificateEnds(c, ProviderCertificate, theirs), certificateEnds(c, OurCertificate, ours)...)
		if ends, err = s.metadataEnds(ctx, c, ends); err != nil {
			return nil, err
		}
	}
	links, err := s.cfg.Store.ListSetupLinks(ctx, s.cfg.Issuer, c.WorkspaceID, c.ID)
	if err != nil {
		return nil, err
	}
	now := s.cfg.Clock.Now()
	for _, l := range links {
		if l.UsableAt(now) {
			ends = append(ends, End{Connection: c, Kind: SetupLinkEnd, At: l.ExpiresAt, Name: l.ID})
		}
	}
	override, _, err := s.cfg.Store.FallbackOf(ctx, s.cfg.Issuer, c.WorkspaceID, c.ID)
	if err == nil && override.ActiveAt(now) {
		ends = append(ends, End{Connection: c, Kind: OverrideEnd, At: override.Until})
	}
	return ends, err
}

// metadataEnds adds the end of a provider's metadata, where it is at an address
// and tells one.
func (s *Connections) metadataEnds(ctx context.Context, c authz.Connection, ends []End) ([]End, error) {
	if c.SAML.MetadataURL == "" {
		return ends, nil
	}
	m, err := s.cfg.Store.GetConnectionMetadata(ctx, s.cfg.Issuer, c.WorkspaceID, c.ID)
	if errors.Is(err, authz.ErrNotFound) {
		return ends, nil // nobody looked yet
	}
	if err != nil || m.ValidUntil.IsZero() {
		return ends, err
	}
	return append(ends, End{Connection: c, Kind: MetadataEnd, At: m.ValidUntil}), nil
}

func certificateEnds(c authz.Connection, kind EndKind, list []Certificate) []End {
	var last time.Time
	for _, one := range list {
		if one.NotAfter.After(last) {
			last = one.NotAfter
		}
	}
	ends := make([]End, len(list))
	for n, one := range list {
		ends[n] = End{Connection: c, Kind: kind, At: one.NotAfter, Name: one.Fingerprint, Last: one.NotAfter.Equal(last)}
	}
	return ends
}
