package policy

import "slices"

// Join is a set with the rules of both, the operator's first; a finding says
// which are the operator's. As every rule only restricts, neither can take back
// what the other says. A nil set is one without rules.
func Join(operator, workspace *Set) *Set {
	joined := &Set{}
	if operator != nil {
		for _, c := range operator.rules {
			c.operator = true
			joined.rules = append(joined.rules, c)
		}
	}
	if workspace != nil {
		joined.rules = append(joined.rules, workspace.rules...)
	}
	return joined
}

// Idle reports whether no rule of the set could say anything: all are off.
func (s *Set) Idle() bool {
	return s != nil && !slices.ContainsFunc(s.rules, func(c compiled) bool { return c.broken || c.rule.State != Off })
}

// AsksForRoles reports whether a rule that is not off looks at roles, so that
// whoever gathers facts may spare itself looking them up.
func (s *Set) AsksForRoles() bool {
	return s != nil && slices.ContainsFunc(s.rules, func(c compiled) bool { return c.rule.State != Off && len(c.rule.Match.Roles) > 0 })
}
