package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type delegationRow struct {
	ID         authz.DelegationID
	Issuer     authz.IssuerName
	Workspaces list[authz.WorkspaceID]
	Scopes     list[string]
	MadeBy     string
	CreatedAt  time.Time
	ExpiresAt  sql.NullTime
}

// TableName is the row's table.
func (delegationRow) TableName() string { return "delegations" }

// CreateDelegation stores a new issuing delegation; ErrConflict when its id is taken.
func (s *Store) CreateDelegation(ctx context.Context, d authz.Delegation) error {
	err := s.writer(ctx).Create(&delegationRow{
		ID: d.ID, Issuer: d.Issuer, Workspaces: asText(d.Workspaces), Scopes: asText(d.Scopes), MadeBy: d.MadeBy,
		CreatedAt: utc(d.CreatedAt), ExpiresAt: optional(d.ExpiresAt),
	}).Error
	return failure(ctx, "creating a delegation", err)
}

// GetDelegation returns an issuing delegation, ended or not, or ErrNotFound.
func (s *Store) GetDelegation(ctx context.Context, issuer authz.IssuerName, id authz.DelegationID) (authz.Delegation, error) {
	var r delegationRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Delegation{}, failure(ctx, "reading a delegation", err)
	}
	return authz.Delegation{
		ID: r.ID, Issuer: r.Issuer, Workspaces: r.Workspaces.V, Scopes: r.Scopes.V, MadeBy: r.MadeBy,
		CreatedAt: r.CreatedAt.UTC(), ExpiresAt: instant(r.ExpiresAt),
	}, nil
}
