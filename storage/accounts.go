package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type accountRow struct {
	ID        authz.AccountID
	Issuer    authz.IssuerName
	Name      string
	State     authz.State
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
}

// TableName is the row's table.
func (accountRow) TableName() string { return "accounts" }

func (r accountRow) account() authz.Account {
	return authz.Account{
		ID: r.ID, Issuer: r.Issuer, Name: r.Name, State: r.State, Epoch: r.Epoch, Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateAccount stores a new account; ErrConflict when its id is taken.
func (s *Store) CreateAccount(ctx context.Context, a authz.Account) error {
	err := s.writer(ctx).Create(&accountRow{
		ID: a.ID, Issuer: a.Issuer, Name: a.Name, State: a.State, Epoch: a.Epoch, Revision: max(1, a.Revision), CreatedAt: utc(a.CreatedAt),
	}).Error
	return failure(ctx, "creating an account", err)
}

// GetAccount returns an account in any state, or ErrNotFound.
func (s *Store) GetAccount(ctx context.Context, issuer authz.IssuerName, id authz.AccountID) (authz.Account, error) {
	var r accountRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Account{}, failure(ctx, "reading an account", err)
	}
	return r.account(), nil
}

// ListAccountsAcrossWorkspaces lists the issuer's accounts that are not deleted.
func (s *Store) ListAccountsAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Account, error) {
	var rows []accountRow
	err := s.reader(ctx).Where("issuer = ? AND state <> 'deleted'", issuer).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, accountRow.account), failure(ctx, "listing accounts", err)
}

// UpdateAccount renames an account if its revision is still a.Revision, and
// raises it by one; or answers ErrStale.
func (s *Store) UpdateAccount(ctx context.Context, a authz.Account) error {
	done := s.writer(ctx).Model(&accountRow{}).Where("id = ? AND issuer = ? AND revision = ? AND state <> 'deleted'", a.ID, a.Issuer, a.Revision).
		UpdateColumns(map[string]any{"name": a.Name, "revision": gorm.Expr("revision + 1")})
	return changed(ctx, "renaming an account", done, authz.ErrStale)
}
