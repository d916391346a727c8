package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func TestAZ05AdminOnlyWithMFAFromTheOffice(t *testing.T) {
	set := NewSet([]Rule{
		{ID: "1", Name: "office", State: On, When: When{IPNotIn: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}, Then: Then{RemoveScopes: []string{"monitoring:admin"}}},
		{ID: "2", Name: "mfa", State: On, When: When{MFA: &MFA{Evidence: []Evidence{None, Declared}, MaxAge: 900}}, Then: Then{RemoveScopes: []string{"monitoring:admin"}}},
	})
	for _, c := range []struct {
		address string
		mfa     Evidence
		age     time.Duration
		kept    bool
	}{
		{"10.1.2.3", Proven, 0, true}, {"::ffff:10.1.2.3", Proven, 900 * time.Second, true},
		{"192.0.2.1", Proven, 0, false}, {"10.1.2.3", Declared, 0, false}, {"10.1.2.3", "", 0, false},
		{"10.1.2.3", Proven, 901 * time.Second, false}, {"10.1.2.3", Proven, -time.Hour, false}, {"", Proven, 0, false},
	} {
		f := Facts{At: noon, MFA: c.mfa, MFAAt: noon.Add(-c.age)}
		f.Address, _ = netip.ParseAddr(c.address)
		for _, grant := range []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken} {
			f.Grant = grant
			d := set.Evaluate(Request{Facts: f, Scopes: []string{"openid", "monitoring:admin"}})
			if !d.Allows() || slices.Contains(d.Scopes, "monitoring:admin") != c.kept || !slices.Contains(d.Scopes, "openid") {
				t.Errorf("%+v %s: %+v", c, grant, d)
			}
		}
	}
}

var letters = []string{"a", "b", "c", "d"}

func some(r *rand.Rand) []string {
	return slices.DeleteFunc(slices.Clone(letters), func(string) bool { return r.IntN(2) == 0 })
}

func randomRule(r *rand.Rand) Rule {
	rule := Rule{ID: fmt.Sprint(r.Uint64()), Name: "r", State: []State{On, ReportOnly, Off}[r.IntN(3)]}
	if r.IntN(3) == 0 {
		rule.Match.Scopes = some(r)
	}
	if r.IntN(3) == 0 {
		rule.When.Risk = []string{"high", Unknown}[:1+r.IntN(2)]
	}
	switch r.IntN(6) {
	case 0:
		rule.Then.Deny = true
	case 1:
		rule.Then.RemoveScopes = []string{letters[r.IntN(4)]}
	case 2:
		rule.Then.AllowOnlyScopes = append(some(r), "a")
	case 3:
		rule.Then.StepUp = &StepUp{MaxAge: 1 + r.Int64N(900), ACRValues: some(r)}
	default:
		rule.Then.AccessTTLMax, rule.Then.RefreshTTLMax = 1+r.Int64N(900), 1+r.Int64N(900)
	}
	return rule
}

func TestS25RulesOnlyRestrictWhateverTheirOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		var rules []Rule
		for range r.IntN(6) {
			rules = append(rules, randomRule(r))
		}
		q := Request{Scopes: some(r), Facts: Facts{At: noon, AuthTime: noon.Add(-time.Duration(r.IntN(900)) * time.Second), ACR: "a", Risk: []string{"", "low", "high"}[r.IntN(3)]}}
		before := NewSet(rules).Evaluate(q)
		extra := randomRule(r)
		after := NewSet(append(slices.Clone(rules), extra)).Evaluate(q)
		if !before.Allows() && after.Allows() || before.Outcome == Denied && after.Outcome != Denied {
			t.Fatalf("widened from %s to %s", before.Outcome, after.Outcome)
		}
		for _, s := range after.Scopes {
			if !slices.Contains(before.Scopes, s) {
				t.Fatalf("a rule gave %s", s)
			}
		}
		if before.AccessTTL > 0 && (after.AccessTTL == 0 || after.AccessTTL > before.AccessTTL) || before.RefreshTTL > 0 && (after.RefreshTTL == 0 || after.RefreshTTL > before.RefreshTTL) {
			t.Fatal("a rule lengthened a life")
		}
		if extra.State != On && !same(before, after) {
			t.Fatalf("%s changed the outcome", extra.State)
		}
		mixed := append(slices.Clone(rules), extra)
		r.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if !same(after, NewSet(mixed).Evaluate(q)) {
			t.Fatal("the order counted")
		}
		deny := Rule{ID: "d", Name: "d", State: On, Then: Then{Deny: true}}
		if d := NewSet(slices.Insert(mixed, r.IntN(len(mixed)+1), deny)).Evaluate(q); d.Outcome != Denied || len(d.Scopes) != 0 {
			t.Fatal("a denial did not win")
		}
	}
}

func same(a, b Decision) bool {
	a.Rules, b.Rules, a.Report, b.Report = nil, nil, nil, nil
	return reflect.DeepEqual(a, b)
}

func TestS25AMalformedRuleDenies(t *testing.T) {
	for _, rule := range []Rule{{}, {ID: "1", Name: "x", State: "ON", Then: Then{Deny: true}}, {ID: "1", Name: "x", State: On},
		{ID: "1", Name: "x", State: Off, Then: Then{AccessTTLMax: -1}}} {
		if d := NewSet([]Rule{rule}).Evaluate(Request{Scopes: letters}); d.Outcome != Denied {
			t.Errorf("%+v: %s", rule, d.Outcome)
		}
	}
	if d := NewSet(make([]Rule, 10_000)).Evaluate(Request{}); d.Outcome != Denied {
		t.Error("10,000 rules")
	}
	if d := (*Set)(nil).Evaluate(Request{}); d.Outcome != Denied {
		t.Error("no set")
	}
}

func TestS25BadRulesAreRefusedByNameAndNeverEchoed(t *testing.T) {
	for body, place := range map[string]string{
		`[{"colour":"SECRET"}]`:                                           "rules[0]: ",
		`[{"Name":"SECRET"}]`:                                             "rules[0].name: ",
		`[{"id":"SECRET","id":"b"}]`:                                      "rules[0].id: occurs twice",
		`[{"name":"SECRET\u0000"}]`:                                       "rules[0].name: ",
		`[{"name":"SECRET\u202e"}]`:                                       "rules[0].name: ",
		`[{"when":{"ip_in":["SECRET"]}}]`:                                 "rules[0].when.ip_in[0]: ",
		`[{"then":{"deny":"SECRET"}}]`:                                    "rules[0].then.deny: ",
		`[{"name":null}]`:                                                 "rules[0].name: ",
		`[{"name":"` + strings.Repeat("SECRET", 1<<17) + `"}]`:            "rules[0].name: ",
		`[{}` + strings.Repeat(`,{}`, 9_999) + `]`:                        "rules: must hold at most 200",
		`[{"match":{"scopes":["a"` + strings.Repeat(`,"a"`, 100) + `]}}]`: "rules[0].match.scopes: must hold at most 100",
		`[] []`: "rules: ",
	} {
		_, err := Decode([]byte(body))
		if err == nil || authz.KindOf(err) != authz.Invalid || !strings.Contains(err.Error(), place) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%.40s: %v", body, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`[{"id":"1","name":"n","state":"on","when":{"ip_in":["10.0.0.0/8"]},"then":{"deny":true}}]`))
	f.Fuzz(func(_ *testing.T, body []byte) {
		if rules, err := Decode(body); err == nil {
			_ = Validate(rules, Catalogue{})
			NewSet(rules).Evaluate(Request{Facts: Facts{At: noon}, Scopes: letters})
		}
	})
}

// An empty list would read as "none" and be kept as no list at all.
func TestAnEmptyAllowListIsRefused(t *testing.T) {
	anything := func(string) bool { return true }
	known := Catalogue{Scopes: anything, Roles: anything, Connections: anything, Clients: anything}
	body := `[{"id":"r1","name":"r","state":"on","then":{"allow_only_scopes":[],"access_ttl_max":60}}]`
	for list, good := range map[string]bool{`[]`: false, `["a"]`: true} {
		rules, err := Decode([]byte(strings.Replace(body, `[]`, list, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if err := Validate(rules, known); (err == nil) != good {
			t.Errorf("%s: %v", list, err)
		}
	}
}

// The context that stands for MFA is reached by proof of it, whatever the
// upstream calls its own, and is as old as the proof.
func TestRFC9470_MFAProvenByOurselvesReachesTheContextOfMFA(t *testing.T) {
	for what, c := range map[string]struct {
		demand StepUp
		facts  Facts
		want   bool
	}{
		"a local factor, the upstream tells of its own": {StepUp{ACRValues: []string{authz.ACRMultiFactor}}, Facts{ACR: "urn:upstream", MFA: Proven, MFAAt: noon}, true},
		"recent enough":         {StepUp{ACRValues: []string{authz.ACRMultiFactor}, MaxAge: 60}, Facts{ACR: "urn:upstream", MFA: Proven, MFAAt: noon, AuthTime: noon}, true},
		"too old":               {StepUp{ACRValues: []string{authz.ACRMultiFactor}, MaxAge: 60}, Facts{MFA: Proven, MFAAt: noon.Add(-61 * time.Second), AuthTime: noon}, false},
		"of no time":            {StepUp{ACRValues: []string{authz.ACRMultiFactor}, MaxAge: 60}, Facts{ACR: authz.ACRMultiFactor, MFA: Proven, AuthTime: noon}, false},
		"declared only":         {StepUp{ACRValues: []string{authz.ACRMultiFactor}}, Facts{ACR: "urn:upstream", MFA: Declared, MFAAt: noon}, false},
		"another context":       {StepUp{ACRValues: []string{"gold"}}, Facts{ACR: "urn:upstream", MFA: Proven, MFAAt: noon}, false},
		"the upstream's own":    {StepUp{ACRValues: []string{"gold"}}, Facts{ACR: "gold"}, true},
		"no context of nothing": {StepUp{ACRValues: []string{"gold"}}, Facts{}, false},
	} {
		c.facts.At = noon
		if got := c.demand.satisfied(c.facts); got != c.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}
