package web_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/web"
)

// proofs are made by a key of its own.
func (h *house) proofs() func(method, path, token string) string {
	h.Helper()
	key := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(h)
	options := (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt")
	signer := made(jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: key}, options))(h)
	return func(method, path, token string) string {
		sum := sha256.Sum256([]byte(token))
		claims := map[string]any{
			"jti": authz.NewID("jti"), "htm": method, "htu": host + path, "iat": h.clock.Now().Unix(),
			"ath": base64.RawURLEncoding.EncodeToString(sum[:]),
		}
		jws := made(signer.Sign(made(json.Marshal(claims))(h)))(h)
		return made(jws.CompactSerialize())(h)
	}
}

func TestRFC9449_ABoundTokenOpensUserinfoWithItsProofOnly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	prove := h.proofs()
	const verifier = "a-code-verifier-of-at-least-43-characters-0123456789"
	sum := sha256.Sum256([]byte(verifier))
	body := url.Values{
		"grant_type": {"authorization_code"}, "code": {h.browser().signIn("code_challenge", base64.RawURLEncoding.EncodeToString(sum[:]))}, "redirect_uri": {appURI}, "code_verifier": {verifier},
	}.Encode()
	w := h.send("POST", "/oauth2/token", body, "Content-Type", form, "Authorization", h.basic(), "DPoP", prove("POST", "/oauth2/token", ""))
	token := member(w, "access_token")
	if w.Code != 200 || member(w, "token_type") != "DPoP" || w.Header().Get("DPoP-Nonce") == "" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	for _, method := range []string{"GET", "POST"} {
		w = h.send(method, "/oauth2/userinfo", "", "Authorization", "DPoP "+token, "DPoP", prove(method, "/oauth2/userinfo", token))
		if w.Code != 200 || member(w, "sub") == "" || w.Header().Get("DPoP-Nonce") == "" {
			t.Errorf("%s: %d %s", method, w.Code, w.Body)
		}
	}
	used := prove("GET", "/oauth2/userinfo", token)
	h.send("GET", "/oauth2/userinfo", "", "Authorization", "DPoP "+token, "DPoP", used)
	for name, headers := range map[string][]string{
		"no proof":        {"Authorization", "DPoP " + token},
		"a used proof":    {"Authorization", "DPoP " + token, "DPoP", used},
		"two proofs":      {"Authorization", "DPoP " + token, "DPoP", prove("GET", "/oauth2/userinfo", token), "DPoP", prove("GET", "/oauth2/userinfo", token)},
		"another's proof": {"Authorization", "DPoP " + token, "DPoP", h.proofs()("GET", "/oauth2/userinfo", token)},
		"another method":  {"Authorization", "DPoP " + token, "DPoP", prove("POST", "/oauth2/userinfo", token)},
	} {
		w = h.send("GET", "/oauth2/userinfo", "", headers...)
		h.wants(name, w, 401, "invalid_dpop_proof")
		if c := w.Header().Get("WWW-Authenticate"); !strings.HasPrefix(c, `DPoP realm="gatehouse", error="invalid_dpop_proof"`) || !strings.Contains(c, `algs="PS256 ES256 EdDSA"`) {
			t.Errorf("%s: challenge %q", name, c)
		}
	}
	w = h.send("GET", "/oauth2/userinfo", "", "Authorization", "Bearer "+token, "DPoP", prove("GET", "/oauth2/userinfo", token))
	h.wants("as Bearer", w, 401, "invalid_token")
	h.wants("at /v1", h.send("GET", "/v1/workspaces", "", "Authorization", "Bearer "+token), 401, "invalid_token")
	if h.wants("a key as DPoP", h.send("GET", "/v1/workspaces", "", "Authorization", "DPoP "+h.operator), 401, "invalid_token"); t.Failed() {
		t.Log(h.log.String())
	}
}

func TestRFC9126_APushedRequestGoesAllTheWayOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	parsed := made(url.Parse(h.authorizeURL("state", "inside")))(t)
	w := h.send("POST", "/oauth2/par", parsed.RawQuery, "Content-Type", form, "Authorization", h.basic())
	if w.Code != 201 || member(w, "request_uri") == "" || w.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	outside := "/oauth2/authorize?" + url.Values{"client_id": {string(h.app.ID)}, "request_uri": {member(w, "request_uri")}, "state": {"outside"}}.Encode()
	b := h.browser()
	w = b.get(outside)
	w = b.get(h.upstreamAnswer(w.Header().Get("Location")))
	h.clock.Advance(2 * time.Minute) // people take longer than request URIs live
	u := made(url.Parse(w.Header().Get("Location")))(t)
	w = b.post("/consent", url.Values{"request": {u.Query().Get("request")}, "scope": {"openid", "profile"}, "decision": {"allow"}})
	back := made(url.Parse(w.Header().Get("Location")))(t)
	if back.Query().Get("code") == "" || back.Query().Get("state") != "inside" {
		t.Fatalf("%d %s %.300s", w.Code, back, w.Body)
	}
	if w = h.browser().get(outside); w.Code != 400 || !strings.Contains(w.Body.String(), "invalid_request_uri") {
		t.Errorf("a second time: %d %.300s", w.Code, w.Body)
	}
}

func TestFormPost_ThePageSendsTheResponseToTheClientAndNowhereElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	b := h.browser()
	id := b.consentPage("response_mode", "form_post", "state", `"><script>alert(1)</script>`)
	w := b.post("/consent", url.Values{"request": {id}, "scope": {"openid", "profile"}, "decision": {"allow"}})
	page, policy := w.Body.String(), w.Header().Get("Content-Security-Policy")
	if w.Code != 200 || !strings.Contains(page, `action="`+appURI+`"`) || !strings.Contains(page, `name="code"`) || strings.Contains(page, "<script>alert") {
		t.Errorf("%d %s", w.Code, page)
	}
	origin := made(url.Parse(appURI))(t)
	if !strings.Contains(policy, "script-src 'self';") || !strings.Contains(policy, "form-action 'self' "+origin.Scheme+"://"+origin.Host) || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("policy %q", policy)
	}
	if w = h.send("GET", "/static/submit.js", ""); w.Code != 200 {
		t.Errorf("the script: %d", w.Code)
	}
}

func TestMT_02_ACertificateInAHeaderIsATrustedProxysOrNobodys(t *testing.T) {
	t.Parallel()
	key := made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "robot"}, NotAfter: time.Now().Add(time.Hour)}
	der := made(x509.CreateCertificate(rand.Reader, template, template, key.Public(), key))(t)
	leaf := made(x509.ParseCertificate(der))(t)
	escaped := url.PathEscape(string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	structured := ":" + base64.StdEncoding.EncodeToString(der) + ":"
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	ask := func(peer, header string, values ...string) int {
		r := httptest.NewRequest("POST", host+"/oauth2/token", nil)
		r.RemoteAddr = peer
		for _, v := range values {
			r.Header.Add("Client-Cert", v)
		}
		return len(web.PeerCertificates(proxies, header, r))
	}
	for _, value := range []string{structured, escaped} {
		if ask("10.1.2.3:4", "Client-Cert", value) != 1 {
			t.Errorf("%.20s of the proxy is not believed", value)
		}
		if ask("192.0.2.1:4", "Client-Cert", value) != 0 {
			t.Errorf("%.20s of a stranger is believed", value)
		}
		if ask("10.1.2.3:4", "", value) != 0 {
			t.Errorf("%.20s is believed although no header is", value)
		}
		if ask("10.1.2.3:4", "Client-Cert", value, value) != 0 {
			t.Errorf("two are believed")
		}
	}
	for _, value := range []string{"", ":", "::", ":x:", "x", "%zz", escaped + escaped, strings.Repeat("x", 1<<20)} {
		if ask("10.1.2.3:4", "Client-Cert", value) != 0 {
			t.Errorf("%.20q is believed", value)
		}
	}
	r := httptest.NewRequest("POST", host+"/oauth2/token", nil)
	r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}
	if r.RemoteAddr = "192.0.2.1:4"; len(web.PeerCertificates(proxies, "Client-Cert", r)) != 1 {
		t.Error("the handshake's is not believed")
	}
	if r.RemoteAddr = "10.1.2.3:4"; len(web.PeerCertificates(proxies, "Client-Cert", r)) != 0 {
		t.Error("a proxy was taken for the client it speaks for")
	}
}
