package access

import (
	"context"
	"errors"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// mayRead checks that the principal may see the rules of a workspace that is
// there.
func (a *Access) mayRead(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) error {
	if by.Issuer != a.cfg.Issuer {
		return authz.ErrNotFound
	}
	if err := by.May(ScopeManagePolicies, ws); err != nil || ws == "" {
		return err
	}
	w, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, ws)
	if err == nil && w.State == authz.Deleted {
		return authz.ErrNotFound
	}
	return err
}

// Own names the policy of whoever asks: of their workspace, or the operator's.
const Own authz.PolicyID = "own"

// policy finds a policy that the principal reaches: by its id, as Own, or by the
// id of its workspace.
func (a *Access) policy(ctx context.Context, by authz.Principal, id authz.PolicyID) (authz.Policy, error) {
	ws := by.WorkspaceID
	named := strings.HasPrefix(string(id), "ws_")
	if named {
		ws = authz.WorkspaceID(id)
	}
	if err := a.mayRead(ctx, by, ws); err != nil {
		return authz.Policy{}, err
	}
	if named || id == Own {
		return a.cfg.Store.PolicyOf(ctx, a.cfg.Issuer, ws)
	}
	if by.Platform() {
		return a.cfg.Store.GetPolicyAcrossWorkspaces(ctx, a.cfg.Issuer, id)
	}
	return a.cfg.Store.GetPolicy(ctx, a.cfg.Issuer, by.WorkspaceID, id)
}

// Get returns a policy with the version in force.
func (a *Access) Get(ctx context.Context, by authz.Principal, id authz.PolicyID) (authz.Policy, authz.PolicyVersion, error) {
	p, err := a.policy(ctx, by, id)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	v, err := a.cfg.Store.GetPolicyVersion(ctx, a.cfg.Issuer, p.WorkspaceID, p.Version)
	return p, v, err
}

// List lists policies: that of a workspace, or for the operator, who names none,
// every one of the issuer.
func (a *Access) List(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Policy, error) {
	if err := a.mayRead(ctx, by, ws); err != nil {
		return nil, err
	}
	if ws == "" {
		return a.cfg.Store.ListPoliciesAcrossWorkspaces(ctx, a.cfg.Issuer, page)
	}
	p, err := a.cfg.Store.PolicyOf(ctx, a.cfg.Issuer, ws)
	if errors.Is(err, authz.ErrNotFound) || page.After.ID != "" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []authz.Policy{p}, nil
}

// Versions lists at most limit versions of a policy below the one given (0 for
// all), the newest first, without their rules.
func (a *Access) Versions(ctx context.Context, by authz.Principal, id authz.PolicyID, below int64, limit int) ([]authz.PolicyVersion, error) {
	p, err := a.policy(ctx, by, id)
	if err != nil {
		return nil, err
	}
	return a.cfg.Store.ListPolicyVersions(ctx, a.cfg.Issuer, p.WorkspaceID, below, limit)
}

// Version returns one version of a policy.
func (a *Access) Version(ctx context.Context, by authz.Principal, id authz.PolicyID, version int64) (authz.PolicyVersion, error) {
	p, err := a.policy(ctx, by, id)
	if err != nil {
		return authz.PolicyVersion{}, err
	}
	return a.cfg.Store.GetPolicyVersion(ctx, a.cfg.Issuer, p.WorkspaceID, version)
}
