package access

import (
	"context"
	"encoding/json"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Draft is a rule set that is to be in force.
type Draft struct {
	Rules json.RawMessage // a JSON array (authz/policy)
	// Note says why, for the history: at most 200 bytes.
	Note string
}

var errEnvironment = authz.NewError(authz.Forbidden, "wrong_environment", "The policy holds in production too: a credential of the sandbox cannot change it.")

// Create puts the first rules of a workspace in force, or of the operator where
// ws is empty. ErrConflict says that there are some; a *RulesError what is wrong
// with these.
func (a *Access) Create(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, d Draft) (authz.Policy, authz.PolicyVersion, error) {
	if err := a.mayChange(ctx, by, ws); err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	v, err := a.version(ctx, by, ws, d)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	p := authz.Policy{
		ID: authz.NewPolicyID(), Issuer: a.cfg.Issuer, WorkspaceID: ws, Version: 1, Latest: 1, Revision: 1,
		CreatedAt: v.CreatedAt, UpdatedAt: v.CreatedAt, UpdatedBy: by.Subject,
	}
	v.PolicyID, v.Version = p.ID, 1
	return p, v, a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.CreatePolicy(ctx, p, v); err != nil {
			return err
		}
		return a.tell(ctx, by, p, "policy.created", map[string]any{"version": 1, "rules": v.Count})
	})
}

// Publish puts other rules in force as a new version, if nobody changed what is
// in force since the given revision: ErrStale otherwise.
func (a *Access) Publish(ctx context.Context, by authz.Principal, id authz.PolicyID, revision int64, d Draft) (authz.Policy, authz.PolicyVersion, error) {
	p, err := a.policy(ctx, by, id)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	if err := a.mayChange(ctx, by, p.WorkspaceID); err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	if revision != p.Revision {
		return authz.Policy{}, authz.PolicyVersion{}, authz.ErrStale
	}
	v, err := a.version(ctx, by, p.WorkspaceID, d)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	before := p.Version
	p.UpdatedAt, p.UpdatedBy = v.CreatedAt, by.Subject
	v.PolicyID, v.Version = p.ID, p.Latest+1
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.PublishPolicy(ctx, p, v); err != nil {
			return err
		}
		return a.tell(ctx, by, p, "policy.published", map[string]any{"version_before": before, "version": v.Version, "rules": v.Count})
	})
	p.Version, p.Latest, p.Revision = v.Version, v.Version, p.Revision+1
	return p, v, err
}

// Rollback puts an earlier version in force again: the one given, or the one
// before the one in force where it is 0. A revision of 0 takes whatever is in
// force.
func (a *Access) Rollback(ctx context.Context, by authz.Principal, id authz.PolicyID, revision, version int64) (authz.Policy, authz.PolicyVersion, error) {
	p, err := a.policy(ctx, by, id)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	if err := a.mayChange(ctx, by, p.WorkspaceID); err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	if revision != 0 && revision != p.Revision {
		return authz.Policy{}, authz.PolicyVersion{}, authz.ErrStale
	}
	before := p.Version
	if p.Version = version; version == 0 {
		p.Version = before - 1
	}
	// Not validated anew: what was in force once must be there when it is needed.
	v, err := a.cfg.Store.GetPolicyVersion(ctx, a.cfg.Issuer, p.WorkspaceID, p.Version)
	if err != nil {
		return authz.Policy{}, authz.PolicyVersion{}, err
	}
	p.UpdatedAt, p.UpdatedBy = a.cfg.Clock.Now(), by.Subject
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.ActivatePolicy(ctx, p); err != nil {
			return err
		}
		return a.tell(ctx, by, p, "policy.rolled_back", map[string]any{"version_before": before, "version": p.Version, "rules": v.Count})
	})
	p.Revision++
	return p, v, err
}

// mayChange checks that the principal may change the rules of a workspace that
// is there.
func (a *Access) mayChange(ctx context.Context, by authz.Principal, ws authz.WorkspaceID) error {
	if err := a.mayRead(ctx, by, ws); err != nil {
		return err
	}
	if by.Environment == authz.Test && !by.Platform() {
		return errEnvironment
	}
	return authz.PersonIsFresh(by, a.cfg.Clock.Now())
}

// version validates a draft.
func (a *Access) version(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, d Draft) (authz.PolicyVersion, error) {
	if err := policy.CheckText("note", d.Note); err != nil {
		return authz.PolicyVersion{}, err
	}
	rules, err := a.rulesOf(ctx, ws, d.Rules)
	if err != nil {
		return authz.PolicyVersion{}, err
	}
	text, err := json.Marshal(rules) // one form, whatever was sent
	if err != nil {
		return authz.PolicyVersion{}, err
	}
	return authz.PolicyVersion{
		Issuer: a.cfg.Issuer, WorkspaceID: ws, Rules: text, Count: len(rules), Note: d.Note, CreatedBy: by.Subject, CreatedAt: a.cfg.Clock.Now(),
	}, nil
}

// tell writes the audit entry of a change and tells the outbox.
func (a *Access) tell(ctx context.Context, by authz.Principal, p authz.Policy, typ string, details map[string]any) error {
	now := a.cfg.Clock.Now()
	entry := authz.AuditEntry{
		Issuer: a.cfg.Issuer, WorkspaceID: p.WorkspaceID, AccountID: by.AccountID, Time: now, Type: typ, Result: authz.Success,
		Actor: by.Subject, Target: string(p.ID), Details: details,
	}.From(authz.OriginFrom(ctx))
	if err := a.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return err
	}
	data := map[string]any{"id": p.ID, "actor": by.Subject}
	for name, value := range details {
		data[name] = value
	}
	return a.cfg.Outbox.Append(ctx, p.WorkspaceID, typ, now, data)
}
