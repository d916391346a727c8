package apikey_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

func TestDurationsAreThoseThatAreTheSameAtAnyTimeOfYear(t *testing.T) {
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"P90D": 90 * day, "P2W": 14 * day, "PT72H": 72 * time.Hour, "P1DT2H3M4S": day + 2*time.Hour + 3*time.Minute + 4*time.Second, "PT0S": 0, "P0D": 0,
	} {
		if got, err := apikey.ParseDuration(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "P", "PT", "P1DT", "P1Y", "P1M", "P-1D", "-P1D", "+P1D", "p1d", "90d", "P1.5D", "P1D ", " P1D", "P1W2D", "P1H", "PT1D", "P100001D", "PT999999999S9", "P９D", "P1D\n",
	} {
		if got, err := apikey.ParseDuration(text); err == nil {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func FuzzDuration(f *testing.F) {
	for _, text := range []string{"P90D", "PT72H", "P1DT2H3M4S", "P", "PT", "P1Y2M"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := apikey.ParseDuration(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("%q is %v", text, d)
		}
		if again, err := apikey.ParseDuration(apikey.FormatDuration(d)); d > 0 && (err != nil || again != d) {
			t.Fatalf("%q is %v, written as %s it is %v, %v", text, d, apikey.FormatDuration(d), again, err)
		}
	})
}
