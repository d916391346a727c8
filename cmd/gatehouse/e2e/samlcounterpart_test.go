package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

const samlConnectionWritten = `
      - workspace: Example Corp
        id: con_%[1]s
        name: %[1]s
        vendor: %[2]s
        saml: {metadata_url: %[3]q}
        domains: [%[1]s.example]
`

// samlVariant is an identity provider made with somebody else's library, and
// the reason why it is refused; "" for one that is not.
type samlVariant struct{ name, vendor, reason string }

func TestU14_IdentityProvidersOfOtherLibrariesSignInOrAreRefusedForTheirAlgorithms(t *testing.T) {
	for _, c := range []struct {
		name     string
		start    func(testing.TB) string
		variants []samlVariant
	}{
		{"npm", counterpart.SAMLProviders, []samlVariant{
			{"samlp", "auth0", ""}, {"samlp-both", "auth0", ""}, {"samlp-gcm", "auth0", ""}, {"samlp-sha1", "auth0", saml.ReasonAlgorithm},
			{"samlify", "generic", ""}, {"samlify-bare", "generic", saml.ReasonStatement},
		}},
		{"pysaml2", counterpart.PySAML2, []samlVariant{
			{"sha256", "generic", ""}, {"sha1", "generic", saml.ReasonAlgorithm}, {"tripledes", "generic", saml.ReasonAlgorithm},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			providers := c.start(t)
			d := writeDeployment(t, func(string) string {
				var all strings.Builder
				for _, v := range c.variants {
					fmt.Fprintf(&all, samlConnectionWritten, v.name, v.vendor, providers+"/"+v.name+"/metadata")
				}
				return all.String()
			})
			d.bootstrap(t)
			n := d.start(t)
			d.WorkspaceID = d.workspaceOfConfiguration(t)
			app := d.webClient(t, "openid", "profile")
			want := map[string]string{}
			for _, v := range c.variants {
				d.triesSAML(t, app, v)
				if v.reason != "" {
					want["con_"+v.name] = v.reason
				}
			}
			n.end(syscall.SIGTERM)
			for target, reason := range d.refusals(t) {
				if want[target] != reason {
					t.Errorf("%s was refused for %q, want %q", target, reason, want[target])
				}
				delete(want, target)
			}
			if len(want) > 0 {
				t.Errorf("not refused: %v", want)
			}
		})
	}
}

func (d *deployment) triesSAML(t *testing.T, c client, v samlVariant) {
	t.Helper()
	b := newBrowser(t, c.RedirectURI)
	a := d.authorization(c, "openid profile", "login_hint", "ada@"+v.name+".example")
	p := b.get(d.authorizeURL(a))
	if !strings.Contains(p.body, "SAMLResponse") {
		t.Fatalf("%s: no response: %d %s %.600s", v.name, p.status, p.url, p.body)
	}
	p = b.submit(p, "continue", nil)
	if v.reason != "" {
		d.wantHonestPage(t, b, p, "upstream_refused")
		return
	}
	if !strings.Contains(p.body, `id="allow"`) {
		t.Errorf("%s: no consent page: %d %.900s", v.name, p.status, p.body)
		return
	}
	wantStatus(t, d.redeem(t, a, b.submit(p, "allow", nil)), http.StatusOK)
}
