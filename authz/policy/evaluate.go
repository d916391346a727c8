package policy

import (
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Outcome is how a decision ends.
type Outcome string

// The outcomes.
const (
	Allowed   Outcome = "allowed"
	Denied    Outcome = "denied"
	SteppedUp Outcome = "step_up"
	NoScope   Outcome = "no_scope" // scopes were asked for and none is left
)

// Decision is what a set says to a request.
type Decision struct {
	ID      string  `json:"id"`
	Outcome Outcome `json:"outcome"`
	// Scopes are those left, in the order asked for; none unless allowed.
	Scopes  []string `json:"scopes"`
	Removed []string `json:"removed,omitempty"`
	// AccessTTL and RefreshTTL are upper bounds in seconds; 0 for no bound.
	AccessTTL  int64 `json:"access_ttl_max,omitempty"`
	RefreshTTL int64 `json:"refresh_ttl_max,omitempty"`
	// StepUp is the sign-in that is demanded, or nil.
	StepUp *StepUp `json:"step_up,omitempty"`
	// Rules are those that are not off, in their order.
	Rules []Finding `json:"rules"`
	// Report is how it would end if what is report_only were on; nil where
	// nothing is.
	Report *Decision `json:"report,omitempty"`
}

// Finding is what a decision says of one rule.
type Finding struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State State  `json:"state"`
	// Operator marks a rule of the operator's, which holds in every workspace.
	Operator bool `json:"operator,omitempty"`
	Matched  bool `json:"matched"`
	// Malformed marks a rule that could not be understood and so denies.
	Malformed bool   `json:"malformed,omitempty"`
	Then      Then   `json:"then"`
	Facts     []Fact `json:"facts"`
}

// Fact is one condition of a rule, and whether it held.
type Fact struct {
	Name  string `json:"name"`
	Holds bool   `json:"holds"`
}

// Allows reports whether something may be issued.
func (d Decision) Allows() bool { return d.Outcome == Allowed }

// RefreshEnd is when refresh tokens of a grant made at created end, which was
// to be at end (RT-11: those that exist obey a bound that is newer).
func (d Decision) RefreshEnd(created, end time.Time) time.Time {
	if d.RefreshTTL == 0 {
		return end
	}
	if bound := created.Add(Seconds(d.RefreshTTL)); end.IsZero() || bound.Before(end) {
		return bound
	}
	return end
}

// maxSeconds keeps seconds within a Duration: 100 years.
const maxSeconds = 100 * 366 * 24 * 3600

// Err is nil for a decision that allows, otherwise the error to answer with:
// access_denied, invalid_scope, or the challenge of RFC 9470 section 3.
func (d Decision) Err() error {
	switch d.Outcome {
	case Allowed:
		return nil
	case SteppedUp:
		return d.StepUp.Rule().Insufficient()
	case NoScope:
		return authz.NewError(authz.Invalid, "invalid_scope", "The workspace's policy leaves none of the scopes.")
	}
	return authz.NewError(authz.Forbidden, "access_denied", "The workspace's policy does not allow this.")
}

// Rule is the step-up as clients are told of it. A demand for MFA alone names
// the context that stands for it, or a client would not know what to ask for.
func (s StepUp) Rule() authz.AuthenticationRule {
	rule := authz.AuthenticationRule{ACRValues: slices.Clone(s.ACRValues), MaxAge: Seconds(s.MaxAge)}
	if len(rule.ACRValues) == 0 && s.MFA.rank() > 0 {
		rule.ACRValues = []string{authz.ACRMultiFactor}
	}
	return rule
}

// Evaluate decides. It never changes the request, and the answer shares no
// memory with it. A nil set denies.
func (s *Set) Evaluate(r Request) Decision {
	if s == nil {
		return Decision{ID: r.ID, Outcome: Denied, Scopes: []string{}, Rules: []Finding{}}
	}
	findings := make([]Finding, 0, len(s.rules))
	actual, reported := newTally(r), newTally(r)
	report := false
	for _, c := range s.rules {
		if c.rule.State == Off && !c.broken {
			continue
		}
		f := c.find(r)
		findings = append(findings, f)
		report = report || f.State == ReportOnly && !f.Malformed
		if !f.Matched {
			continue
		}
		reported.take(c, r.Facts)
		if f.State == On || f.Malformed {
			actual.take(c, r.Facts)
		}
	}
	d := actual.decide(r)
	d.Rules = findings
	if report {
		would := reported.decide(r)
		would.Rules = []Finding{}
		d.Report = &would
	}
	return d
}

func (c compiled) find(r Request) Finding {
	f := Finding{ID: c.rule.ID, Name: c.rule.Name, State: c.rule.State, Operator: c.operator, Matched: true, Malformed: c.broken, Then: c.rule.Then,
		Facts: make([]Fact, 0, len(c.conditions))}
	for _, cond := range c.conditions {
		holds := cond.holds(r)
		f.Matched = f.Matched && holds
		f.Facts = append(f.Facts, Fact{cond.fact, holds})
	}
	return f
}

// tally adds up what the matching rules say. Every step only restricts.
type tally struct {
	denied          bool
	scopes          map[string]bool
	access, refresh int64
	stepUp          *StepUp
}

func newTally(r Request) *tally { return &tally{scopes: setOf(r.Scopes)} }

func (t *tally) take(c compiled, f Facts) {
	then := c.rule.Then
	t.denied = t.denied || then.Deny || c.broken
	if c.broken {
		return
	}
	for _, s := range c.remove {
		delete(t.scopes, s)
	}
	if len(c.allow) > 0 {
		for s := range t.scopes {
			if !c.allow[s] {
				delete(t.scopes, s)
			}
		}
	}
	t.access, t.refresh = shorter(t.access, then.AccessTTLMax), shorter(t.refresh, then.RefreshTTLMax)
	if then.StepUp != nil && !then.StepUp.satisfied(f) {
		t.demand(*then.StepUp)
	}
}

func shorter(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// satisfied reports whether the sign-in is what the step-up demands.
func (s StepUp) satisfied(f Facts) bool {
	strong := len(s.ACRValues) == 0 || slices.ContainsFunc(s.ACRValues, func(acr string) bool { return f.reached(acr, s.MaxAge) })
	fresh := s.MaxAge == 0 || within(f.AuthTime, f.At, s.MaxAge)
	return strong && fresh && f.evidence(s.MaxAge).rank() >= s.MFA.rank()
}

// demand adds a step-up. Contexts that two rules have none of in common cannot
// be reached by any sign-in.
func (t *tally) demand(s StepUp) {
	s.ACRValues = slices.Compact(slices.Sorted(slices.Values(s.ACRValues)))
	if t.stepUp == nil {
		t.stepUp = &s
		return
	}
	sum := *t.stepUp
	if s.MFA.rank() > sum.MFA.rank() {
		sum.MFA = s.MFA
	}
	sum.MaxAge = shorter(sum.MaxAge, s.MaxAge)
	switch {
	case len(sum.ACRValues) == 0:
		sum.ACRValues = s.ACRValues
	case len(s.ACRValues) > 0:
		sum.ACRValues = slices.DeleteFunc(slices.Clone(sum.ACRValues), func(v string) bool { return !slices.Contains(s.ACRValues, v) })
		t.denied = t.denied || len(sum.ACRValues) == 0
	}
	t.stepUp = &sum
}

func (t *tally) decide(r Request) Decision {
	d := Decision{ID: r.ID, Outcome: Allowed, Scopes: []string{}, AccessTTL: t.access, RefreshTTL: t.refresh}
	for _, s := range r.Scopes {
		if t.scopes[s] {
			d.Scopes = append(d.Scopes, s)
		} else {
			d.Removed = append(d.Removed, s)
		}
	}
	switch {
	case t.denied:
		d.Outcome = Denied
	case t.stepUp != nil:
		d.Outcome, d.StepUp = SteppedUp, t.stepUp
	case len(r.Scopes) > 0 && len(d.Scopes) == 0:
		d.Outcome = NoScope
	}
	if d.Outcome != Allowed {
		d.Scopes = []string{}
	}
	return d
}

// Seconds is n seconds, kept within a Duration.
func Seconds(n int64) time.Duration { return time.Duration(min(n, maxSeconds)) * time.Second }

// Restricts reports whether anything was taken: a refusal, a scope, a lifetime.
func (d Decision) Restricts() bool {
	return d.Outcome != Allowed || len(d.Removed) > 0 || d.AccessTTL > 0 || d.RefreshTTL > 0
}

// Matched is the decision with at most limit of the rules that matched, and
// none of the others.
func (d Decision) Matched(limit int) Decision {
	matched := []Finding{}
	for _, f := range d.Rules {
		if f.Matched && len(matched) < limit {
			matched = append(matched, f)
		}
	}
	d.Rules = matched
	return d
}
