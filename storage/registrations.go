package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type registrationRow struct {
	ClientID    authz.ClientID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Digest      digest
	CreatedAt   time.Time
}

// TableName is the row's table.
func (registrationRow) TableName() string { return "registrations" }

func (r registrationRow) registration() authz.Registration {
	return authz.Registration{ClientID: r.ClientID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Digest: r.Digest, CreatedAt: r.CreatedAt.UTC()}
}

// holdWorkspace is written, not read: registrations of one workspace follow
// each other, and none passes a suspension that is under way.
const holdWorkspace = `UPDATE workspaces SET state = state WHERE id = ? AND issuer = ? AND state = 'active'`

// CreateRegistration stores the hold of a client that registered itself, unless
// the workspace has max of them: then ErrConflict; ErrNotFound when the
// workspace is not active.
func (s *Store) CreateRegistration(ctx context.Context, r authz.Registration, most int) error {
	const doing = "creating a registration"
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := changed(ctx, doing, s.writer(ctx).Exec(holdWorkspace, r.WorkspaceID, r.Issuer), authz.ErrNotFound); err != nil {
			return err
		}
		var have int64
		err := s.writer(ctx).Model(&registrationRow{}).Where("issuer = ? AND workspace_id = ?", r.Issuer, r.WorkspaceID).Count(&have).Error
		if err != nil {
			return failure(ctx, doing, err)
		}
		if have >= int64(most) {
			return authz.ErrConflict
		}
		return failure(ctx, doing, s.writer(ctx).Create(&registrationRow{
			ClientID: r.ClientID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Digest: r.Digest, CreatedAt: utc(r.CreatedAt),
		}).Error)
	})
}

// GetRegistration returns the hold of a client, or ErrNotFound.
func (s *Store) GetRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) (authz.Registration, error) {
	var r registrationRow
	if err := s.reader(ctx).Where("client_id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Registration{}, failure(ctx, "reading a registration", err)
	}
	return r.registration(), nil
}

// RotateRegistration replaces the registration access token if it is still the
// old one; ErrConsumed says that it is not.
func (s *Store) RotateRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID, from, to [32]byte) error {
	done := s.writer(ctx).Model(&registrationRow{}).Where("client_id = ? AND issuer = ? AND digest = ?", id, issuer, digest(from)).
		UpdateColumns(map[string]any{"digest": digest(to)})
	return changed(ctx, "rotating a registration token", done, authz.ErrConsumed)
}

// DeleteRegistration ends the hold of a client, whose row stays as it is;
// ErrNotFound when there is none.
func (s *Store) DeleteRegistration(ctx context.Context, issuer authz.IssuerName, id authz.ClientID) error {
	done := s.writer(ctx).Where("client_id = ? AND issuer = ?", id, issuer).Delete(&registrationRow{})
	return changed(ctx, "deleting a registration", done, authz.ErrNotFound)
}

// ListUnusedRegistrationsAcrossWorkspaces lists clients that registered before
// the given moment and have no grant, oldest first.
func (s *Store) ListUnusedRegistrationsAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) ([]authz.Registration, error) {
	var rows []registrationRow
	err := s.reader(ctx).Where("issuer = ? AND created_at <= ?", issuer, utc(before)).
		Where("NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = registrations.client_id AND NOT g.standing)").
		Order("created_at, client_id").Limit(min(limit, maxBatch)).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing unused registrations", err)
	}
	return mapped(rows, registrationRow.registration), nil
}
