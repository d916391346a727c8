package authz_test

import (
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// The table, what the API says of each member, and the page for people say the
// same.
func TestTheNumbersOfAConnectionAreSaidAlikeEverywhere(t *testing.T) {
	page, err := os.ReadFile("../docs/federation.md")
	if err != nil {
		t.Fatal(err)
	}
	kind := reflect.TypeFor[authz.Numbers]()
	rules := authz.NumberRules()
	if len(rules) != kind.NumField() {
		t.Fatalf("%d rules of %d numbers", len(rules), kind.NumField())
	}
	for n, r := range rules {
		tag := kind.Field(n).Tag
		said := []string{tag.Get("json"), tag.Get("minimum"), tag.Get("maximum")}
		if want := []string{r.Member + ",omitempty", strconv.Itoa(r.Min), strconv.Itoa(r.Max)}; !reflect.DeepEqual(said, want) || !strings.Contains(tag.Get("doc"), fmt.Sprintf(" Absent: %d.", r.Default)) {
			t.Errorf("%s: %v, want %v", tag, said, want)
		}
	}
	for _, r := range append(rules, authz.PollRule()) {
		if row := fmt.Sprintf("| `%s` | %d | %d to %d |", r.Member, r.Default, r.Min, r.Max); !strings.Contains(string(page), row) {
			t.Errorf("docs/federation.md does not say %s", row)
		}
		if !strings.HasSuffix(r.Member, map[time.Duration]string{time.Second: "_seconds", time.Minute: "_minutes"}[r.Unit]) {
			t.Errorf("%s is in %s", r.Member, r.Unit)
		}
	}
}

func TestTheNumbersOfAConnectionHaveTheirDefaultsAndBounds(t *testing.T) {
	want := authz.Times{
		Attempt: 10 * time.Minute, OIDCSkew: time.Minute, SAMLSkew: time.Minute, AssertionAge: 5 * time.Minute, DiscoveryRefresh: 12 * time.Hour,
		DiscoveryKept: 24 * time.Hour, FallbackSession: time.Hour, MFAAge: 12 * time.Hour,
	}
	if got := (authz.Numbers{}).Times(); got != want {
		t.Errorf("by default %+v, want %+v", got, want)
	}
	bounds := map[string][2]time.Duration{
		"attempt_minutes": {5 * time.Minute, 30 * time.Minute}, "oidc_skew_seconds": {time.Second, 3 * time.Minute}, "saml_skew_seconds": {time.Second, 3 * time.Minute},
		"assertion_age_seconds": {30 * time.Second, 10 * time.Minute}, "discovery_refresh_minutes": {15 * time.Minute, 7 * 24 * time.Hour},
		"discovery_kept_minutes": {15 * time.Minute, 7 * 24 * time.Hour}, "fallback_session_minutes": {5 * time.Minute, 8 * time.Hour}, "mfa_age_minutes": {15 * time.Minute, 24 * time.Hour},
	}
	for n, r := range authz.NumberRules() {
		for _, value := range []int{r.Min - 1, -1, r.Max + 1, r.Min, r.Max} {
			if value == 0 {
				continue // the default
			}
			numbers := authz.Numbers{DiscoveryKeptMinutes: 10080, DiscoveryRefreshMinutes: 15}
			reflect.ValueOf(&numbers).Elem().Field(n).SetInt(int64(value))
			age := time.Duration(value) * r.Unit
			within := age >= bounds[r.Member][0] && age <= bounds[r.Member][1]
			err := numbers.Check()
			if (err == nil) != within || err != nil && !strings.Contains(err.Error(), "numbers."+r.Member+":") {
				t.Errorf("%s of %d: %v", r.Member, value, err)
			}
			if got := reflect.ValueOf(numbers.Times()).Field(n).Interface(); got != age {
				t.Errorf("%s of %d is %v", r.Member, value, got)
			}
		}
	}
	for what, n := range map[string]authz.Numbers{"kept too short": {DiscoveryKeptMinutes: 600}, "fresh too long": {DiscoveryRefreshMinutes: 1441}} {
		if err := n.Check(); err == nil || !strings.Contains(err.Error(), "discovery_kept_minutes") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
