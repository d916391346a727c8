package access

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Explanation is a recorded decision, opened.
type Explanation struct {
	Record authz.PolicyDecision
	// Request is what was asked: the facts as they were known, and the scopes.
	Request policy.Request
	// Said is what was answered, with the rules that matched.
	Said policy.Decision
	// Findings are every rule of the versions that were asked, with what each
	// looked at; nil where a version is not kept any more, or would answer
	// differently today.
	Findings []policy.Finding
}

// Decisions lists a workspace's recorded decisions, the newest first.
func (a *Access) Decisions(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.PolicyDecision, error) {
	if err := a.mayRead(ctx, by, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListDecisions(ctx, a.cfg.Issuer, ws, page)
}

// Explain opens a recorded decision. What the rules looked at is found by asking
// the versions that were asked then, which never change, about the facts that
// were recorded.
func (a *Access) Explain(ctx context.Context, by authz.Principal, id string) (Explanation, error) {
	if err := a.mayRead(ctx, by, by.WorkspaceID); err != nil {
		return Explanation{}, err
	}
	record, err := a.decision(ctx, by, id)
	if err != nil {
		return Explanation{}, err
	}
	e := Explanation{Record: record}
	if err := json.Unmarshal(record.Request, &e.Request); err != nil {
		return e, fmt.Errorf("reading a recorded request: %w", err)
	}
	if err := json.Unmarshal(record.Result, &e.Said); err != nil {
		return e, fmt.Errorf("reading a recorded decision: %w", err)
	}
	set, err := a.asked(ctx, record)
	if errors.Is(err, authz.ErrNotFound) {
		return e, nil
	}
	if err != nil {
		return e, err
	}
	if again := set.Evaluate(e.Request); again.Outcome == e.Said.Outcome && slices.Equal(again.Scopes, e.Said.Scopes) {
		e.Findings = again.Rules
	}
	return e, nil
}

func (a *Access) decision(ctx context.Context, by authz.Principal, id string) (authz.PolicyDecision, error) {
	if by.Platform() {
		return a.cfg.Store.GetDecisionAcrossWorkspaces(ctx, a.cfg.Issuer, id)
	}
	return a.cfg.Store.GetDecision(ctx, a.cfg.Issuer, by.WorkspaceID, id)
}

// asked are the rules that a recorded decision went by.
func (a *Access) asked(ctx context.Context, d authz.PolicyDecision) (*policy.Set, error) {
	operators, err := a.at(ctx, "", d.OperatorVersion)
	if err != nil || d.WorkspaceID == "" {
		return joined(operators, ruleSet{}).set, err
	}
	own, err := a.at(ctx, d.WorkspaceID, d.Version)
	return joined(operators, own).set, err
}

// at is a version of a workspace's rules; version 0 is none.
func (a *Access) at(ctx context.Context, ws authz.WorkspaceID, version int64) (ruleSet, error) {
	if version == 0 {
		return ruleSet{}, nil
	}
	v, err := a.cfg.Store.GetPolicyVersion(ctx, a.cfg.Issuer, ws, version)
	if err != nil {
		return ruleSet{}, err
	}
	scopes, err := a.cfg.Scopes(ctx)
	if err != nil {
		return ruleSet{}, err
	}
	return ruleSet{version: version, set: compiled(scopes.Names(), v.Rules)}, nil
}
