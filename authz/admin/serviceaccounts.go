package admin

import (
	"cmp"
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// ScopeKeys allows to administer service accounts: whatever holds keys.
const ScopeKeys = "manage:keys"

// ServiceAccountStore keeps service accounts.
type ServiceAccountStore interface {
	CreateServiceAccount(ctx context.Context, s authz.ServiceAccount) error
	GetServiceAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error)
	ListServiceAccounts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.ServiceAccount, error)
	UpdateServiceAccount(ctx context.Context, s authz.ServiceAccount) error
	ServiceAccountsOf(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, owner authz.UserID, limit int) ([]authz.ServiceAccount, error)
	KeysOfServiceAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID, limit int) ([]authz.APIKey, error)
	RevokeAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, at, purgeAt time.Time) (moved bool, err error)
}

// ServiceAccountSettings are what somebody decides about one; nil leaves it as
// it is.
type ServiceAccountSettings struct {
	Name    *string
	OwnerID *authz.UserID
	TeamID  *authz.TeamID
}

// ListServiceAccounts lists those of a workspace.
func (a *Admin) ListServiceAccounts(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.ServiceAccount, error) {
	if err := a.inWorkspace(ctx, by, ScopeKeys, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListServiceAccounts(ctx, a.cfg.Issuer, ws, page)
}

// GetServiceAccount returns one.
func (a *Admin) GetServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	if err := a.inWorkspace(ctx, by, ScopeKeys, ws); err != nil {
		return authz.ServiceAccount{}, err
	}
	return a.serviceAccount(ctx, ws, id)
}

func (a *Admin) serviceAccount(ctx context.Context, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	s, err := a.cfg.Store.GetServiceAccount(ctx, a.cfg.Issuer, ws, id)
	if err == nil && s.State == authz.Deleted {
		return authz.ServiceAccount{}, authz.ErrNotFound
	}
	return s, err
}

// CreateServiceAccount makes a subject that holds keys and never signs in. A
// person who makes one answers for it, unless they name somebody else, and needs
// fresh proof of MFA, as for a key.
func (a *Admin) CreateServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, in ServiceAccountSettings) (authz.ServiceAccount, error) {
	s := authz.ServiceAccount{
		ID: authz.NewServiceAccountID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, OwnerID: person(by), State: authz.Active, Revision: 1,
		CreatedAt: a.cfg.Clock.Now(),
	}
	in.apply(&s)
	return s, a.change(ctx, by, ScopeKeys, ws, func(ctx context.Context) error {
		if err := authz.PersonIsFresh(by, a.cfg.Clock.Now()); err != nil {
			return err
		}
		if err := a.checkServiceAccount(ctx, s); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateServiceAccount(ctx, s); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "service_account.created", string(s.ID), map[string]any{"name": s.Name, "owner_id": s.OwnerID, "team_id": s.TeamID})
	})
}

func (in ServiceAccountSettings) apply(s *authz.ServiceAccount) {
	authz.Replace(&s.Name, in.Name)
	authz.Replace(&s.OwnerID, in.OwnerID)
	authz.Replace(&s.TeamID, in.TeamID)
}

func (a *Admin) checkServiceAccount(ctx context.Context, s authz.ServiceAccount) error {
	if err := clientmeta.CheckText("name", s.Name); err != nil {
		return err
	}
	if s.OwnerID != "" {
		if _, err := a.cfg.Store.GetMember(ctx, a.cfg.Issuer, s.WorkspaceID, s.OwnerID); err != nil {
			return notThere("owner_id", err)
		}
	}
	if s.TeamID != "" {
		if _, err := a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, s.WorkspaceID, s.TeamID); err != nil {
			return notThere("team_id", err)
		}
	}
	return nil
}

// UpdateServiceAccount renames one, or gives it to somebody else.
func (a *Admin) UpdateServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID, revision int64, in ServiceAccountSettings) (authz.ServiceAccount, error) {
	var s authz.ServiceAccount
	err := a.change(ctx, by, ScopeKeys, ws, func(ctx context.Context) error {
		before, err := a.serviceAccount(ctx, ws, id)
		if err != nil {
			return err
		}
		if revision != 0 && revision != before.Revision {
			return authz.ErrStale
		}
		s = before
		in.apply(&s)
		if err := a.checkServiceAccount(ctx, s); err != nil {
			return err
		}
		if err := a.cfg.Store.UpdateServiceAccount(ctx, s); err != nil {
			return err
		}
		s.Revision++
		return a.recordFor(ctx, by, ws, cmp.Or(before.TeamID, s.TeamID), "service_account.updated", string(id), map[string]any{
			"name": s.Name, "owner_before": before.OwnerID, "owner_after": s.OwnerID, "team_before": before.TeamID, "team_after": s.TeamID,
		})
	})
	return s, err
}

// DisableServiceAccount makes every key and token of one inactive, at once; the
// keys return when it is enabled.
func (a *Admin) DisableServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	return a.moveServiceAccount(ctx, by, ws, id, authz.Disabled, "service_account.disabled")
}

// EnableServiceAccount takes that back; tokens stay dead.
func (a *Admin) EnableServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error) {
	return a.moveServiceAccount(ctx, by, ws, id, authz.Active, "service_account.enabled")
}

// DeleteServiceAccount ends one with every key and token of it, for good.
func (a *Admin) DeleteServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID) error {
	_, err := a.moveServiceAccount(ctx, by, ws, id, authz.Deleted, "service_account.deleted")
	return err
}

func (a *Admin) moveServiceAccount(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ServiceAccountID, to authz.State, typ string) (authz.ServiceAccount, error) {
	var s authz.ServiceAccount
	err := a.change(ctx, by, ScopeKeys, ws, func(ctx context.Context) error {
		var err error
		if s, err = a.serviceAccount(ctx, ws, id); err != nil {
			return err
		}
		move := a.cfg.Store.KillNode
		if to == authz.Active {
			move = a.cfg.Store.ReviveNode
		}
		moved, err := move(ctx, a.cfg.Issuer, ws, authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(id)}, to)
		if err != nil || !moved {
			return err
		}
		s.State = to
		if to == authz.Deleted {
			if _, err := a.endKeys(ctx, by, "service_account_deleted", s); err != nil {
				return err
			}
			if err := a.cfg.Store.DeleteBindingsOfSubject(ctx, a.cfg.Issuer, ws, authz.ServiceAccountSubject, string(id)); err != nil {
				return err
			}
		}
		return a.record(ctx, by, ws, typ, string(id), nil)
	})
	return s, err
}
