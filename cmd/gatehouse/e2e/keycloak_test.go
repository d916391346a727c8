package e2e_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

const keycloakWritten = `
      - workspace: Example Corp
        id: con_keycloak
        name: Keycloak
        issuer: %[1]q
        client_id: gatehouse
        client_secret: %[2]q
        domains: [keycloak.example]
        routes: [{email: grace@keycloak.example, use: saml}]
        saml: {metadata_url: %[3]q}
`

// atKeycloak is a deployment whose people sign in at a Keycloak: ada by OpenID
// Connect and grace by SAML, signed and encrypted both ways.
type atKeycloak struct {
	*deployment
	realm counterpart.KeycloakRealm
	app   client
}

func TestInterop_KeycloakSignsInAndEndsSessionsByOpenIDConnectAndBySAML(t *testing.T) {
	t.Parallel()
	k := atKeycloak{}
	k.deployment = writeDeployment(t, func(ours string) string {
		secret, entityID := rand.Text(), ours+"/saml/con_keycloak"
		k.realm = counterpart.Keycloak(t, counterpart.KeycloakParty{
			ClientID: "gatehouse", ClientSecret: secret, RedirectURI: ours + "/oidc/con_keycloak/callback",
			BackchannelLogoutURI: ours + "/oidc/con_keycloak/backchannel-logout",
			EntityID:             entityID, ACS: entityID + "/acs", SLO: entityID + "/slo", SAMLMetadata: entityID + "/metadata",
		})
		return fmt.Sprintf(keycloakWritten, k.realm.Issuer, secret, k.realm.SAMLMetadata)
	})
	k.bootstrap(t)
	k.start(t)
	k.WorkspaceID = k.workspaceOfConfiguration(t)
	k.app = k.webClient(t, "openid", "profile")
	for side, who := range map[string]struct{ login, givenName string }{"oidc": {"ada", "Ada"}, "saml": {"grace", "Grace"}} {
		t.Run(side, func(t *testing.T) {
			one, other := k.browser(t), k.browser(t)
			sub := k.wantPerson(t, k.signsIn(t, one, who.login), who.givenName)
			ends, stays := k.signsIn(t, one, who.login, "prompt", "login"), k.signsIn(t, other, who.login)
			for _, again := range []answer{ends, stays} {
				if got := k.wantPerson(t, again, who.givenName); got != sub {
					t.Errorf("who came again is %s, was %s", got, sub)
				}
			}
			k.signsOut(t, one)
			eventually(t, 10*time.Second, "the session of the browser that signed out at Keycloak is over", func() bool { return !k.live(t, ends) })
			if !k.live(t, stays) {
				t.Error("the session of the other browser is over too")
			}
			for b, want := range map[*browser]string{one: "login_required", other: ""} {
				p := b.get(k.authorizeURL(k.authorization(k.app, "openid profile", "prompt", "none")))
				if p.back == nil || p.back.Query().Get("error") != want {
					t.Errorf("prompt=none says %v, want the error %q", p.back, want)
				}
			}
		})
	}
}

// signsIn takes a person through Keycloak, which has to ask for the password,
// and through consent where that is asked for, and returns the tokens.
func (k atKeycloak) signsIn(t *testing.T, b *browser, login string, pairs ...string) answer {
	t.Helper()
	a := k.authorization(k.app, "openid profile", append([]string{"login_hint", login + "@keycloak.example"}, pairs...)...)
	p, asked := b.get(k.authorizeURL(a)), false
	for range 4 {
		switch {
		case p.back != nil:
			if !asked {
				t.Errorf("%s was not asked for a password", login)
			}
			return k.redeem(t, a, p)
		case strings.Contains(p.body, `id="kc-form-login"`):
			asked = true
			fill := map[string]string{"password": k.realm.Password}
			if strings.Contains(p.body, `name="username"`) { // not where Keycloak knows who it is
				fill["username"] = login
			}
			p = b.submit(p, "kc-login", fill)
		case strings.Contains(p.body, `name="SAMLResponse"`):
			wantSealed(t, p)
			p = b.submit(p, anyButton, nil)
		case strings.Contains(p.body, `id="allow"`):
			p = b.submit(p, "allow", nil)
		default:
			t.Fatalf("%s ended at %s with status %d: %.2000s", login, p.url, p.status, p.body)
		}
	}
	return k.redeem(t, a, p)
}

// wantSealed wants an answer that a browser carries and cannot read.
func wantSealed(t *testing.T, p *page) {
	t.Helper()
	_, values := formOf(t, p, anyButton)
	text, err := base64.StdEncoding.DecodeString(values.Get("SAMLResponse"))
	if err != nil || !strings.Contains(string(text), ":EncryptedAssertion") || strings.Contains(string(text), "keycloak.example") {
		t.Errorf("an assertion that is not encrypted: %v %.2000s", err, text)
	}
}

// wantPerson wants tokens that are live and tell who it is, and returns the
// subject.
func (k atKeycloak) wantPerson(t *testing.T, tokens answer, givenName string) string {
	t.Helper()
	wantStatus(t, tokens, http.StatusOK)
	if !k.live(t, tokens) {
		t.Error("the new access token is not active")
	}
	info := request(t, http.MethodGet, k.url+"/oauth2/userinfo", "", "Authorization", "Bearer "+tokens.text("access_token"))
	if info.text("given_name") != givenName || info.text("sub") == "" {
		t.Errorf("userinfo %s", info.body)
	}
	return info.text("sub")
}

func (k atKeycloak) live(t *testing.T, tokens answer) bool {
	t.Helper()
	return form(t, k.url+"/oauth2/introspect", k.app, "token", tokens.text("access_token")).json["active"] == true
}

// signsOut signs a browser out at Keycloak itself, which tells us: by the back
// channel of OpenID Connect, or by a logout request through the browser, whose
// answer Keycloak wants signed.
func (k atKeycloak) signsOut(t *testing.T, b *browser) {
	t.Helper()
	p := b.get(k.realm.Issuer + "/protocol/openid-connect/logout")
	if !strings.Contains(p.body, `id="kc-logout"`) {
		t.Fatalf("no way to sign out at Keycloak: %d %s %.2000s", p.status, p.url, p.body)
	}
	p = b.submit(p, anyButton, nil)
	if strings.Contains(p.body, `name="SAMLResponse"`) { // our answer, where it is posted
		p = b.submit(p, anyButton, nil)
	}
	if p.status != http.StatusOK || !strings.HasPrefix(p.url.String(), k.realm.Issuer) || !strings.Contains(p.body, "logged out") {
		t.Errorf("Keycloak did not end it in good order: %d %s %.4000s", p.status, p.url, p.body)
	}
}

// browser is one that, as browsers do, takes loopback for a secure connection:
// Keycloak's cookies are Secure there, also without TLS.
func (k atKeycloak) browser(t *testing.T) *browser {
	t.Helper()
	b := newBrowser(t, k.app.RedirectURI)
	b.client.Jar = trustingJar{b.client.Jar}
	return b
}

type trustingJar struct{ http.CookieJar }

func (j trustingJar) Cookies(u *url.URL) []*http.Cookie { return j.CookieJar.Cookies(secure(u)) }

func (j trustingJar) SetCookies(u *url.URL, cookies []*http.Cookie) {
	j.CookieJar.SetCookies(secure(u), cookies)
}

func secure(u *url.URL) *url.URL {
	if ip := net.ParseIP(u.Hostname()); ip == nil || !ip.IsLoopback() {
		return u
	}
	as := *u
	as.Scheme = "https"
	return &as
}
