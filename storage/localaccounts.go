package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type localAccountRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	UserID      authz.UserID
	Kind        authz.LocalKind
	Login       string
	Password    string
	CreatedBy   string
	CreatedAt   time.Time
}

// TableName is the row's table.
func (localAccountRow) TableName() string { return "local_accounts" }

func (r localAccountRow) account() authz.LocalAccount {
	return authz.LocalAccount{
		Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, UserID: r.UserID, Kind: r.Kind, Login: r.Login, Password: r.Password,
		CreatedBy: r.CreatedBy, CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateLocalAccount stores a new person who signs in with us, known to no
// upstream; ErrConflict when the login is taken in the workspace.
func (s *Store) CreateLocalAccount(ctx context.Context, u authz.User, a authz.LocalAccount) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.createUser(ctx, u); err != nil {
			return err
		}
		err := s.writer(ctx).Create(&localAccountRow{
			Issuer: a.Issuer, WorkspaceID: a.WorkspaceID, UserID: a.UserID, Kind: a.Kind, Login: a.Login, Password: a.Password,
			CreatedBy: a.CreatedBy, CreatedAt: utc(a.CreatedAt),
		}).Error
		return failure(ctx, "creating a local account", err)
	})
}

// GetLocalAccount returns a person's account in the workspace, or ErrNotFound.
func (s *Store) GetLocalAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.LocalAccount, error) {
	var r localAccountRow
	if err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Take(&r).Error; err != nil {
		return authz.LocalAccount{}, failure(ctx, "reading a local account", err)
	}
	return r.account(), nil
}

// LocalAccountByLogin returns the account of that login in the workspace, or
// ErrNotFound.
func (s *Store) LocalAccountByLogin(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, login string) (authz.LocalAccount, error) {
	var r localAccountRow
	if err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND login = ?", issuer, ws, login).Take(&r).Error; err != nil {
		return authz.LocalAccount{}, failure(ctx, "finding a local account", err)
	}
	return r.account(), nil
}

// maxLocalAccounts bounds a list.
const maxLocalAccounts = 100

// ListLocalAccounts lists the first hundred local accounts of a workspace by
// login; those of operators where it is empty.
func (s *Store) ListLocalAccounts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) ([]authz.LocalAccount, error) {
	var rows []localAccountRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).Order("login").Limit(maxLocalAccounts).Find(&rows).Error
	return mapped(rows, localAccountRow.account), failure(ctx, "listing local accounts", err)
}

// SetLocalPassword keeps the hash of a new password, or answers ErrNotFound.
func (s *Store) SetLocalPassword(ctx context.Context, a authz.LocalAccount) error {
	done := s.writer(ctx).Model(&localAccountRow{}).
		Where("issuer = ? AND workspace_id = ? AND user_id = ?", a.Issuer, a.WorkspaceID, a.UserID).
		UpdateColumns(map[string]any{"password": a.Password})
	return changed(ctx, "setting a password", done, authz.ErrNotFound)
}

// DeleteLocalAccount forgets an account, if there is one, and its links.
func (s *Store) DeleteLocalAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&localAccountRow{}).Error
		if err == nil {
			err = s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND user_id = ?", issuer, ws, user).Delete(&enrolmentRow{}).Error
		}
		return failure(ctx, "deleting a local account", err)
	})
}
