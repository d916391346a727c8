package e2e_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

func TestU14_SimpleSAMLphpSignsInHoweverItSignsAndEncrypts(t *testing.T) {
	t.Parallel()
	variants := []struct {
		name                string
		response, assertion bool
		encrypted           bool
		reason              string
	}{
		{"both", true, true, false, ""}, {"response", true, false, false, ""}, {"assertion", false, true, false, ""},
		{"sealed", true, true, true, ""}, {"sealedonly", false, true, true, saml.ReasonOpenCipher}, {"unsigned", false, false, false, saml.ReasonUnsigned},
	}
	var names []string
	for _, v := range variants {
		names = append(names, v.name)
	}
	at := counterpart.NewSimpleSAMLphp(t, names...)
	d := writeDeployment(t, func(string) string {
		var all strings.Builder
		for _, v := range variants {
			fmt.Fprintf(&all, samlConnectionWritten, v.name, "generic", at.Metadata)
		}
		return all.String()
	})
	d.bootstrap(t)
	n := d.start(t)
	d.WorkspaceID = d.workspaceOfConfiguration(t)
	var known []counterpart.ServiceProvider
	for _, v := range variants {
		entityID := d.url + "/saml/con_" + v.name
		sp := counterpart.ServiceProvider{EntityID: entityID, ACS: entityID + "/acs", SignResponse: v.response, SignAssertion: v.assertion}
		if v.encrypted {
			found := regexp.MustCompile(`(?s)use="encryption".*?X509Certificate>([^<]+)<`).FindStringSubmatch(request(t, http.MethodGet, entityID+"/metadata", "").body)
			if found == nil {
				t.Fatal("our metadata has no certificate to encrypt for")
			}
			sp.Certificate = found[1]
		}
		known = append(known, sp)
	}
	at.Answers(known...)
	c := d.webClient(t, "openid", "profile")
	want := map[string]string{}
	for _, v := range variants {
		b := newBrowser(t, c.RedirectURI)
		a := d.authorization(c, "openid profile", "login_hint", "ada@"+v.name+".example")
		p := b.get(d.authorizeURL(a))
		if !strings.Contains(p.body, "AuthState") {
			t.Fatalf("%s: no form to sign in by: %d %s %.900s", v.name, p.status, p.url, p.body)
		}
		p = b.submit(p, anyButton, map[string]string{"username": v.name, "password": v.name})
		if !strings.Contains(p.body, "SAMLResponse") {
			t.Fatalf("%s: no response: %d %s %.900s", v.name, p.status, p.url, p.body)
		}
		p = b.submit(p, anyButton, nil)
		if v.reason != "" {
			d.wantHonestPage(t, b, p, "upstream_refused")
			want["con_"+v.name] = v.reason
			continue
		}
		if !strings.Contains(p.body, `id="allow"`) || !strings.Contains(p.body, "Ada Lovelace") {
			t.Fatalf("%s: no consent page: %d %.900s", v.name, p.status, p.body)
		}
		wantStatus(t, d.redeem(t, a, b.submit(p, "allow", nil)), http.StatusOK)
	}
	n.end(syscall.SIGTERM)
	for target, reason := range d.refusals(t) {
		if want[target] != reason {
			t.Errorf("%s was refused for %q, want %q", target, reason, want[target])
		}
	}
}
