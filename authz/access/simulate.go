package access

import (
	"context"
	"encoding/json"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Question is what somebody wants to know of the rules.
type Question struct {
	WorkspaceID authz.WorkspaceID
	// Rules stand in for those of the workspace, or of the operator where it is
	// empty; nil asks those in force.
	Rules json.RawMessage
	// Facts and Scopes of a request that nobody made. A region that is not
	// given is looked up, and so are the roles of UserID.
	Facts  policy.Facts
	Scopes []string
	UserID authz.UserID
}

// Simulate answers as Decide would, with every rule and every fact, and records
// nothing.
func (a *Access) Simulate(ctx context.Context, by authz.Principal, q Question) (policy.Decision, error) {
	if err := a.mayRead(ctx, by, q.WorkspaceID); err != nil {
		return policy.Decision{}, err
	}
	set, err := a.draftFor(ctx, q.WorkspaceID, q.Rules)
	if err != nil {
		return policy.Decision{}, err
	}
	if q.Facts.At.IsZero() {
		q.Facts.At = a.cfg.Clock.Now()
	}
	if q.Facts.Region == "" {
		q.Facts.Region = a.cfg.Regions.Of(q.Facts.Address)
	}
	if q.UserID != "" {
		if q.Facts.Roles, err = a.rolesOf(ctx, authz.Grant{WorkspaceID: q.WorkspaceID, UserID: q.UserID, Environment: q.Facts.Environment}); err != nil {
			return policy.Decision{}, err
		}
	}
	return set.Evaluate(policy.Request{ID: policy.NewID(), Facts: q.Facts, Scopes: q.Scopes}), nil
}

// draftFor is the set that would be asked if the rules were in force; those in
// force where there are none.
func (a *Access) draftFor(ctx context.Context, ws authz.WorkspaceID, text json.RawMessage) (*policy.Set, error) {
	if text == nil {
		rules, err := a.rulesFor(ctx, ws)
		return rules.orIdle(), err
	}
	draft, err := a.draftOf(ctx, ws, text)
	if err != nil {
		return nil, err
	}
	if ws == "" {
		return policy.Join(draft, nil), nil
	}
	operators, err := a.inForce(ctx, "")
	if err != nil {
		return nil, err
	}
	if operators.version != 0 && operators.set == nil {
		return nil, nil //nolint:nilnil // a nil set denies, as it does in force
	}
	return policy.Join(operators.set, draft), nil
}

// draftOf makes rules ready that are not in force.
func (a *Access) draftOf(ctx context.Context, ws authz.WorkspaceID, text json.RawMessage) (*policy.Set, error) {
	rules, err := a.rulesOf(ctx, ws, text)
	if err != nil {
		return nil, err
	}
	scopes, err := a.cfg.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	return policy.NewSetNamed(scopes.Names(), rules), nil
}
