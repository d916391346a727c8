package policy

import (
	"net/netip"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of a workspace's rules.
const (
	MaxRules   = 200     // rules of a workspace
	MaxEntries = 100     // entries of one list
	MaxBytes   = 1 << 20 // bytes of a rule set as JSON
	maxText    = 200     // bytes of an entry
)

// State says whether a rule counts.
type State string

// The states of a rule.
const (
	On         State = "on"
	ReportOnly State = "report_only" // evaluated and told, without effect
	Off        State = "off"
)

// Evidence says how far it is certain that more than one factor was used.
type Evidence string

// The kinds of evidence, weakest first.
const (
	None     Evidence = "none"
	Declared Evidence = "declared"
	Proven   Evidence = "proven"
)

// rank orders evidence. What is not known is none.
func (e Evidence) rank() int {
	switch e {
	case Proven:
		return 2
	case Declared:
		return 1
	}
	return 0
}

// Unknown stands for a region or risk that nobody could tell.
const Unknown = "unknown"

// Rule restricts what is issued where it matches.
type Rule struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	State State  `json:"state"`
	Match Match  `json:"match,omitzero"`
	When  When   `json:"when,omitzero"`
	Then  Then   `json:"then"`
}

// Match says for whom a rule is. An empty list is everyone; several lists must
// all fit, of one list any entry.
type Match struct {
	Clients []string `json:"clients,omitempty"`
	Grants  []string `json:"grants,omitempty"` // grant types
	Groups  []string `json:"groups,omitempty"`
	Roles   []string `json:"roles,omitempty"`
	// Scopes fit when any of them is asked for.
	Scopes []string `json:"scopes,omitempty"`
}

// When says in which circumstances a rule counts; all that are named must hold.
type When struct {
	IPIn             []netip.Prefix      `json:"ip_in,omitempty"`
	IPNotIn          []netip.Prefix      `json:"ip_not_in,omitempty"`
	Regions          []string            `json:"regions,omitempty"` // ISO 3166-1 alpha-2, or "unknown"
	RegionsNotIn     []string            `json:"regions_not_in,omitempty"`
	MFA              *MFA                `json:"mfa,omitempty"`
	ACR              []string            `json:"acr,omitempty"`
	ACRNotIn         []string            `json:"acr_not_in,omitempty"`
	Connections      []string            `json:"connections,omitempty"`
	ConnectionsNotIn []string            `json:"connections_not_in,omitempty"`
	FallbackInUse    *bool               `json:"fallback_in_use,omitempty"`
	Environments     []authz.Environment `json:"environments,omitempty"`
	Time             *Window             `json:"time,omitempty"`
	Risk             []string            `json:"risk,omitempty"` // low, medium, high, unknown
	RiskNotIn        []string            `json:"risk_not_in,omitempty"`
}

// MFA holds while the evidence is one of those listed. Evidence older than
// MaxAge seconds counts as none; 0 means that it does not age.
type MFA struct {
	Evidence []Evidence `json:"evidence"`
	MaxAge   int64      `json:"max_age,omitempty"`
}

// Window is a time of the week. From is in it, To is not; a To that is not
// after From is on the following day, which counts as the day it began.
type Window struct {
	Days     []string `json:"days,omitempty"` // mon to sun; empty for every day
	From     string   `json:"from"`           // 15:04
	To       string   `json:"to"`
	TimeZone string   `json:"time_zone"` // of the IANA database
}

// Then says what a rule does: at least one thing. Lifetimes are in seconds.
type Then struct {
	Deny            bool     `json:"deny,omitempty"`
	RemoveScopes    []string `json:"remove_scopes,omitempty"`
	AllowOnlyScopes []string `json:"allow_only_scopes,omitempty"`
	StepUp          *StepUp  `json:"step_up,omitempty"`
	AccessTTLMax    int64    `json:"access_ttl_max,omitempty"`
	RefreshTTLMax   int64    `json:"refresh_ttl_max,omitempty"`
}

// StepUp demands a sign-in (RFC 9470): at least this evidence, one of these
// contexts, at most MaxAge seconds ago. Zero values demand nothing.
type StepUp struct {
	MFA       Evidence `json:"mfa,omitempty"`
	ACRValues []string `json:"acr_values,omitempty"`
	MaxAge    int64    `json:"max_age,omitempty"`
}
