package idp_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
)

func TestMFAIsAskedForByTheUpstreamsOwnName(t *testing.T) {
	okta := idp.MFARule{ACR: []string{"urn:okta:loa:2fa:any", "urn:other"}}
	for _, c := range []struct{ asked, want []string }{
		{[]string{"gold", idp.ACRMultiFactor, "urn:other"}, []string{"gold", "urn:okta:loa:2fa:any", "urn:other"}},
		{[]string{"gold"}, []string{"gold"}},
		{nil, nil},
	} {
		if got := okta.Asked(c.asked); !slices.Equal(got, c.want) {
			t.Errorf("%v became %v, want %v", c.asked, got, c.want)
		}
	}
	if got := (idp.MFARule{}).Asked([]string{idp.ACRMultiFactor}); !slices.Equal(got, []string{idp.ACRMultiFactor}) {
		t.Errorf("nothing is known: %v", got)
	}
}
