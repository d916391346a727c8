package admin

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// NewWorkspace says what to create. Without an account, one of the same name
// is created with it.
type NewWorkspace struct {
	Name      string
	AccountID authz.AccountID
	Tier      string // empty: the issuer's default
}

// CreateWorkspace creates a workspace. Only the operator may.
func (a *Admin) CreateWorkspace(ctx context.Context, by authz.Principal, in NewWorkspace) (authz.Workspace, error) {
	if err := platform(by, ScopeWorkspaces); err != nil {
		return authz.Workspace{}, err
	}
	if err := clientmeta.CheckText("name", in.Name); err != nil {
		return authz.Workspace{}, err
	}
	if err := a.checkTier(in.Tier); err != nil {
		return authz.Workspace{}, err
	}
	now := a.cfg.Clock.Now()
	ws := authz.Workspace{
		ID: authz.NewWorkspaceID(), Issuer: a.cfg.Issuer, AccountID: in.AccountID, Name: in.Name, Tier: in.Tier,
		State: authz.Active, Revision: 1, CreatedAt: now, UpdatedAt: now,
	}
	err := a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if in.AccountID == "" {
			ws.AccountID = authz.NewAccountID()
			account := authz.Account{ID: ws.AccountID, Issuer: a.cfg.Issuer, Name: in.Name, State: authz.Active, Revision: 1, CreatedAt: now}
			if err := a.cfg.Store.CreateAccount(ctx, account); err != nil {
				return err
			}
		} else if account, err := a.cfg.Store.GetAccount(ctx, a.cfg.Issuer, in.AccountID); err != nil {
			return err
		} else if account.State != authz.Active {
			return authz.NewError(authz.Conflict, "account_suspended", "The account is suspended.")
		}
		if err := a.cfg.Store.CreateWorkspace(ctx, ws); err != nil {
			return err
		}
		return a.record(ctx, by, ws.ID, "workspace.created", string(ws.ID), map[string]any{"account_id": ws.AccountID})
	})
	return ws, err
}

// GetWorkspace returns a workspace the principal reaches.
func (a *Admin) GetWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID) (authz.Workspace, error) {
	if err := by.May(ScopeWorkspaces, id); err != nil {
		return authz.Workspace{}, err
	}
	w, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, id)
	if err == nil && w.State == authz.Deleted {
		return authz.Workspace{}, authz.ErrNotFound
	}
	return w, err
}

// WorkspaceSettings are what somebody decides about a workspace; nil leaves it
// as it is.
type WorkspaceSettings struct {
	Name   *string
	Leaver *authz.LeaverPolicy
	Tier   *string // the operator's to decide
}

func (a *Admin) checkTier(tier string) error {
	if tier != "" && !slices.Contains(a.cfg.Tiers, tier) {
		return invalid("tier", "is not a tier of this issuer.")
	}
	return nil
}

// UpdateWorkspace changes a workspace.
func (a *Admin) UpdateWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID, revision int64, in WorkspaceSettings) (authz.Workspace, error) {
	w, err := a.GetWorkspace(ctx, by, id)
	if err != nil {
		return authz.Workspace{}, err
	}
	before := w
	authz.Replace(&w.Name, in.Name)
	authz.Replace(&w.Leaver, in.Leaver)
	authz.Replace(&w.Tier, in.Tier)
	switch {
	case revision != 0 && revision != before.Revision:
		return authz.Workspace{}, authz.ErrStale
	case w.Leaver != "" && w.Leaver != authz.TransferKeys && w.Leaver != authz.EndKeys:
		return authz.Workspace{}, invalid("leaver", "must be transfer or end.")
	case w.Tier != before.Tier && !by.Platform():
		return authz.Workspace{}, platform(by, ScopeWorkspaces)
	}
	if err := errors.Join(clientmeta.CheckText("name", w.Name), a.checkTier(w.Tier)); err != nil {
		return authz.Workspace{}, err
	}
	w.UpdatedAt = a.cfg.Clock.Now()
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.UpdateWorkspace(ctx, w); err != nil {
			return err
		}
		return a.record(ctx, by, id, "workspace.updated", string(id), map[string]any{
			"name": w.Name, "tier_before": before.Tier, "tier_after": w.Tier, "leaver_before": before.Leaver, "leaver_after": w.Leaver,
		})
	})
	w.Revision++
	return w, err
}

// DeleteWorkspace ends a workspace and everything below it, for good.
func (a *Admin) DeleteWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID) error {
	_, err := a.moveWorkspace(ctx, by, id, authz.Deleted, "workspace.deleted")
	return err
}

// ListWorkspaces lists the workspaces the principal reaches: all of them for
// the operator, its own for anyone else.
func (a *Admin) ListWorkspaces(ctx context.Context, by authz.Principal, page authz.Page) ([]authz.Workspace, error) {
	if err := by.May(ScopeWorkspaces, by.WorkspaceID); err != nil {
		return nil, err
	}
	if by.Platform() {
		return a.cfg.Store.ListWorkspacesAcrossWorkspaces(ctx, a.cfg.Issuer, page)
	}
	ws, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, by.WorkspaceID)
	if err != nil || page.After.ID != "" {
		return nil, err
	}
	return []authz.Workspace{ws}, nil
}

// SuspendWorkspace makes everything below the workspace inactive, at once.
// Tokens do not come back when it is resumed; keys do.
func (a *Admin) SuspendWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID) (authz.Workspace, error) {
	return a.moveWorkspace(ctx, by, id, authz.Suspended, "workspace.suspended")
}

// ResumeWorkspace ends a suspension.
func (a *Admin) ResumeWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID) (authz.Workspace, error) {
	return a.moveWorkspace(ctx, by, id, authz.Active, "workspace.resumed")
}

func (a *Admin) moveWorkspace(ctx context.Context, by authz.Principal, id authz.WorkspaceID, to authz.State, typ string) (authz.Workspace, error) {
	if err := platform(by, ScopeWorkspaces); err != nil {
		return authz.Workspace{}, err
	}
	var ws authz.Workspace
	err := a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		var err error
		if _, err = a.GetWorkspace(ctx, by, id); err != nil {
			return err
		}
		ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(id)}
		move := a.cfg.Store.KillNode
		if to == authz.Active {
			move = a.cfg.Store.ReviveNode
		}
		moved, err := move(ctx, a.cfg.Issuer, id, ref, to)
		if err != nil {
			return err
		}
		if ws, err = a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, id); err != nil || !moved {
			return err
		}
		return a.record(ctx, by, id, typ, string(id), nil)
	})
	return ws, err
}
