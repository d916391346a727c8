package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ScopeManageWorkspace is the scope that decides what a workspace asks of all
// its keys.
const ScopeManageWorkspace = authz.ScopeManageWorkspace

const typePolicy = "key_policy.updated"

var (
	errWorkspaceScope = authz.NewError(authz.Forbidden, "insufficient_scope", "This needs the scope manage:workspace.")
	errNotEnforceable = authz.NewError(authz.Conflict, "rotation_not_enforceable", "This issuer lets no workspace enforce rotation.")
	errUnusedAfter    = invalid("disable_unused_after", "must be a day or more and at most 3660 days, such as P90D")
)

// Policy returns what a workspace asks of all its keys. It takes the scope
// manage:keys or manage:workspace.
func (k *Keys) Policy(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) (authz.KeyPolicy, error) {
	if by.Issuer != k.cfg.Issuer || ws == "" || !by.Reaches(ws) {
		return authz.KeyPolicy{}, authz.ErrNotFound
	}
	if !by.Holds(ScopeManageKeys) && !by.Holds(ScopeManageWorkspace) {
		return authz.KeyPolicy{}, errScope
	}
	if _, err := k.cfg.Store.GetWorkspace(ctx, k.cfg.Issuer, ws); err != nil {
		return authz.KeyPolicy{}, fmt.Errorf("reading a policy of keys: %w", err)
	}
	return k.policy(ctx, ws)
}

// policy is that of a workspace, or the one that asks nothing.
func (k *Keys) policy(ctx context.Context, ws authz.WorkspaceID) (authz.KeyPolicy, error) {
	none := authz.KeyPolicy{Issuer: k.cfg.Issuer, WorkspaceID: ws}
	if ws == "" {
		return none, nil
	}
	p, err := k.cfg.Store.GetKeyPolicy(ctx, k.cfg.Issuer, ws)
	if errors.Is(err, authz.ErrNotFound) {
		return none, nil
	}
	if err != nil {
		return none, fmt.Errorf("reading a policy of keys: %w", err)
	}
	return p, nil
}

// SetPolicy decides what a workspace asks of all its keys, those it has among
// them: they are replaced and disabled by the next run of the jobs. It takes the
// scope manage:workspace. revision is the one the policy was read at; 0 for
// whichever it has now.
func (k *Keys) SetPolicy(ctx context.Context, by authz.Principal, from authz.Origin, want authz.KeyPolicy, revision int64) (authz.KeyPolicy, error) {
	if !by.Holds(ScopeManageWorkspace) && by.Reaches(want.WorkspaceID) {
		return authz.KeyPolicy{}, errWorkspaceScope
	}
	before, err := k.Policy(ctx, by, want.WorkspaceID)
	switch {
	case err != nil:
		return authz.KeyPolicy{}, err
	case revision != 0 && revision != before.Revision:
		return authz.KeyPolicy{}, authz.ErrStale
	case want.EnforceRotation && k.cfg.Enforceable == 0:
		return authz.KeyPolicy{}, errNotEnforceable
	case want.UnusedAfter != 0 && (want.UnusedAfter < day || want.UnusedAfter > maxInterval || want.UnusedAfter%time.Second != 0):
		return authz.KeyPolicy{}, errUnusedAfter
	}
	want.Issuer, want.Revision, want.UpdatedAt = k.cfg.Issuer, before.Revision, k.cfg.Clock.Now()
	if want.EnforceRotation == before.EnforceRotation && want.UnusedAfter == before.UnusedAfter {
		return before, nil
	}
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := k.cfg.Store.PutKeyPolicy(ctx, want); err != nil {
			return err
		}
		return k.recordPolicy(ctx, by, from, before, want)
	})
	if err != nil {
		return authz.KeyPolicy{}, fmt.Errorf("deciding a policy of keys: %w", err)
	}
	want.Revision++
	return want, nil
}

func (k *Keys) recordPolicy(ctx context.Context, by authz.Principal, from authz.Origin, before, after authz.KeyPolicy) error {
	told := func(p authz.KeyPolicy) map[string]any {
		return map[string]any{"enforce_rotation": p.EnforceRotation, "disable_unused_after": FormatDuration(p.UnusedAfter)}
	}
	details := map[string]any{"before": told(before), "after": told(after)}
	entry := authz.AuditEntry{
		Issuer: k.cfg.Issuer, WorkspaceID: after.WorkspaceID, AccountID: by.AccountID, Time: after.UpdatedAt, Type: typePolicy,
		Result: authz.Success, Actor: by.Subject, Target: string(after.WorkspaceID), Details: details,
	}
	if err := k.cfg.Store.AppendAudit(ctx, entry.From(from)); err != nil {
		return fmt.Errorf("auditing %s: %w", typePolicy, err)
	}
	return k.cfg.Outbox.Append(ctx, after.WorkspaceID, typePolicy, after.UpdatedAt, map[string]any{
		"workspace_id": after.WorkspaceID, "actor": by.Subject, "before": told(before), "after": told(after),
	})
}
