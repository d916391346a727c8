package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type pushedRequestRow struct {
	Digest     digest
	Issuer     authz.IssuerName
	ClientID   authz.ClientID
	Parameters string
	State      authz.State
	CreatedAt  time.Time
	ExpiresAt  time.Time
}

// TableName is the row's table.
func (pushedRequestRow) TableName() string { return "pushed_requests" }

// CreatePushedRequest stores a new pushed authorization request; ErrConflict
// when its digest is taken.
func (s *Store) CreatePushedRequest(ctx context.Context, p authz.PushedRequest) error {
	err := s.writer(ctx).Create(&pushedRequestRow{
		Digest: p.Digest, Issuer: p.Issuer, ClientID: p.ClientID, Parameters: p.Parameters, State: p.State,
		CreatedAt: utc(p.CreatedAt), ExpiresAt: utc(p.ExpiresAt),
	}).Error
	return failure(ctx, "creating a pushed request", err)
}

// GetPushedRequest returns the request a client pushed, used or expired ones
// too; ErrNotFound also for another client's.
func (s *Store) GetPushedRequest(ctx context.Context, issuer authz.IssuerName, client authz.ClientID, of [32]byte) (authz.PushedRequest, error) {
	var r pushedRequestRow
	err := s.reader(ctx).Where("digest = ? AND issuer = ? AND client_id = ?", digest(of), issuer, client).Take(&r).Error
	if err != nil {
		return authz.PushedRequest{}, failure(ctx, "reading a pushed request", err)
	}
	return authz.PushedRequest{
		Digest: r.Digest, Issuer: r.Issuer, ClientID: r.ClientID, Parameters: r.Parameters, State: r.State,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}, nil
}

// ConsumePushedRequest takes an active pushed request to "used". Of many who
// try, one succeeds; ErrConsumed is for the others (RFC 9126 section 7.3).
func (s *Store) ConsumePushedRequest(ctx context.Context, issuer authz.IssuerName, of [32]byte) error {
	done := s.writer(ctx).Model(&pushedRequestRow{}).Where("digest = ? AND issuer = ? AND state = 'active'", digest(of), issuer).
		UpdateColumns(map[string]any{"state": authz.Used})
	return changed(ctx, "consuming a pushed request", done, authz.ErrConsumed)
}
