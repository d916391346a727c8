package admin

import (
	"context"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// GroupsTold is what an upstream told of a person's groups at a sign-in.
type GroupsTold struct {
	Connection authz.Connection
	User       authz.UserID
	Groups     []string
	// Unknown says that the upstream left the groups out: the person counts as
	// being in none.
	Unknown bool
}

// gift is what a connection gave to one person, and by what.
type gift struct {
	authz.GroupRule
	binding authz.BindingID
}

// FollowGroups gives a person what the rules of the connection give to their
// groups, and takes what they gave and do not any more, in the transaction of
// their sign-in. Roles and teams that somebody gave them stay, and are those of
// the scopes of now.
func (a *Admin) FollowGroups(ctx context.Context, in GroupsTold) error {
	if err := a.followGroups(ctx, in); err != nil {
		return err
	}
	return a.keepUp(ctx, in.Connection.WorkspaceID, in.User)
}

func (a *Admin) followGroups(ctx context.Context, in GroupsTold) error {
	c := in.Connection
	if len(c.Groups) == 0 {
		return nil // what there was was taken with the last rule
	}
	have, err := a.givenBy(ctx, c, in.User)
	if err != nil || settled(have, in.wants(c.Groups)) {
		return err
	}
	// Under the workspace's lock the rules are those of now.
	if err := a.cfg.Store.LockWorkspace(ctx, a.cfg.Issuer, c.WorkspaceID); err != nil {
		return err
	}
	if c, err = a.cfg.Store.GetConnection(ctx, a.cfg.Issuer, c.WorkspaceID, c.ID); err != nil {
		return err
	}
	if have, err = a.givenBy(ctx, c, in.User); err != nil {
		return err
	}
	return a.follow(ctx, in, c, have)
}

// wants are what the rules give to the groups.
func (in GroupsTold) wants(rules []authz.GroupRule) []authz.GroupRule {
	if in.Unknown {
		return nil
	}
	return gifts(slices.DeleteFunc(slices.Clone(rules), func(r authz.GroupRule) bool { return !slices.Contains(in.Groups, r.Group) }))
}

func settled(have []gift, want []authz.GroupRule) bool {
	return len(have) == len(want) && !slices.ContainsFunc(have, func(g gift) bool { return !slices.Contains(want, g.GroupRule) })
}

// givenBy is what the connection gave to a person.
func (a *Admin) givenBy(ctx context.Context, c authz.Connection, user authz.UserID) ([]gift, error) {
	bindings, err := a.cfg.Store.BindingsOfSubject(ctx, a.cfg.Issuer, c.WorkspaceID, authz.UserSubject, string(user), maxBindings)
	if err != nil {
		return nil, err
	}
	var all []gift
	for _, b := range bindings {
		if b.MadeBy == string(c.ID) {
			all = append(all, gift{authz.GroupRule{Role: b.Role, Environment: b.Environment}, b.ID})
		}
	}
	teams, err := a.cfg.Store.TeamMembershipsOf(ctx, a.cfg.Issuer, c.WorkspaceID, user, maxTeams)
	if err != nil {
		return nil, err
	}
	for _, t := range teams {
		if t.MadeBy == string(c.ID) {
			all = append(all, gift{GroupRule: authz.GroupRule{Team: t.Team}})
		}
	}
	return all, nil
}

func (a *Admin) follow(ctx context.Context, in GroupsTold, c authz.Connection, have []gift) error {
	want := in.wants(c.Groups)
	var taken, given []authz.GroupRule
	for _, g := range have {
		if slices.Contains(want, g.GroupRule) {
			continue
		}
		if err := a.take(ctx, c, in.User, g); err != nil {
			return err
		}
		taken = append(taken, g.GroupRule)
	}
	for _, w := range want {
		if slices.ContainsFunc(have, func(g gift) bool { return g.GroupRule == w }) {
			continue
		}
		did, err := a.give(ctx, c, in.User, w)
		if err != nil {
			return err
		}
		if did {
			given = append(given, w)
		}
	}
	if len(taken)+len(given) == 0 {
		return nil
	}
	if err := a.compilePerson(ctx, c.WorkspaceID, in.User); err != nil {
		return err
	}
	return a.record(ctx, authz.Principal{Subject: string(c.ID)}, c.WorkspaceID, "member.groups_followed", string(in.User),
		map[string]any{"given": given, "taken": taken, "groups_unknown": in.Unknown})
}

func (a *Admin) take(ctx context.Context, c authz.Connection, user authz.UserID, g gift) error {
	if g.Team != "" {
		return a.cfg.Store.RemoveTeamMember(ctx, a.cfg.Issuer, c.WorkspaceID, g.Team, user)
	}
	return a.cfg.Store.DeleteRoleBinding(ctx, a.cfg.Issuer, c.WorkspaceID, g.binding)
}

// give gives one thing, unless it is not there any more or there is no room: a
// sign-in does not fail for that.
func (a *Admin) give(ctx context.Context, c authz.Connection, user authz.UserID, w authz.GroupRule) (bool, error) {
	var err error
	if w.Team != "" {
		err = a.giveTeam(ctx, c, user, w.Team)
	} else {
		err = a.giveRole(ctx, c, user, w)
	}
	switch authz.KindOf(err) {
	case authz.NotFound, authz.Conflict:
		return false, nil
	}
	return err == nil, err
}

func (a *Admin) giveTeam(ctx context.Context, c authz.Connection, user authz.UserID, id authz.TeamID) error {
	_, people, err := a.team(ctx, c.WorkspaceID, id)
	if err != nil {
		return err
	}
	if slices.Contains(people, user) {
		return authz.ErrConflict // somebody put them there
	}
	return a.enterTeam(ctx, authz.TeamMembership{Issuer: a.cfg.Issuer, WorkspaceID: c.WorkspaceID, Team: id, User: user, MadeBy: string(c.ID)}, len(people))
}

func (a *Admin) giveRole(ctx context.Context, c authz.Connection, user authz.UserID, w authz.GroupRule) error {
	r, err := a.roleOf(ctx, c.WorkspaceID, w.Role)
	if err != nil {
		return err
	}
	b := authz.RoleBinding{
		ID: authz.NewBindingID(), Issuer: a.cfg.Issuer, WorkspaceID: c.WorkspaceID, Kind: authz.UserSubject, Subject: string(user),
		Role: w.Role, Environment: w.Environment, MadeBy: string(c.ID), CreatedAt: a.cfg.Clock.Now(),
	}
	if err := a.roomForBinding(ctx, b, r); err != nil {
		return err
	}
	return a.cfg.Store.CreateRoleBinding(ctx, b)
}
