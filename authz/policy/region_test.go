package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

const table = `# offline
203.0.113.0/24,DE,Berlin
203.0.113.128/25,AT
2001:db8::/32 , FR

10.0.0.0/8,US
`

func TestTheSmallestBlockSaysTheRegion(t *testing.T) {
	r, err := policy.ParseRegions(strings.NewReader(table))
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]string{
		"203.0.113.1": "DE", "203.0.113.200": "AT", "::ffff:203.0.113.200": "AT", "2001:db8::1%eth0": "FR", "192.0.2.1": "", "2001:db9::1": "",
	} {
		if got := r.Of(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s is in %q, want %q", address, got, want)
		}
	}
	var none *policy.Regions
	if none.Of(netip.MustParseAddr("10.0.0.1")) != "" || r.Of(netip.Addr{}) != "" {
		t.Error("a region was made up")
	}
}

func TestATableOfRegionsThatCannotBeReadIsRefusedByLine(t *testing.T) {
	for _, bad := range []string{
		"10.0.0.0/8", "10.0.0.0,DE", "10.0.0.0/8,de", "10.0.0.0/8,unknown", "::ffff:10.0.0.0/104,DE", strings.Repeat("9", 300),
	} {
		if _, err := policy.ParseRegions(strings.NewReader("10.0.0.0/8,US\n" + bad + "\n")); err == nil || strings.Contains(err.Error(), bad) {
			t.Errorf("%.20q was answered with %v", bad, err)
		}
	}
}

func FuzzParseRegions(f *testing.F) {
	f.Add(table)
	f.Fuzz(func(_ *testing.T, text string) {
		if r, err := policy.ParseRegions(strings.NewReader(text)); err == nil {
			r.Of(netip.MustParseAddr("203.0.113.1"))
		}
	})
}
