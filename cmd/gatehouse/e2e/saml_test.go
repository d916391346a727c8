package e2e_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestU14_APersonOfTheOldDirectorySignsInBySAML(t *testing.T) {
	bothIssuers(t, func(t *testing.T, p *product, i issuer) {
		t.Parallel()
		carol := p.user("carol")
		if carol.Via != "saml" || p.Upstream.SAMLMetadata == "" {
			t.Fatalf("the summary names no person of SAML: %+v", p.Upstream)
		}
		metadata := request(t, http.MethodGet, p.Upstream.SAMLMetadata, "")
		if metadata.status != http.StatusOK || !strings.Contains(metadata.body, "IDPSSODescriptor") {
			t.Errorf("metadata: %d %.300s", metadata.status, metadata.body)
		}
		asked := i.authorization(i.Clients.Web, scopesOf[i.Name], "login_hint", carol.Login)
		tokens := i.redeem(t, asked, newBrowser(t, i.Clients.Web.RedirectURI).signIn(i, asked, carol))
		wantStatus(t, tokens, http.StatusOK)
		a := i.introspect(t, tokens.text("access_token"))
		if a.json["active"] != true || a.text("workspace_id") != i.WorkspaceID {
			t.Errorf("introspection %s", a.body)
		}
		info := request(t, http.MethodGet, i.Issuer+"/oauth2/userinfo", "", "Authorization", "Bearer "+tokens.text("access_token"))
		if info.text("sub") != a.text("sub") || info.text("given_name") != "Carol" {
			t.Errorf("userinfo %s", info.body)
		}
	})
}

func TestChromiumSignsInBySAMLAcrossSites(t *testing.T) {
	atChromium(t, func(t *testing.T, w *person) {
		carol := w.p.user("carol")
		w.Navigate(w.sample() + "/login/" + w.i.Name + "?login_hint=" + carol.Login)
		w.password(carol)
		w.WaitFor("allow")
		if w.sessionCookie() == "" {
			t.Error("there is no session cookie")
		}
		w.Click("allow")
		w.WaitFor("granted")
		if got := w.Text("#claims"); !strings.Contains(got, "Carol") {
			t.Errorf("the app does not know the person: %s", got)
		}
	})
}
