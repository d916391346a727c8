package api

import "github.com/gatehouse-auth/gatehouse/authz/policy"

// Verdict is what rules say to a request.
type Verdict struct {
	Outcome    string         `json:"outcome" enum:"allowed,denied,step_up,no_scope"`
	Scopes     []string       `json:"scopes" doc:"Those left."`
	Removed    []string       `json:"removed,omitempty"`
	AccessTTL  int64          `json:"access_ttl_max,omitempty" doc:"Seconds."`
	RefreshTTL int64          `json:"refresh_ttl_max,omitempty" doc:"Seconds from the grant."`
	StepUp     *policy.StepUp `json:"step_up,omitempty"`
	Rules      []Finding      `json:"rules" doc:"Every rule that is not off, and what it looked at."`
	Report     *Verdict       `json:"report,omitempty" doc:"How it would end if what is report_only were on."`
}

// Finding is what a verdict says of one rule.
type Finding struct {
	ID        string        `json:"id"`
	Name      string        `json:"name"`
	State     string        `json:"state" enum:"on,report_only,off"`
	Operator  bool          `json:"operator,omitempty" doc:"The operator's, which holds in every workspace."`
	Matched   bool          `json:"matched"`
	Malformed bool          `json:"malformed,omitempty"`
	Then      policy.Then   `json:"then"`
	Facts     []policy.Fact `json:"facts"`
}

func viewVerdict(d policy.Decision) Verdict {
	v := Verdict{
		Outcome: string(d.Outcome), Scopes: orEmpty(d.Scopes), Removed: d.Removed, AccessTTL: d.AccessTTL, RefreshTTL: d.RefreshTTL,
		StepUp: d.StepUp, Rules: make([]Finding, 0, len(d.Rules)),
	}
	for _, f := range d.Rules {
		v.Rules = append(v.Rules, Finding{
			ID: f.ID, Name: f.Name, State: string(f.State), Operator: f.Operator, Matched: f.Matched, Malformed: f.Malformed,
			Then: f.Then, Facts: f.Facts,
		})
	}
	if d.Report != nil {
		report := viewVerdict(*d.Report)
		v.Report = &report
	}
	return v
}
