package access

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Bounds of a replay.
const (
	MaxReplayDays = 90
	maxReplayed   = 10_000 // decisions
	maxSamples    = 20
)

// Replay asks what a draft would have said.
type Replay struct {
	// WorkspaceID is whose recorded decisions are gone through.
	WorkspaceID authz.WorkspaceID
	Draft
	// Operators says that the rules stand in for the operator's, not for the
	// workspace's. Only the operator may ask so.
	Operators bool
	// Days is how far back, 1 to 90.
	Days int
}

// Report is what came of a replay.
type Report struct {
	From, To time.Time
	// Decisions is how many were gone through, the newest first. Complete is
	// false where there were more.
	Decisions int
	Complete  bool
	// Changed is how many would have ended differently; the others say how,
	// and may count one decision several times.
	Changed                                           int
	Denied, SteppedUp, WithoutScope, Allowed          int // that had ended otherwise
	ScopesTaken, ScopesGiven, LifeShorter, LifeLonger int // of those allowed before and after
	Samples                                           []Sample
}

// Sample is one decision that would have ended differently.
type Sample struct {
	Record        authz.PolicyDecision
	Before, After policy.Decision
}

// Replay goes through the recorded decisions of the last days, and compares what
// was said with what the draft would have said to the same facts.
func (a *Access) Replay(ctx context.Context, by authz.Principal, r Replay) (Report, error) {
	if err := a.mayRead(ctx, by, r.WorkspaceID); err != nil {
		return Report{}, err
	}
	if r.Operators && !by.Platform() {
		return Report{}, authz.NewError(authz.Forbidden, "operator_required", "Only the operator may try rules of the operator.")
	}
	if r.Days < 1 || r.Days > MaxReplayDays {
		return Report{}, authz.NewError(authz.Invalid, "invalid_request", "days: must be between 1 and 90")
	}
	set, err := a.tried(ctx, r)
	if err != nil {
		return Report{}, err
	}
	to := a.cfg.Clock.Now()
	report := Report{From: to.AddDate(0, 0, -r.Days), To: to, Complete: true, Samples: []Sample{}}
	err = a.replay(ctx, r.WorkspaceID, set, &report)
	return report, err
}

// tried are the draft and the rules beside it that stay as they are.
func (a *Access) tried(ctx context.Context, r Replay) (*policy.Set, error) {
	if !r.Operators {
		return a.draftFor(ctx, r.WorkspaceID, r.Rules)
	}
	draft, err := a.draftOf(ctx, "", r.Rules)
	if err != nil {
		return nil, err
	}
	own := ruleSet{}
	if r.WorkspaceID != "" {
		if own, err = a.inForce(ctx, r.WorkspaceID); err != nil {
			return nil, err
		}
	}
	return joined(ruleSet{version: 1, set: draft}, own).orIdle(), nil
}

// orIdle is the set, or one without rules where there are none to ask.
func (a asked) orIdle() *policy.Set {
	if a.nothing {
		return policy.Join(nil, nil)
	}
	return a.set
}

func (a *Access) replay(ctx context.Context, ws authz.WorkspaceID, set *policy.Set, report *Report) error {
	page := authz.Page{Limit: 500}
	for {
		records, err := a.cfg.Store.ListDecisions(ctx, a.cfg.Issuer, ws, page)
		if err != nil {
			return err
		}
		for _, record := range records {
			if record.Time.Before(report.From) {
				return nil
			}
			if report.Decisions == maxReplayed {
				report.Complete = false
				return nil
			}
			if err := report.compare(record, set); err != nil {
				return err
			}
		}
		if len(records) < page.Rows() {
			return nil
		}
		last := records[len(records)-1]
		page.After = authz.Position{CreatedAt: last.Time, ID: last.ID}
	}
}

func (r *Report) compare(record authz.PolicyDecision, set *policy.Set) error {
	var request policy.Request
	var before policy.Decision
	if err := json.Unmarshal(record.Request, &request); err != nil {
		return fmt.Errorf("reading a recorded request: %w", err)
	}
	if err := json.Unmarshal(record.Result, &before); err != nil {
		return fmt.Errorf("reading a recorded decision: %w", err)
	}
	r.Decisions++
	after := set.Evaluate(request)
	if !r.count(before, after) {
		return nil
	}
	r.Changed++
	if len(r.Samples) < maxSamples {
		r.Samples = append(r.Samples, Sample{record, before, after.Matched(maxMatched)})
	}
	return nil
}

// count notes how a decision would have changed, and whether it would.
func (r *Report) count(before, after policy.Decision) bool {
	if before.Outcome != after.Outcome {
		switch after.Outcome {
		case policy.Denied:
			r.Denied++
		case policy.SteppedUp:
			r.SteppedUp++
		case policy.NoScope:
			r.WithoutScope++
		default:
			r.Allowed++
		}
		return true
	}
	if !after.Allows() {
		return false
	}
	missing := func(from []string) func(string) bool {
		return func(s string) bool { return !slices.Contains(from, s) }
	}
	changed := false
	note := func(counter *int, is bool) {
		if is {
			*counter++
			changed = true
		}
	}
	note(&r.ScopesTaken, slices.ContainsFunc(before.Scopes, missing(after.Scopes)))
	note(&r.ScopesGiven, slices.ContainsFunc(after.Scopes, missing(before.Scopes)))
	note(&r.LifeShorter, tighter(before.AccessTTL, after.AccessTTL) || tighter(before.RefreshTTL, after.RefreshTTL))
	note(&r.LifeLonger, tighter(after.AccessTTL, before.AccessTTL) || tighter(after.RefreshTTL, before.RefreshTTL))
	return changed
}

// tighter reports whether a bound is less than it was; 0 is no bound.
func tighter(was, is int64) bool { return is > 0 && (was == 0 || is < was) }
