package policy

import (
	"net/netip"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a static binary may run where there is no time zone database

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Set is a workspace's rules, ready to be evaluated. It is immutable.
type Set struct{ rules []compiled }

// compiled is a rule with what its lists say as predicates, in the order in
// which a decision names them.
type compiled struct {
	rule       Rule
	operator   bool
	broken     bool
	conditions []condition
	allow      map[string]bool
	remove     []string
}

// condition is one member of match or when.
type condition struct {
	fact  string
	holds func(Request) bool
}

// NewSet is NewSetNamed where every scope has one name.
func NewSet(rules []Rule) *Set { return NewSetNamed(authz.ScopeNames{}, rules) }

// NewSetNamed makes rules ready. A scope that goes by more than one name is in a
// rule by all of them, or what a rule takes could be asked for by another. A rule that Validate would refuse for its form is
// kept and denies, whatever its state was meant to be; a set with more rules
// than MaxRules denies everything.
func NewSetNamed(names authz.ScopeNames, rules []Rule) *Set {
	if len(rules) > MaxRules {
		return &Set{[]compiled{{rule: Rule{Name: "too many rules", State: On, Then: Then{Deny: true}}, broken: true}}}
	}
	s := &Set{make([]compiled, 0, len(rules))}
	for _, r := range rules {
		c := compiled{rule: r, broken: len(form(r)) > 0}
		if !c.broken {
			r.Match.Scopes = names.Spelled(r.Match.Scopes)
			c.conditions = append(matching(r.Match), circumstances(r.When)...)
			c.allow, c.remove = setOf(names.Spelled(r.Then.AllowOnlyScopes)), names.Spelled(r.Then.RemoveScopes)
		}
		s.rules = append(s.rules, c)
	}
	return s
}

func setOf[T ~string](list []T) map[string]bool {
	set := make(map[string]bool, len(list))
	for _, s := range list {
		set[string(s)] = true
	}
	return set
}

// matching are the conditions of match.
func matching(m Match) []condition {
	var cs []condition
	one := func(fact string, list []string, of func(Facts) string) {
		if set := setOf(list); len(set) > 0 {
			cs = append(cs, condition{fact, func(r Request) bool { return set[of(r.Facts)] }})
		}
	}
	any := func(fact string, list []string, of func(Request) ([]string, bool)) {
		if set := setOf(list); len(set) > 0 {
			cs = append(cs, condition{fact, func(r Request) bool {
				held, unknown := of(r)
				return unknown || slices.ContainsFunc(held, func(s string) bool { return set[s] })
			}})
		}
	}
	one("client", m.Clients, func(f Facts) string { return string(f.Client) })
	one("grant", m.Grants, func(f Facts) string { return f.Grant })
	any("groups", m.Groups, func(r Request) ([]string, bool) { return r.Facts.Groups, r.Facts.GroupsUnknown })
	any("roles", m.Roles, func(r Request) ([]string, bool) { return r.Facts.Roles, false })
	any("scopes", m.Scopes, func(r Request) ([]string, bool) { return r.Scopes, false })
	return cs
}

// circumstances are the conditions of when.
func circumstances(w When) []condition {
	var cs []condition
	add := func(fact string, wanted bool, holds func(Facts) bool) {
		if wanted {
			cs = append(cs, condition{fact, func(r Request) bool { return holds(r.Facts) }})
		}
	}
	lists := func(fact string, in, notIn []string, of func(Facts) string) {
		inside, outside := setOf(in), setOf(notIn)
		add(fact, len(in) > 0, func(f Facts) bool { return inside[of(f)] })
		add(fact+" (not in)", len(notIn) > 0, func(f Facts) bool { return of(f) == Unknown || !outside[of(f)] })
	}
	// Who is nowhere known to be is where it hurts.
	add("address", len(w.IPIn) > 0, func(f Facts) bool { return !f.Address.IsValid() || inBlocks(w.IPIn, f.Address) })
	add("address (not in)", len(w.IPNotIn) > 0, func(f Facts) bool { return !f.Address.IsValid() || !inBlocks(w.IPNotIn, f.Address) })
	lists("region", w.Regions, w.RegionsNotIn, func(f Facts) string { return known(strings.ToUpper(f.Region)) })
	if w.MFA != nil {
		kinds := setOf(w.MFA.Evidence)
		add("mfa", true, func(f Facts) bool { return kinds[string(f.evidence(w.MFA.MaxAge))] })
	}
	lists("acr", w.ACR, w.ACRNotIn, func(f Facts) string { return f.ACR })
	lists("connection", w.Connections, w.ConnectionsNotIn, func(f Facts) string { return string(f.Connection) })
	add("fallback", w.FallbackInUse != nil, func(f Facts) bool { return f.FallbackInUse == *w.FallbackInUse })
	add("environment", len(w.Environments) > 0, func(f Facts) bool {
		return f.Environment == "" || slices.Contains(w.Environments, f.Environment)
	})
	if w.Time != nil {
		holds, _ := window(*w.Time) // the form was checked
		add("time", true, func(f Facts) bool { return f.At.IsZero() || holds(f.At) })
	}
	lists("risk", w.Risk, w.RiskNotIn, func(f Facts) string { return known(f.Risk) })
	return cs
}

func known(s string) string {
	if s == "" || strings.EqualFold(s, Unknown) {
		return Unknown
	}
	return s
}

func inBlocks(blocks []netip.Prefix, a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return p.Contains(a) })
}

// window returns the predicate of a time window.
func window(w Window) (func(time.Time) bool, error) {
	from, err := time.Parse("15:04", w.From)
	if err != nil {
		return nil, err
	}
	to, err := time.Parse("15:04", w.To)
	if err != nil {
		return nil, err
	}
	zone, err := time.LoadLocation(w.TimeZone)
	if err != nil {
		return nil, err
	}
	days := setOf(w.Days)
	begin, end := from.Hour()*60+from.Minute(), to.Hour()*60+to.Minute()
	on := func(d time.Weekday) bool { return len(days) == 0 || days[dayNames[d]] }
	return func(at time.Time) bool {
		at = at.In(zone)
		minute := at.Hour()*60 + at.Minute()
		if begin < end {
			return on(at.Weekday()) && begin <= minute && minute < end
		}
		return on(at.Weekday()) && begin <= minute || on((at.Weekday()+6)%7) && minute < end
	}, nil
}

var dayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

var environments = []authz.Environment{authz.Live, authz.Test}
