package access

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// RulesError says everything that is wrong with a rule set; each is an Error of
// kind Invalid that begins with the place, such as rules[3].when.time. None
// quotes what was sent.
type RulesError struct{ Problems []*authz.Error }

// Error is the first problem.
func (e *RulesError) Error() string { return e.Problems[0].Error() }

// Unwrap returns the first problem, which the others are told with.
func (e *RulesError) Unwrap() error { return e.Problems[0] }

// maxProblems bounds the problems told at once, and maxNamed the clients and
// the connections that one rule set may name.
const (
	maxProblems = 50
	maxNamed    = 500
	maxRoles    = 100
)

// rulesOf reads and validates the rules that somebody wants in force.
func (a *Access) rulesOf(ctx context.Context, ws authz.WorkspaceID, text []byte) ([]policy.Rule, error) {
	rules, err := policy.Decode(text)
	if err != nil {
		return nil, problems(err)
	}
	clients, connections, roles := named(rules)
	if len(clients) > maxNamed || len(connections) > maxNamed || len(roles) > maxRoles {
		return nil, authz.NewError(authz.Invalid, "invalid_request", "rules: must name at most 500 clients, 500 connections and 100 roles")
	}
	there, err := a.cfg.Store.NamedByPolicy(ctx, a.cfg.Issuer, ws, clients, connections)
	if err != nil {
		return nil, err
	}
	held, err := a.rolesThere(ctx, ws, roles)
	if err != nil {
		return nil, err
	}
	scopes, err := a.cfg.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	known := func(id string) bool { return there[id] }
	err = policy.Validate(rules, policy.Catalogue{
		Scopes: func(s string) bool { return scopes.Knows(scopes.Names().Canonical(s)) }, Roles: func(r string) bool { return held[r] }, Clients: known, Connections: known,
	})
	return rules, problems(err)
}

// named are the ids of clients, connections and roles in the rules, each once.
func named(rules []policy.Rule) (clients, connections, roles []string) {
	for _, r := range rules {
		clients, roles = append(clients, r.Match.Clients...), append(roles, r.Match.Roles...)
		connections = append(append(connections, r.When.Connections...), r.When.ConnectionsNotIn...)
	}
	slices.Sort(clients)
	slices.Sort(connections)
	slices.Sort(roles)
	return slices.Compact(clients), slices.Compact(connections), slices.Compact(roles)
}

func problems(err error) error {
	if err == nil {
		return nil
	}
	each := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		each = many.Unwrap()
	}
	told := &RulesError{}
	for _, one := range each {
		if e, ok := errors.AsType[*authz.Error](one); ok && len(told.Problems) < maxProblems {
			told.Problems = append(told.Problems, e)
		}
	}
	if len(told.Problems) == 0 {
		return err
	}
	return told
}
