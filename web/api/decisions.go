package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// PolicyDecision is a recorded decision as the API tells of it.
type PolicyDecision struct {
	ID              string `json:"id"`
	WorkspaceID     string `json:"workspace_id"`
	Time            string `json:"time"`
	Place           string `json:"place" enum:"authorize,token,refresh,exchange"`
	Outcome         string `json:"outcome" enum:"allowed,denied,step_up,no_scope"`
	Changed         bool   `json:"changed" doc:"Whether rules took anything: a refusal, a scope, a lifetime."`
	ClientID        string `json:"client_id"`
	Subject         string `json:"subject"`
	GrantID         string `json:"grant_id,omitempty"`
	Version         int64  `json:"policy_version" doc:"Of the workspace's rules; 0 for none."`
	OperatorVersion int64  `json:"operator_policy_version" doc:"Of the operator's rules; 0 for none."`
	ExpiresAt       string `json:"expires_at"`
}

// DecisionDetail is a recorded decision, opened.
type DecisionDetail struct {
	PolicyDecision
	Requested []string      `json:"requested_scopes"`
	Facts     DecisionFacts `json:"facts"`
	Verdict   Verdict       `json:"verdict"`
	Explained bool          `json:"explained" doc:"Whether every rule is told of, with what it looked at; else those that matched."`
}

// DecisionFacts are what was known when a decision was made.
type DecisionFacts struct {
	At            string   `json:"at"`
	GrantType     string   `json:"grant_type"`
	Groups        []string `json:"groups,omitempty"`
	GroupsUnknown bool     `json:"groups_unknown,omitempty"`
	Roles         []string `json:"roles,omitempty"`
	Address       string   `json:"address,omitempty"`
	Region        string   `json:"region,omitempty"`
	MFA           string   `json:"mfa,omitempty"`
	MFAAt         string   `json:"mfa_at,omitempty"`
	AuthTime      string   `json:"auth_time,omitempty"`
	ACR           string   `json:"acr,omitempty"`
	ConnectionID  string   `json:"connection_id,omitempty"`
	FallbackInUse bool     `json:"fallback_in_use,omitempty"`
	Environment   string   `json:"environment,omitempty"`
	Risk          string   `json:"risk,omitempty"`
}

func viewDecision(d authz.PolicyDecision) PolicyDecision {
	return PolicyDecision{
		ID: d.ID, WorkspaceID: string(d.WorkspaceID), Time: stamp(d.Time), Place: d.Place, Outcome: d.Outcome, Changed: d.Changed,
		ClientID: string(d.ClientID), Subject: d.Subject, GrantID: string(d.GrantID), Version: d.Version, OperatorVersion: d.OperatorVersion,
		ExpiresAt: stamp(d.ExpiresAt),
	}
}

func viewFacts(f policy.Facts) DecisionFacts {
	view := DecisionFacts{
		At: stamp(f.At), GrantType: f.Grant, Groups: f.Groups, GroupsUnknown: f.GroupsUnknown, Roles: f.Roles, Region: f.Region,
		MFA: string(f.MFA), MFAAt: stamp(f.MFAAt), AuthTime: stamp(f.AuthTime), ACR: f.ACR, ConnectionID: string(f.Connection),
		FallbackInUse: f.FallbackInUse, Environment: string(f.Environment), Risk: f.Risk,
	}
	if f.Address.IsValid() {
		view.Address = f.Address.String()
	}
	return view
}

type listDecisions struct {
	Paging
	WorkspaceID string `query:"workspace_id" maxLength:"64" doc:"The caller's own without it."`
}

// DecisionPath names a recorded decision.
type DecisionPath struct {
	ID string `path:"id" maxLength:"64"`
}

type replayPolicies struct {
	Body struct {
		WorkspaceID string `json:"workspace_id,omitempty" maxLength:"64" doc:"Whose decisions are gone through; the caller's own without it."`
		Rules       Rules  `json:"rules"`
		Replaces    string `json:"replaces,omitempty" enum:"workspace,operator" default:"workspace" doc:"Whose rules the draft stands in for."`
		Days        int    `json:"days" minimum:"1" maximum:"90"`
	}
}

// ReplayReport says what a draft would have changed.
type ReplayReport struct {
	From      string `json:"from"`
	To        string `json:"to"`
	Decisions int    `json:"decisions" doc:"Gone through, the newest first; at most 10,000."`
	Complete  bool   `json:"complete" doc:"False where there were more."`
	Changed   int    `json:"changed"`

	Denied       int `json:"newly_denied"`
	SteppedUp    int `json:"newly_stepped_up"`
	WithoutScope int `json:"newly_without_scope"`
	Allowed      int `json:"newly_allowed"`
	ScopesTaken  int `json:"scopes_taken"`
	ScopesGiven  int `json:"scopes_given"`
	LifeShorter  int `json:"lifetimes_shorter"`
	LifeLonger   int `json:"lifetimes_longer"`

	Samples []ReplaySample `json:"samples" doc:"At most 20."`
}

// ReplaySample is a decision that would have ended differently.
type ReplaySample struct {
	PolicyDecision
	Before Verdict `json:"before" doc:"As it was, with the rules that matched."`
	After  Verdict `json:"after" doc:"As it would have been, with the rules that match."`
}

func (a *api) decisionRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/policy-decisions", "list-policy-decisions", "List recorded decisions, the newest first", http.StatusOK, a.listDecisions)
	register(a, h, http.MethodGet, "/v1/policy-decisions/{id}", "get-policy-decision", "Explain a decision: its facts, and what every rule said", http.StatusOK, a.getDecision)
	withRules(a, h, operation(a, h, http.MethodPost, "/v1/policies:replay", "replay-policies",
		"Ask what a draft would have said to the decisions of the last days", http.StatusOK), a.replay)
}

func (a *api) listDecisions(ctx context.Context, in *listDecisions) (*answer[list[PolicyDecision]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Access.Decisions(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), page)
	if err != nil {
		return nil, err
	}
	at := func(d authz.PolicyDecision) authz.Position { return authz.Position{CreatedAt: d.Time, ID: d.ID} }
	return listed(in.Paging, rows, at, viewDecision), nil
}

func (a *api) getDecision(ctx context.Context, in *DecisionPath) (*answer[DecisionDetail], error) {
	e, err := a.cfg.Access.Explain(ctx, principal(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	said := e.Said
	if e.Findings != nil {
		said.Rules = e.Findings
	}
	return answered(DecisionDetail{
		PolicyDecision: viewDecision(e.Record), Requested: orEmpty(e.Request.Scopes), Facts: viewFacts(e.Request.Facts),
		Verdict: viewVerdict(said), Explained: e.Findings != nil,
	}), nil
}

func (a *api) replay(ctx context.Context, in *replayPolicies) (*answer[ReplayReport], error) {
	r, err := a.cfg.Access.Replay(ctx, principal(ctx), access.Replay{
		WorkspaceID: workspaceOr(ctx, in.Body.WorkspaceID), Draft: access.Draft{Rules: json.RawMessage(in.Body.Rules)},
		Operators: in.Body.Replaces == "operator", Days: in.Body.Days,
	})
	if err != nil {
		return nil, err
	}
	view := ReplayReport{
		From: stamp(r.From), To: stamp(r.To), Decisions: r.Decisions, Complete: r.Complete, Changed: r.Changed,
		Denied: r.Denied, SteppedUp: r.SteppedUp, WithoutScope: r.WithoutScope, Allowed: r.Allowed,
		ScopesTaken: r.ScopesTaken, ScopesGiven: r.ScopesGiven, LifeShorter: r.LifeShorter, LifeLonger: r.LifeLonger,
		Samples: make([]ReplaySample, 0, len(r.Samples)),
	}
	for _, s := range r.Samples {
		view.Samples = append(view.Samples, ReplaySample{viewDecision(s.Record), viewVerdict(s.Before), viewVerdict(s.After)})
	}
	return answered(view), nil
}
