package admin

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// GroupStore keeps what people are given by their groups at an upstream.
type GroupStore interface {
	GetConnection(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error)
	// SetGroupRules fails with authz.ErrStale when the connection is of another
	// revision.
	SetGroupRules(ctx context.Context, c authz.Connection) error
}

// maxGroupRules bounds those of a connection.
const maxGroupRules = 200

// GetGroupRules returns a connection with what its groups give.
func (a *Admin) GetGroupRules(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) (authz.Connection, error) {
	if err := a.inWorkspace(ctx, by, ScopeMembers, ws); err != nil {
		return authz.Connection{}, err
	}
	return a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, ws, id)
}

// SetGroupRules replaces what a connection's groups give. Whoever does must be
// able to give everything that it gave and will give. What no rule gives any
// more is taken at once; who is in which group is known at their next sign-in.
func (a *Admin) SetGroupRules(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID, revision int64, rules []authz.GroupRule) (authz.Connection, error) {
	var c authz.Connection
	err := a.change(ctx, by, ScopeMembers, ws, func(ctx context.Context) error {
		var err error
		if c, err = a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, ws, id); err != nil {
			return err
		}
		if revision != 0 && revision != c.Revision {
			return authz.ErrStale
		}
		if err := a.checkGroupRules(ctx, by, c, rules); err != nil {
			return err
		}
		return a.replaceGroupRules(ctx, by, &c, rules)
	})
	return c, err
}

// WithdrawGroups clears the rules of a connection that is to end, and takes what
// they gave: afterwards no rule or sign-in could. It joins the context's
// transaction. Whoever may end a connection needs no leave to give what it gave.
func (a *Admin) WithdrawGroups(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ConnectionID) error {
	if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, ws); err != nil {
		return err
	}
	c, err := a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, ws, id)
	if err != nil || len(c.Groups) == 0 {
		return err
	}
	return a.replaceGroupRules(ctx, by, &c, nil)
}

// replaceGroupRules replaces the rules, and takes what none gives any more.
func (a *Admin) replaceGroupRules(ctx context.Context, by authz.Principal, c *authz.Connection, rules []authz.GroupRule) error {
	before := c.Groups
	c.Groups = rules
	if err := a.cfg.Store.SetGroupRules(ctx, *c); err != nil {
		return err
	}
	c.Revision++
	for _, gone := range gifts(before) {
		if slices.Contains(gifts(rules), gone) {
			continue
		}
		if err := a.withdraw(ctx, *c, gone); err != nil {
			return err
		}
	}
	return a.record(ctx, by, c.WorkspaceID, "connection.groups_changed", string(c.ID), map[string]any{"rules_before": before, "rules_after": rules})
}

// gifts are what rules give, each once.
func gifts(rules []authz.GroupRule) []authz.GroupRule {
	var all []authz.GroupRule
	for _, r := range rules {
		if !slices.Contains(all, r.Gives()) {
			all = append(all, r.Gives())
		}
	}
	return all
}

func (a *Admin) checkGroupRules(ctx context.Context, by authz.Principal, c authz.Connection, rules []authz.GroupRule) error {
	if len(rules) > maxGroupRules {
		return invalid("rules", "must be 200 at most.")
	}
	for n, r := range rules {
		if clientmeta.CheckText("group", r.Group) != nil {
			return invalid("group", "must be 1 to 200 characters, without control characters.")
		}
		if (r.Role == "") == (r.Team == "") || r.Team != "" && r.Environment != "" {
			return invalid("rules", "a rule has a role, with or without an environment, or a team.")
		}
		if slices.Contains(rules[:n], r) {
			return invalid("rules", "names one twice.")
		}
	}
	for _, gift := range gifts(rules) {
		if err := a.mayGiveByGroup(ctx, by, c.WorkspaceID, gift); err != nil {
			return err
		}
	}
	for _, gift := range gifts(c.Groups) { // what is gone by now gives nothing
		if err := a.mayGiveByGroup(ctx, by, c.WorkspaceID, gift); err != nil && authz.KindOf(err) != authz.Invalid {
			return err
		}
	}
	return nil
}

// mayGiveByGroup checks that the principal could give what a rule gives to a
// person by name.
func (a *Admin) mayGiveByGroup(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, gift authz.GroupRule) error {
	if gift.Team != "" {
		if _, err := a.cfg.Store.GetTeam(ctx, a.cfg.Issuer, ws, gift.Team); err != nil {
			return notThere("team", err)
		}
		return a.mayGiveTeam(ctx, by, ws, gift.Team)
	}
	r, err := a.roleOf(ctx, ws, gift.Role)
	if err != nil {
		return notThere("role", err)
	}
	if err := a.suits(ctx, r, authz.UserSubject); err != nil {
		return err
	}
	if by.Environment != "" && !by.Platform() && gift.Environment != by.Environment {
		return errEnvironment
	}
	return a.mayGive(ctx, by, ws, r, gift.Environment)
}

// withdraw takes what a connection gave from everybody it gave it to.
func (a *Admin) withdraw(ctx context.Context, c authz.Connection, gift authz.GroupRule) error {
	for {
		people, err := a.takeSome(ctx, c, gift)
		if err != nil || len(people) == 0 {
			return err
		}
		for _, id := range people {
			if err := a.compilePerson(ctx, c.WorkspaceID, id); err != nil {
				return err
			}
		}
	}
}

// takeSome takes it from a batch of people, and says from whom.
func (a *Admin) takeSome(ctx context.Context, c authz.Connection, gift authz.GroupRule) ([]authz.UserID, error) {
	var people []authz.UserID
	if gift.Team != "" {
		members, err := a.cfg.Store.TeamMembersMadeBy(ctx, a.cfg.Issuer, c.WorkspaceID, string(c.ID), gift.Team, batch)
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if err := a.cfg.Store.RemoveTeamMember(ctx, a.cfg.Issuer, c.WorkspaceID, m.Team, m.User); err != nil {
				return nil, err
			}
			people = append(people, m.User)
		}
		return people, nil
	}
	bindings, err := a.cfg.Store.BindingsMadeBy(ctx, a.cfg.Issuer, c.WorkspaceID, string(c.ID), gift.Role, gift.Environment, batch)
	if err != nil {
		return nil, err
	}
	for _, b := range bindings {
		if err := a.cfg.Store.DeleteRoleBinding(ctx, a.cfg.Issuer, c.WorkspaceID, b.ID); err != nil {
			return nil, err
		}
		people = append(people, authz.UserID(b.Subject))
	}
	return people, nil
}
