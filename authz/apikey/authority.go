package apikey

import (
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Refusals of people and keys that are known. Codes are stable.
var (
	errDelegation = authz.NewError(authz.Forbidden, "issuing_delegation_required",
		"Creating a key needs a live issuing delegation.")
	errExceeded = authz.NewError(authz.Forbidden, "issuing_delegation_exceeded",
		"The issuing delegation does not reach this far.")
	errScope = authz.NewError(authz.Forbidden, "insufficient_scope",
		"This needs the scope manage:keys.")
	errEnvironment = authz.NewError(authz.Forbidden, "wrong_environment",
		"A credential acts in its own environment only.")
	errOperator = authz.NewError(authz.Forbidden, "operator_required",
		"Only the operator may name a tier or give a delegation.")
	errSuspended = authz.NewError(authz.Conflict, "workspace_suspended",
		"The workspace is suspended.")
	errServiceAccount = authz.NewError(authz.Conflict, "service_account_disabled",
		"The service account is disabled.")
)

// mayIssue checks that the principal is a person with fresh proof of MFA, or
// carries a delegation, and that either reaches as far as a key of the workspace and environment with the scopes. A key never gets
// what its maker could not hand out.
func (k *Keys) mayIssue(by authz.Principal, ws authz.WorkspaceID, env authz.Environment, scopes []string, now time.Time) error {
	if by.Issuer != k.cfg.Issuer {
		return errDelegation
	}
	if err := authz.MayMint(by, now); err != nil {
		return err
	}
	if !by.Reaches(ws) {
		return authz.ErrNotFound
	}
	if d := by.Delegation; d != nil {
		everywhere := by.Platform() && len(d.Workspaces) == 0
		if !everywhere && !slices.Contains(d.Workspaces, ws) {
			return errExceeded
		}
	}
	if !inEnvironment(by, env) {
		return errEnvironment
	}
	if !covers(by, scopes) {
		return errExceeded
	}
	return nil
}

// mayMint is mayIssue for a request, which may ask for what is the operator's
// to give.
func (k *Keys) mayMint(by authz.Principal, r Request, now time.Time) error {
	if err := k.mayIssue(by, r.WorkspaceID, r.Environment, r.Scopes, now); err != nil {
		return err
	}
	if !by.Platform() && r.Delegation != nil {
		return errOperator
	}
	if r.Delegation == nil {
		return nil
	}
	if by.Delegation == nil {
		return errOperator
	}
	if end := by.Delegation.ExpiresAt; !covers(by, r.Delegation.Scopes) || !end.IsZero() && r.Delegation.ExpiresAt.After(end) {
		return errExceeded
	}
	return nil
}

// inEnvironment reports whether the principal may act on what belongs to env.
// The operator acts in both, and so does whoever is bound to neither.
func inEnvironment(by authz.Principal, env authz.Environment) bool {
	return by.Platform() || by.Environment == "" || by.Environment == env
}

// mayManage checks that the principal may see the keys of a workspace.
func (k *Keys) mayManage(by authz.Principal, ws authz.WorkspaceID) error {
	if by.Issuer != k.cfg.Issuer || !by.Reaches(ws) {
		return authz.ErrNotFound
	}
	if !by.Holds(ScopeManageKeys) {
		return errScope
	}
	return nil
}
