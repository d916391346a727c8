package e2e_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

const lemonWritten = `
      - workspace: Example Corp
        id: con_lemon
        name: Lemon
        issuer: %[1]q
        client_id: gatehouse
        client_secret: %[2]q
        domains: [badwolf.org]
        routes: [{email: rtyler@badwolf.org, use: saml}]
        saml: {metadata_url: %[3]q}
`

func TestU14_LemonLDAPSignsInByOpenIDConnectAndBySAML(t *testing.T) {
	t.Parallel()
	d := writeDeployment(t, func(ours string) string {
		entityID := ours + "/saml/con_lemon"
		at := counterpart.LemonLDAP(t, counterpart.LemonLDAPParty{
			ClientID: "gatehouse", ClientSecret: upstreamSecret, RedirectURI: ours + "/oidc/con_lemon/callback", EntityID: entityID, ACS: entityID + "/acs",
		})
		return fmt.Sprintf(lemonWritten, at+"/", upstreamSecret, at+"/saml/metadata")
	})
	d.bootstrap(t)
	d.start(t)
	d.WorkspaceID = d.workspaceOfConfiguration(t)
	c := d.webClient(t, "openid", "profile")
	for name, side := range map[string]string{"dwho": "oidc", "rtyler": "saml"} {
		b := newBrowser(t, c.RedirectURI)
		a := d.authorization(c, "openid profile", "login_hint", name+"@badwolf.org")
		p := b.get(d.authorizeURL(a))
		if !strings.Contains(p.body, `name="password"`) {
			t.Fatalf("%s: no form to sign in by: %d %s %.2000s", side, p.status, p.url, p.body)
		}
		p = b.submit(p, anyButton, map[string]string{"user": name, "password": name})
		if side == "saml" {
			if !strings.Contains(p.body, "SAMLResponse") {
				t.Fatalf("no response: %d %s %.2000s", p.status, p.url, p.body)
			}
			p = b.submit(p, anyButton, nil)
		}
		if !strings.Contains(p.body, `id="allow"`) {
			t.Fatalf("%s: no consent page: %d %s %.2000s", side, p.status, p.url, p.body)
		}
		wantStatus(t, d.redeem(t, a, b.submit(p, "allow", nil)), http.StatusOK)
	}
}
