package api

import (
	"context"
	"encoding/json"
	"net/netip"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

type simulatePolicies struct {
	Body struct {
		WorkspaceID string          `json:"workspace_id,omitempty" maxLength:"64" doc:"The caller's own without it."`
		Rules       *Rules          `json:"rules,omitempty" doc:"A draft in place of the workspace's rules; those in force without it."`
		Scopes      []string        `json:"scopes,omitempty" maxItems:"100"`
		UserID      string          `json:"user_id,omitempty" maxLength:"64" doc:"Whose roles to look up."`
		Facts       SimulationFacts `json:"facts,omitempty"`
	}
}

// SimulationFacts are the facts of a request that nobody made. What is not given
// is not known.
type SimulationFacts struct {
	At            string   `json:"at,omitempty" format:"date-time" doc:"Now without it."`
	ClientID      string   `json:"client_id,omitempty" maxLength:"255"`
	GrantType     string   `json:"grant_type,omitempty" maxLength:"100"`
	Groups        []string `json:"groups,omitempty" maxItems:"200"`
	GroupsUnknown bool     `json:"groups_unknown,omitempty"`
	Roles         []string `json:"roles,omitempty" maxItems:"100"`
	Address       string   `json:"address,omitempty" maxLength:"64"`
	Region        string   `json:"region,omitempty" maxLength:"16" doc:"Looked up from the address without it."`
	MFA           string   `json:"mfa,omitempty" enum:"none,declared,proven"`
	MFAAge        int64    `json:"mfa_age,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds."`
	AuthAge       int64    `json:"auth_age,omitempty" minimum:"0" maximum:"3153600000" doc:"Seconds since the person signed in."`
	ACR           string   `json:"acr,omitempty" maxLength:"200"`
	ConnectionID  string   `json:"connection_id,omitempty" maxLength:"64"`
	FallbackInUse bool     `json:"fallback_in_use,omitempty"`
	Environment   string   `json:"environment,omitempty" enum:"live,test"`
	Risk          string   `json:"risk,omitempty" enum:"low,medium,high,unknown"`
}

// facts are the facts as rules look at them. Ages are counted from at.
func (f SimulationFacts) facts(now time.Time) (policy.Facts, error) {
	facts := policy.Facts{
		At: now, Client: authz.ClientID(f.ClientID), Grant: f.GrantType, Groups: f.Groups, GroupsUnknown: f.GroupsUnknown, Roles: f.Roles,
		Region: f.Region, MFA: policy.Evidence(f.MFA), ACR: f.ACR, Connection: authz.ConnectionID(f.ConnectionID),
		FallbackInUse: f.FallbackInUse, Environment: authz.Environment(f.Environment), Risk: f.Risk,
	}
	var err error
	if f.At != "" {
		if facts.At, err = time.Parse(time.RFC3339, f.At); err != nil {
			return facts, authz.NewError(authz.Invalid, "invalid_request", "facts.at: must be a time such as 2030-01-02T15:04:05Z.")
		}
	}
	if f.Address != "" {
		if facts.Address, err = netip.ParseAddr(f.Address); err != nil {
			return facts, authz.NewError(authz.Invalid, "invalid_request", "facts.address: must be an IP address.")
		}
	}
	facts.AuthTime = facts.At.Add(-policy.Seconds(f.AuthAge))
	if facts.MFA != "" {
		facts.MFAAt = facts.At.Add(-policy.Seconds(f.MFAAge))
	}
	return facts, nil
}

func (a *api) simulate(ctx context.Context, in *simulatePolicies) (*answer[Verdict], error) {
	facts, err := in.Body.Facts.facts(a.cfg.Clock.Now())
	if err != nil {
		return nil, err
	}
	q := access.Question{
		WorkspaceID: workspaceOr(ctx, in.Body.WorkspaceID), Facts: facts, Scopes: in.Body.Scopes, UserID: authz.UserID(in.Body.UserID),
	}
	if in.Body.Rules != nil {
		q.Rules = json.RawMessage(*in.Body.Rules)
	}
	decision, err := a.cfg.Access.Simulate(ctx, principal(ctx), q)
	if err != nil {
		return nil, err
	}
	return answered(viewVerdict(decision)), nil
}
