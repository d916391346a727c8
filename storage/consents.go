package storage

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type consentRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	ClientID    authz.ClientID
	Scopes      list[string]
	Audience    list[string]
	UpdatedAt   time.Time
}

// TableName is the row's table.
func (consentRow) TableName() string { return "consents" }

const getConsent = `SELECT issuer, workspace_id, user_id, client_id, scopes, audience, updated_at FROM consents
	WHERE issuer = ? AND workspace_id = ? AND user_id = ? AND client_id = ?`

// GetConsent returns what a person allowed a client in the workspace, or ErrNotFound.
func (s *Store) GetConsent(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, client authz.ClientID) (authz.Consent, error) {
	var r consentRow
	err := s.queryRow(ctx, getConsent, issuer, ws, user, client).
		Scan(&r.Issuer, &r.WorkspaceID, &r.UserID, &r.ClientID, &r.Scopes, &r.Audience, &r.UpdatedAt)
	if err != nil {
		return authz.Consent{}, failure(ctx, "reading a consent", err)
	}
	return authz.Consent{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, ClientID: r.ClientID, Scopes: r.Scopes.V,
		Audience: r.Audience.V, UpdatedAt: r.UpdatedAt.UTC(),
	}, nil
}

// PutConsent stores a consent, in place of the one before.
func (s *Store) PutConsent(ctx context.Context, c authz.Consent) error {
	err := s.writer(ctx).Clauses(clause.OnConflict{
		Columns:   []clause.Column{{Name: "issuer"}, {Name: "workspace_id"}, {Name: "user_id"}, {Name: "client_id"}},
		DoUpdates: clause.AssignmentColumns([]string{"scopes", "audience", "updated_at"}),
	}).Create(&consentRow{
		Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, UserID: c.UserID, ClientID: c.ClientID, Scopes: asText(c.Scopes),
		Audience: asText(c.Audience), UpdatedAt: utc(c.UpdatedAt),
	}).Error
	return failure(ctx, "storing a consent", err)
}

// DeleteConsent forgets a consent and reports whether there was one.
func (s *Store) DeleteConsent(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, client authz.ClientID) (bool, error) {
	done := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ? AND client_id = ?", issuer, ws, user, client).
		Delete(&consentRow{})
	return done.RowsAffected == 1, failure(ctx, "deleting a consent", done.Error)
}
