package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// NewWorkspace says what to create. Without an account, one of the same name
// is created with it.
type NewWorkspace struct {
	Name      string
	AccountID authz.AccountID
}

// CreateWorkspace creates a workspace. Only the operator may.
func (a *Admin) CreateWorkspace(ctx context.Context, by authz.Principal, in NewWorkspace) (authz.Workspace, error) {
	if err := platform(by, ScopeWorkspaces); err != nil {
		return authz.Workspace{}, err
	}
	if err := clientmeta.CheckText("name", in.Name); err != nil {
		return authz.Workspace{}, err
	}
	now := a.cfg.Clock.Now()
	ws := authz.Workspace{
		ID: authz.NewWorkspaceID(), Issuer: a.cfg.Issuer, AccountID: in.AccountID, Name: in.Name,
		State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	err := a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if in.AccountID == "" {
			ws.AccountID = authz.NewAccountID()
			account := authz.Account{ID: ws.AccountID, Issuer: a.cfg.Issuer, Name: in.Name, State: authz.Active, CreatedAt: now}
			if err := a.cfg.Store.CreateAccount(ctx, account); err != nil {
				return err
			}
		} else if _, err := a.cfg.Store.GetAccount(ctx, a.cfg.Issuer, in.AccountID); err != nil {
			return err
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
	if err := may(by, ScopeWorkspaces, id); err != nil {
		return authz.Workspace{}, err
	}
	return a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, id)
}

// ListWorkspaces lists the workspaces the principal reaches: all of them for
// the operator, its own for anyone else.
func (a *Admin) ListWorkspaces(ctx context.Context, by authz.Principal, page authz.Page) ([]authz.Workspace, error) {
	if err := may(by, ScopeWorkspaces, by.WorkspaceID); err != nil {
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
		if _, err = a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, id); err != nil {
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
