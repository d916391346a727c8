package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type accountRow struct {
	ID        authz.AccountID
	Issuer    authz.IssuerName
	Name      string
	State     authz.State
	Epoch     int64
	CreatedAt time.Time
}

// TableName is the row's table.
func (accountRow) TableName() string { return "accounts" }

// CreateAccount stores a new account; ErrConflict when its id is taken.
func (s *Store) CreateAccount(ctx context.Context, a authz.Account) error {
	err := s.writer(ctx).Create(&accountRow{
		ID: a.ID, Issuer: a.Issuer, Name: a.Name, State: a.State, Epoch: a.Epoch, CreatedAt: utc(a.CreatedAt),
	}).Error
	return failure(ctx, "creating an account", err)
}

// GetAccount returns an account in any state, or ErrNotFound.
func (s *Store) GetAccount(ctx context.Context, issuer authz.IssuerName, id authz.AccountID) (authz.Account, error) {
	var r accountRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.Account{}, failure(ctx, "reading an account", err)
	}
	return authz.Account{
		ID: r.ID, Issuer: r.Issuer, Name: r.Name, State: r.State, Epoch: r.Epoch, CreatedAt: r.CreatedAt.UTC(),
	}, nil
}
