package authz_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func TestTokensAreLongDistinctAndComparedByTheWholeText(t *testing.T) {
	a, b := authz.NewToken("gh_rt_"), authz.NewToken("gh_rt_")
	if a == b || !strings.HasPrefix(a.Reveal(), "gh_rt_") || len(a) != len("gh_rt_")+43 {
		t.Errorf("a token of %d characters", len(a))
	}
	whole := authz.Digest(a.Reveal())
	if whole != authz.Digest(a.Reveal()) {
		t.Error("a text has two digests")
	}
	for _, other := range []authz.Secret{b, a[:len(a)-1], a + "x", "gh_at_" + a[6:], a[6:]} {
		if whole == authz.Digest(other.Reveal()) {
			t.Error("another text has the same digest")
		}
	}
}
