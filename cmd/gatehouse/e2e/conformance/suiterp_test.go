package conformance

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// suiteRP is a FAPI 2.0 client of the suite's.
type suiteRP struct {
	s           *suiteRun
	name        string
	f           suiteFile
	meta        answer
	own         suiteClient
	client      *http.Client
	key         jose.JSONWebKey
	dpop        *ecdsa.PrivateKey
	verifier    string
	redirect    string
	certificate suiteCertificate
}

func newSuiteRP(s *suiteRun, name string, f suiteFile, meta answer, own suiteClient, certificate suiteCertificate) *suiteRP {
	s.t.Helper()
	c := &suiteRP{s: s, name: name, f: f, meta: meta, own: own, client: s.client(certificate), certificate: certificate}
	var set jose.JSONWebKeySet
	algorithm := "ES256"
	if own.ID == f.Client.ID && (strings.Contains(name, "private_key_jwt") || strings.Contains(name, "signing")) {
		algorithm = "PS256" // without a key of RSA the suite leaves out its modules on RS256
	}
	if err := json.Unmarshal(own.JWKS, &set); err != nil || len(set.Keys) != 1 || set.Keys[0].IsPublic() || set.Keys[0].Algorithm != algorithm {
		s.t.Fatalf("%s: keys %v, %v", name, set.Keys, err)
	}
	c.key = set.Keys[0]
	var err error
	if c.dpop, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		s.t.Fatal(err)
	}
	return c
}

func (c *suiteRP) signed(key any, options *jose.SignerOptions, claims map[string]any) string {
	c.s.t.Helper()
	algorithm := jose.ES256
	if own, ok := key.(jose.JSONWebKey); ok {
		algorithm = jose.SignatureAlgorithm(own.Algorithm)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		c.s.t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		c.s.t.Fatal(err)
	}
	jws, err := signer.Sign(payload)
	if err != nil {
		c.s.t.Fatal(err)
	}
	text, err := jws.CompactSerialize()
	if err != nil {
		c.s.t.Fatal(err)
	}
	return text
}

// proof is a DPoP proof, where the plan has them.
func (c *suiteRP) proof(req *http.Request, token string) {
	if !strings.HasSuffix(c.name, "dpop") {
		return
	}
	claims := map[string]any{"jti": rand.Text(), "htm": req.Method, "htu": req.URL.String(), "iat": time.Now().Unix()}
	if token != "" {
		sum := sha256.Sum256([]byte(token))
		claims["ath"] = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	req.Header.Set("DPoP", c.signed(c.dpop, (&jose.SignerOptions{EmbedJWK: true}).WithType("dpop+jwt"), claims))
}

// post authenticates as the plan has it.
func (c *suiteRP) post(endpoint string, form url.Values) answer {
	c.s.t.Helper()
	now := time.Now().Unix()
	form.Set("client_id", c.own.ID)
	if strings.Contains(c.name, "private_key_jwt") {
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", c.signed(c.key, nil, map[string]any{
			"iss": c.own.ID, "sub": c.own.ID, "aud": c.meta.text("issuer"), "jti": rand.Text(), "iat": now, "exp": now + 60,
		}))
	}
	req := request(c.s.t, http.MethodPost, c.meta.text(endpoint), form)
	c.proof(req, "")
	return c.do(req)
}

func (c *suiteRP) do(req *http.Request) answer {
	c.s.t.Helper()
	a, err := (&server{client: c.client}).do(req)
	if err != nil {
		c.s.t.Fatal(err)
	}
	return a
}

// pushed is the address of a request that was pushed; signed where the plan
// signs.
func (c *suiteRP) pushed(n int) string {
	c.s.t.Helper()
	c.redirect = c.s.suite.URL + "/test/a/" + c.f.Alias + "/callback" + []string{"", "?dummy1=lorem&dummy2=ipsum"}[n]
	var challenge string
	c.verifier, challenge = pkce()
	members := map[string]string{
		"redirect_uri": c.redirect, "response_type": "code", "scope": c.own.Scope, "state": "s", "code_challenge": challenge, "code_challenge_method": "S256",
	}
	form := url.Values{}
	if strings.Contains(c.name, "signing") {
		now := time.Now().Unix()
		claims := map[string]any{
			"iss": c.own.ID, "aud": c.meta.text("issuer"), "nbf": now, "exp": now + 300, "client_id": c.own.ID, "response_mode": "jwt",
		}
		for name, value := range members {
			claims[name] = value
		}
		members = map[string]string{"request": c.signed(c.key, (&jose.SignerOptions{}).WithType("oauth-authz-req+jwt"), claims)}
	}
	for name, value := range members {
		form.Set(name, value)
	}
	a := c.post("pushed_authorization_request_endpoint", form)
	if a.status != http.StatusCreated {
		c.s.t.Fatalf("%s: pushed: %d %s", c.name, a.status, a.body)
	}
	return c.meta.text("authorization_endpoint") + "?" + url.Values{"client_id": {c.own.ID}, "request_uri": {a.text("request_uri")}}.Encode()
}

// visited is the authorization response; out of its JWT where there is one.
func (c *suiteRP) visited(visits []suiteVisit, target string) url.Values {
	c.s.t.Helper()
	p, _ := c.s.browser().play(visits, target)
	q := p.url.Query()
	if response := q.Get("response"); response != "" {
		var claims map[string]any
		part, _ := base64.RawURLEncoding.DecodeString(strings.Split(response, ".")[1])
		if err := json.Unmarshal(part, &claims); err != nil {
			c.s.t.Fatal(err)
		}
		for name, value := range claims {
			if text, ok := value.(string); ok {
				q.Set(name, text)
			}
		}
	}
	if q.Get("state") != "s" || q.Get("iss") != c.meta.text("issuer") {
		c.s.t.Fatalf("%s: the response is %v", c.name, q)
	}
	return q
}

// usesARequestURITwice is told so where a redirect URI stands beside the request
// URI, and sees a page where none does.
func (c *suiteRP) usesARequestURITwice() {
	c.s.t.Helper()
	again := c.f.Override["fapi2-security-profile-final-par-attempt-reuse-request_uri"].Browser
	for beside, want := range map[string]string{"": "", "&redirect_uri=" + url.QueryEscape(c.redirect): "invalid_request_uri"} {
		*again[0].Limit = 1 // each run of a module counts anew
		b, target := c.s.browser(), c.pushed(0)+beside
		b.play(again, target)
		p, seen := b.play(again, target)
		if told := p.url.Query().Get("error"); told != want || seen != (want == "") {
			c.s.t.Errorf("%s: a request URI used again, beside it %q: %s", c.name, beside, p.url)
		}
	}
}

// signsInAtTheSecondVisit of a request URI, as the module asks for it, with no
// page handed in: that would end the module before the answer comes.
func (c *suiteRP) signsInAtTheSecondVisit() {
	c.s.t.Helper()
	visits := c.f.Override["fapi2-security-profile-final-par-ensure-reused-request-uri-prior-to-auth-completion-succeeds"].Browser
	b, target := c.s.browser(), c.pushed(0)
	p, seen := b.play(visits, target)
	if p.element("password") == nil || seen {
		c.s.t.Errorf("%s: the first visit ended at %s", c.name, p.url)
	}
	p, seen = b.play(visits, target)
	if q := p.url.Query(); q.Get("code") == "" && q.Get("response") == "" || seen {
		c.s.t.Errorf("%s: the second visit ended at %s, a page handed in: %v", c.name, p.url, seen)
	}
}

// authorized is the form that redeems a code the person allowed.
func (c *suiteRP) authorized(n int) url.Values {
	c.s.t.Helper()
	code := c.visited(c.f.Browser, c.pushed(n)).Get("code")
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {c.redirect}, "code_verifier": {c.verifier}}
}

// resource opens the plan's resource.
func (c *suiteRP) resource(token string) answer {
	c.s.t.Helper()
	req := request(c.s.t, http.MethodGet, c.f.Resource.ResourceURL, nil)
	scheme := "Bearer "
	if strings.HasSuffix(c.name, "dpop") {
		scheme = "DPoP "
	}
	req.Header.Set("Authorization", scheme+token)
	c.proof(req, token)
	return c.do(req)
}
