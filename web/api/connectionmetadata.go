package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz/connection"
)

// Certificate is one, as an administrator compares it.
type Certificate struct {
	Fingerprint string `json:"fingerprint" doc:"SHA-256, in hex."`
	Subject     string `json:"subject"`
	NotAfter    string `json:"not_after"`
}

// ExpiringCertificate is one that ends soon, or has.
type ExpiringCertificate struct {
	Certificate
	Ours     bool `json:"ours" doc:"Ours; else the provider's."`
	DaysLeft int  `json:"days_left" doc:"At most: 30, 14, 7, 1 or 0."`
	Last     bool `json:"last" doc:"No other outlives it."`
}

// MetadataProposal is newer metadata that waits for an administrator.
type MetadataProposal struct {
	ID        string        `json:"id"`
	FoundAt   string        `json:"found_at"`
	Added     []Certificate `json:"added"`
	Removed   []Certificate `json:"removed"`
	Endpoints []string      `json:"endpoints" doc:"Kinds of addresses that differ."`
}

// ConnectionMetadata is what is known of the metadata of a provider of SAML.
type ConnectionMetadata struct {
	CheckedAt string                `json:"checked_at,omitempty"`
	CheckAt   string                `json:"check_at,omitempty"`
	Problem   string                `json:"problem,omitempty" doc:"Why the last look failed, in words."`
	Proposal  *MetadataProposal     `json:"proposal,omitempty"`
	Expiring  []ExpiringCertificate `json:"expiring"`
	OurKeys   []Certificate         `json:"our_keys" doc:"Published ones; the first is in use."`
}

func viewMetadata(s connection.MetadataState) ConnectionMetadata {
	v := ConnectionMetadata{Problem: s.Problem, Expiring: []ExpiringCertificate{}, OurKeys: viewCertificates(s.OurKeys)}
	stampTo := func(to *string, at time.Time) {
		if !at.IsZero() {
			*to = stamp(at)
		}
	}
	stampTo(&v.CheckedAt, s.CheckedAt)
	stampTo(&v.CheckAt, s.CheckAt)
	for _, e := range s.Expiries {
		v.Expiring = append(v.Expiring, ExpiringCertificate{viewCertificate(e.Certificate), e.Ours, e.Days, e.Last})
	}
	if p := s.Proposal; p != nil {
		v.Proposal = &MetadataProposal{
			ID: p.ID, FoundAt: stamp(p.FoundAt), Added: viewCertificates(p.Added), Removed: viewCertificates(p.Removed), Endpoints: orEmpty(p.Endpoints),
		}
	}
	return v
}

func viewCertificate(c connection.Certificate) Certificate {
	return Certificate{c.Fingerprint, c.Subject, stamp(c.NotAfter)}
}

func viewCertificates(list []connection.Certificate) []Certificate {
	out := make([]Certificate, len(list))
	for n, c := range list {
		out[n] = viewCertificate(c)
	}
	return out
}

type decideMetadata struct {
	ConnectionPath
	Body struct {
		Proposal string `json:"proposal" minLength:"1" maxLength:"64" doc:"The id of what was looked at."`
	}
}

type rollKey struct {
	ConnectionPath
	Body struct {
		Step string `json:"step" enum:"publish,use,retire"`
	}
}

func (a *api) connectionMetadataRoutes(h huma.API) {
	const path = "/v1/connections/{id}"
	register(a, h, http.MethodGet, path+"/metadata", "get-connection-metadata", "What is known of the provider's metadata, and which certificates end", http.StatusOK, a.getMetadata)
	register(a, h, http.MethodPost, path+"/metadata/refresh", "refresh-connection-metadata", "Look at the provider's metadata now", http.StatusOK, a.refreshMetadata)
	register(a, h, http.MethodPost, path+"/metadata/approve", "approve-connection-metadata", "Believe what newer metadata proposes", http.StatusOK, a.approveMetadata)
	register(a, h, http.MethodPost, path+"/metadata/reject", "reject-connection-metadata", "Say no to what newer metadata proposes", http.StatusNoContent, a.rejectMetadata)
	register(a, h, http.MethodPost, path+"/saml-key", "roll-connection-saml-key", "Publish, use or retire a key of ours at the provider of SAML", http.StatusOK, a.rollSAMLKey)
}

func (a *api) getMetadata(ctx context.Context, in *ConnectionPath) (*answer[ConnectionMetadata], error) {
	return a.metadata(a.cfg.Connections.Metadata(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id()))
}

func (a *api) refreshMetadata(ctx context.Context, in *ConnectionPath) (*answer[ConnectionMetadata], error) {
	return a.metadata(a.cfg.Connections.RefreshMetadata(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id()))
}

func (a *api) approveMetadata(ctx context.Context, in *decideMetadata) (*answer[Connection], error) {
	return a.connection(a.cfg.Connections.ApproveMetadata(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Body.Proposal))
}

func (a *api) rejectMetadata(ctx context.Context, in *decideMetadata) (*struct{}, error) {
	return nil, a.cfg.Connections.RejectMetadata(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Body.Proposal)
}

func (a *api) rollSAMLKey(ctx context.Context, in *rollKey) (*answer[ConnectionMetadata], error) {
	return a.metadata(a.cfg.Connections.RollSAMLKey(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), connection.KeyStep(in.Body.Step)))
}

func (a *api) metadata(s connection.MetadataState, err error) (*answer[ConnectionMetadata], error) {
	if err != nil {
		return nil, err
	}
	return answered(viewMetadata(s)), nil
}
