package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// AccountStore keeps accounts.
type AccountStore interface {
	CreateAccount(ctx context.Context, a authz.Account) error
	GetAccount(ctx context.Context, issuer authz.IssuerName, id authz.AccountID) (authz.Account, error)
	ListAccountsAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, page authz.Page) ([]authz.Account, error)
	UpdateAccount(ctx context.Context, a authz.Account) error
}

// CreateAccount makes an account without a workspace. Only the operator may.
func (a *Admin) CreateAccount(ctx context.Context, by authz.Principal, name string) (authz.Account, error) {
	if err := platform(by, ScopeWorkspaces); err != nil {
		return authz.Account{}, err
	}
	if err := clientmeta.CheckText("name", name); err != nil {
		return authz.Account{}, err
	}
	made := authz.Account{ID: authz.NewAccountID(), Issuer: a.cfg.Issuer, Name: name, State: authz.Active, Revision: 1, CreatedAt: a.cfg.Clock.Now()}
	return made, a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.CreateAccount(ctx, made); err != nil {
			return err
		}
		return a.record(ctx, by, "", "account.created", string(made.ID), map[string]any{"name": name})
	})
}

// GetAccount returns an account to the operator, and to its own workspaces.
func (a *Admin) GetAccount(ctx context.Context, by authz.Principal, id authz.AccountID) (authz.Account, error) {
	if err := by.May(ScopeWorkspaces, by.WorkspaceID); err != nil {
		return authz.Account{}, err
	}
	if !by.Platform() && by.AccountID != id {
		return authz.Account{}, authz.ErrNotFound
	}
	found, err := a.cfg.Store.GetAccount(ctx, a.cfg.Issuer, id)
	if err == nil && found.State == authz.Deleted {
		return authz.Account{}, authz.ErrNotFound
	}
	return found, err
}

// ListAccounts lists the accounts the principal reaches.
func (a *Admin) ListAccounts(ctx context.Context, by authz.Principal, page authz.Page) ([]authz.Account, error) {
	if by.Platform() {
		if err := by.May(ScopeWorkspaces, ""); err != nil {
			return nil, err
		}
		return a.cfg.Store.ListAccountsAcrossWorkspaces(ctx, a.cfg.Issuer, page)
	}
	own, err := a.GetAccount(ctx, by, by.AccountID)
	if err != nil || page.After.ID != "" {
		return nil, err
	}
	return []authz.Account{own}, nil
}

// RenameAccount gives an account another name. Only the operator may.
func (a *Admin) RenameAccount(ctx context.Context, by authz.Principal, id authz.AccountID, revision int64, name string) (authz.Account, error) {
	found, err := a.operatorsAccount(ctx, by, id)
	if err != nil {
		return authz.Account{}, err
	}
	if err := clientmeta.CheckText("name", name); err != nil {
		return authz.Account{}, err
	}
	if revision != 0 && revision != found.Revision {
		return authz.Account{}, authz.ErrStale
	}
	before := found.Name
	found.Name = name
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.UpdateAccount(ctx, found); err != nil {
			return err
		}
		return a.record(ctx, by, "", "account.updated", string(id), map[string]any{"name_before": before, "name_after": name})
	})
	found.Revision++
	return found, err
}

// operatorsAccount is an account that the principal may change. To anyone but
// the operator an account of somebody else does not exist.
func (a *Admin) operatorsAccount(ctx context.Context, by authz.Principal, id authz.AccountID) (authz.Account, error) {
	found, err := a.GetAccount(ctx, by, id)
	if err != nil {
		return authz.Account{}, err
	}
	return found, platform(by, ScopeWorkspaces)
}

// SuspendAccount makes everything of all its workspaces inactive, at once.
func (a *Admin) SuspendAccount(ctx context.Context, by authz.Principal, id authz.AccountID) (authz.Account, error) {
	return a.moveAccount(ctx, by, id, authz.Suspended, "account.suspended")
}

// ResumeAccount takes that back: keys work again, tokens stay dead.
func (a *Admin) ResumeAccount(ctx context.Context, by authz.Principal, id authz.AccountID) (authz.Account, error) {
	return a.moveAccount(ctx, by, id, authz.Active, "account.resumed")
}

func (a *Admin) moveAccount(ctx context.Context, by authz.Principal, id authz.AccountID, to authz.State, typ string) (authz.Account, error) {
	found, err := a.operatorsAccount(ctx, by, id)
	if err != nil {
		return authz.Account{}, err
	}
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		move := a.cfg.Store.KillNode
		if to == authz.Active {
			move = a.cfg.Store.ReviveNode
		}
		moved, err := move(ctx, a.cfg.Issuer, "", authz.NodeRef{Kind: authz.AccountNode, ID: string(id)}, to)
		if err != nil || !moved {
			return err
		}
		found.State = to
		return a.record(ctx, by, "", typ, string(id), nil)
	})
	return found, err
}
