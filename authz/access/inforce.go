package access

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// ruleSet is what is in force in a workspace; version 0 for nothing.
type ruleSet struct {
	version int64
	set     *policy.Set
	bytes   int
}

// A compiled rule takes some four times the room of its text.
func (r ruleSet) weight() int { return 128 + 4*r.bytes }

// inForce returns the rules of a workspace, remembered until they change.
func (a *Access) inForce(ctx context.Context, ws authz.WorkspaceID) (ruleSet, error) {
	key := sha256.Sum256([]byte(ws))
	read := func() (ruleSet, []authz.NodeRef, error) {
		on := []authz.NodeRef{authz.PolicyRef(a.cfg.Issuer, ws), authz.ScopesRef(a.cfg.Issuer)} // and what scopes are called
		scopes, err := a.cfg.Scopes(ctx)
		if err != nil {
			return ruleSet{}, nil, err
		}
		version, rules, err := a.cfg.Store.RulesInForce(ctx, a.cfg.Issuer, ws)
		if errors.Is(err, authz.ErrNotFound) {
			return ruleSet{}, on, nil
		}
		if err != nil {
			return ruleSet{}, nil, err
		}
		return ruleSet{version: version, set: compiled(scopes.Names(), rules), bytes: len(rules)}, on, nil
	}
	return a.known.Within(ctx, key, read)
}

// compiled makes rules ready that were validated when they were applied. Rules
// that cannot be read any more deny everything, as a nil set does.
func compiled(names authz.ScopeNames, text json.RawMessage) *policy.Set {
	rules, err := policy.Decode(text)
	if err != nil {
		return nil
	}
	return policy.NewSetNamed(names, rules)
}

// asked are the rules that a decision about a workspace goes by.
type asked struct {
	set                      *policy.Set
	operatorVersion, version int64
	nothing                  bool
}

// rulesFor returns what is in force in a workspace: the operator's rules and
// its own. nothing says that there are none to ask.
func (a *Access) rulesFor(ctx context.Context, ws authz.WorkspaceID) (asked, error) {
	operators, err := a.inForce(ctx, "")
	if err != nil || ws == "" {
		return joined(operators, ruleSet{}), err
	}
	own, err := a.inForce(ctx, ws)
	return joined(operators, own), err
}

func joined(operators, own ruleSet) asked {
	idle := func(r ruleSet) bool { return r.version == 0 || r.set.Idle() }
	to := asked{operatorVersion: operators.version, version: own.version, nothing: idle(operators) && idle(own)}
	broken := operators.version != 0 && operators.set == nil || own.version != 0 && own.set == nil
	if !to.nothing && !broken {
		to.set = policy.Join(operators.set, own.set)
	}
	return to
}
