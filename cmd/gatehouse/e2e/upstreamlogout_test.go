package e2e_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"
)

func TestNpmOIDCProviderTellsByTheBackChannelThatASessionHasEnded(t *testing.T) {
	t.Parallel()
	var upstream string
	d := writeDeployment(t, func(ours string) string {
		upstream = npmUpstream(t, ours, "RS256")
		return fmt.Sprintf(connectionWritten, "npm", "Npm", upstream, upstreamSecret, "npm")
	})
	d.bootstrap(t)
	d.start(t)
	d.WorkspaceID = d.workspaceOfConfiguration(t)
	c := d.webClient(t, "openid", "profile")
	one, other := newBrowser(t, c.RedirectURI), newBrowser(t, c.RedirectURI)
	tokens := map[*browser]answer{}
	for _, b := range []*browser{one, other} {
		a := d.authorization(c, "openid profile")
		p := b.submit(b.get(d.authorizeURL(a)), "sign-in", map[string]string{"login": "ada"})
		if p.back == nil {
			p = b.submit(p, "allow", nil)
		}
		tokens[b] = d.redeem(t, a, p)
		wantStatus(t, tokens[b], http.StatusOK)
	}
	live := func(b *browser) bool {
		told := form(t, d.url+"/oauth2/introspect", c, "token", tokens[b].text("access_token"))
		return told.json["active"] == true
	}
	if !live(one) || !live(other) {
		t.Fatal("nobody is signed in")
	}
	page := one.get(upstream + "/session/end")
	xsrf := regexp.MustCompile(`name="xsrf" value="([^"]+)"`).FindStringSubmatch(page.body)
	if xsrf == nil {
		t.Fatalf("no way to sign out upstream: %s", page.body)
	}
	one.post(upstream+"/session/end/confirm", url.Values{"xsrf": {xsrf[1]}, "logout": {"yes"}})
	eventually(t, 10*time.Second, "the session of the browser that signed out upstream is over", func() bool { return !live(one) })
	if !live(other) {
		t.Error("the session of the other browser is over too")
	}
	one.stopAt = c.RedirectURI
	if p := one.get(d.authorizeURL(d.authorization(c, "openid", "prompt", "none"))); p.back == nil || p.back.Query().Get("error") != "login_required" {
		t.Errorf("still signed in: %v", p.back)
	}
}
