package policy

import (
	"errors"
	"net/netip"
	"regexp"
	"slices"
	"strconv"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Catalogue is what rules may name. A nil predicate knows nothing.
type Catalogue struct {
	Scopes, Roles, Connections, Clients func(string) bool
}

// Validate returns every problem of the rules, joined; each is an authz.Error
// of kind Invalid. Rules are known by their place: rules[3].when.time.
func Validate(rules []Rule, known Catalogue) error {
	if len(rules) > MaxRules {
		return invalid("rules", "must hold at most "+strconv.Itoa(MaxRules)+" entries")
	}
	var errs []error
	ids := map[string]bool{}
	for i, r := range rules {
		path := "rules[" + strconv.Itoa(i) + "]."
		if ids[r.ID] {
			errs = append(errs, invalid(path+"id", "occurs twice"))
		}
		ids[r.ID] = true
		for _, p := range append(form(r), references(r, known)...) {
			errs = append(errs, invalid(path+p.path, p.what))
		}
	}
	return errors.Join(errs...)
}

type problem struct{ path, what string }

// form returns the problems a rule has by itself.
func form(r Rule) []problem {
	var ps []problem
	must := func(ok bool, path, what string) {
		if !ok {
			ps = append(ps, problem{path, what})
		}
	}
	must(r.ID != "" && plain(r.ID), "id", "must be 1 to 200 bytes")
	must(r.Name != "" && plain(r.Name), "name", "must be 1 to 200 bytes")
	must(slices.Contains([]State{On, ReportOnly, Off}, r.State), "state", "must be on, report_only or off")
	for _, l := range lists(r) {
		must(len(l.entries) <= MaxEntries, l.path, "must hold at most 100 entries")
		must(!slices.ContainsFunc(l.entries, func(s string) bool { return s == "" || !plain(s) }), l.path, "must hold entries of 1 to 200 bytes")
	}
	ps = append(ps, whenForm(r.When)...)
	return append(ps, thenForm(r.Then)...)
}

var regionForm = regexp.MustCompile(`^([A-Z]{2}|unknown)$`)

func whenForm(w When) []problem {
	var ps []problem
	must := func(ok bool, path, what string) {
		if !ok {
			ps = append(ps, problem{path, what})
		}
	}
	for path, blocks := range map[string][]netip.Prefix{"when.ip_in": w.IPIn, "when.ip_not_in": w.IPNotIn} {
		must(len(blocks) <= MaxEntries && !slices.ContainsFunc(blocks, func(p netip.Prefix) bool { return !p.IsValid() || p.Addr().Is4In6() }),
			path, "must hold at most 100 address blocks, IPv4 ones written as such")
	}
	region := func(s string) bool { return !regionForm.MatchString(s) }
	must(!slices.ContainsFunc(w.Regions, region) && !slices.ContainsFunc(w.RegionsNotIn, region), "when.regions", "must be two capital letters, or unknown")
	risk := func(s string) bool { return !slices.Contains([]string{"low", "medium", "high", Unknown}, s) }
	must(!slices.ContainsFunc(w.Risk, risk) && !slices.ContainsFunc(w.RiskNotIn, risk), "when.risk", "must be low, medium, high or unknown")
	must(len(w.Environments) <= len(environments) && !slices.ContainsFunc(w.Environments, func(e authz.Environment) bool { return !slices.Contains(environments, e) }),
		"when.environments", "must be live or test")
	if m := w.MFA; m != nil {
		must(len(m.Evidence) > 0 && len(m.Evidence) <= 3 && !slices.ContainsFunc(m.Evidence, func(e Evidence) bool { return !isEvidence(e) }), "when.mfa.evidence", "must be of none, declared and proven")
		must(m.MaxAge >= 0, "when.mfa.max_age", "must not be negative")
	}
	if t := w.Time; t != nil {
		_, err := window(*t)
		// "Local" is the machine's own, which is nobody's.
		must(err == nil && t.TimeZone != "" && t.TimeZone != "Local", "when.time", "must have from and to as 15:04 and a time zone such as Europe/Berlin")
		must(len(t.Days) <= 7 && !slices.ContainsFunc(t.Days, func(d string) bool { return !slices.Contains(dayNames[:], d) }), "when.time.days", "must be of mon, tue, wed, thu, fri, sat, sun")
	}
	return ps
}

func isEvidence(e Evidence) bool { return slices.Contains([]Evidence{None, Declared, Proven}, e) }

func thenForm(t Then) []problem {
	var ps []problem
	must := func(ok bool, path, what string) {
		if !ok {
			ps = append(ps, problem{path, what})
		}
	}
	must(t.AllowOnlyScopes == nil || len(t.AllowOnlyScopes) > 0, "then.allow_only_scopes", "must name a scope; deny allows none")
	must(t.Deny || len(t.RemoveScopes) > 0 || len(t.AllowOnlyScopes) > 0 || t.StepUp != nil || t.AccessTTLMax != 0 || t.RefreshTTLMax != 0,
		"then", "must do something")
	must(t.AccessTTLMax >= 0, "then.access_ttl_max", "must be a positive number of seconds")
	must(t.RefreshTTLMax >= 0, "then.refresh_ttl_max", "must be a positive number of seconds")
	if s := t.StepUp; s != nil {
		must(s.MFA == "" || isEvidence(s.MFA), "then.step_up.mfa", "must be declared or proven")
		must(s.MaxAge >= 0, "then.step_up.max_age", "must not be negative")
		must(s.MFA.rank() > 0 || len(s.ACRValues) > 0 || s.MaxAge > 0, "then.step_up", "must demand something")
	}
	return ps
}

type named struct {
	path    string
	entries []string
}

func lists(r Rule) []named {
	ls := []named{
		{"match.clients", r.Match.Clients}, {"match.grants", r.Match.Grants}, {"match.groups", r.Match.Groups},
		{"match.roles", r.Match.Roles}, {"match.scopes", r.Match.Scopes}, {"when.regions", r.When.Regions},
		{"when.regions_not_in", r.When.RegionsNotIn}, {"when.acr", r.When.ACR}, {"when.acr_not_in", r.When.ACRNotIn},
		{"when.connections", r.When.Connections}, {"when.connections_not_in", r.When.ConnectionsNotIn},
		{"when.risk", r.When.Risk}, {"when.risk_not_in", r.When.RiskNotIn},
		{"then.remove_scopes", r.Then.RemoveScopes}, {"then.allow_only_scopes", r.Then.AllowOnlyScopes},
	}
	if r.Then.StepUp != nil {
		ls = append(ls, named{"then.step_up.acr_values", r.Then.StepUp.ACRValues})
	}
	return ls
}

// references returns the names in a rule that the catalogue does not have.
func references(r Rule, known Catalogue) []problem {
	var ps []problem
	of := map[string]func(string) bool{
		"match.clients": known.Clients, "match.roles": known.Roles, "match.scopes": known.Scopes,
		"when.connections": known.Connections, "when.connections_not_in": known.Connections,
		"then.remove_scopes": known.Scopes, "then.allow_only_scopes": known.Scopes,
	}
	grants := []string{authz.GrantAuthorizationCode, authz.GrantClientCredentials, authz.GrantRefreshToken, authz.GrantDeviceCode, authz.GrantTokenExchange}
	of["match.grants"] = func(s string) bool { return slices.Contains(grants, s) }
	for _, l := range lists(r) {
		knows, checked := of[l.path]
		for i, entry := range l.entries {
			if checked && (knows == nil || !knows(entry)) {
				ps = append(ps, problem{l.path + "[" + strconv.Itoa(i) + "]", "does not exist"})
			}
		}
	}
	return ps
}
