package idptest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

const callback = "http://127.0.0.1:9/callback"

func start(t *testing.T, change func(*idptest.Config)) *idptest.Provider {
	t.Helper()
	c := idptest.Config{
		Users: []idptest.User{
			{Login: "ada", Password: "correct horse", Subject: "s-ada", Email: "ada@example.com", EmailVerified: true, MFA: true,
				Profile: idp.Profile{Name: "Ada", PhoneNumber: "+1", Address: idp.Address{Country: "GB"}, UpdatedAt: time.Unix(1, 0)}, Groups: []string{"ops"}},
			{Login: "bob", Password: "battery staple", Subject: "s-bob", Claims: map[string]any{"acme": 1}},
		},
		Clients:   []idptest.Client{{ID: "rp", Secret: "rp s:cret", RedirectURIs: []string{callback}, FormAction: []string{"https://app.example.com"}}},
		Algorithm: "ES256",
	}
	if change != nil {
		change(&c)
	}
	op, err := idptest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := op.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = op.Close() })
	return op
}

// browser keeps cookies and stops where it would leave the provider.
func browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func relyingParty(op *idptest.Provider, style oauth2.AuthStyle) *oauth2.Config {
	return &oauth2.Config{ClientID: "rp", ClientSecret: "rp s:cret", RedirectURL: callback, Scopes: []string{"openid", "profile", "email", "groups", "phone", "address"},
		Endpoint: oauth2.Endpoint{AuthURL: op.Issuer() + "/authorize", TokenURL: op.Issuer() + "/token", AuthStyle: style}}
}

func do(t *testing.T, c *http.Client, method, target string, form url.Values) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func landed(t *testing.T, resp *http.Response) url.Values {
	t.Helper()
	u, err := resp.Location()
	if err != nil || resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(u.String(), callback) {
		t.Fatalf("status %d, location %v, %v", resp.StatusCode, u, err)
	}
	return u.Query()
}

func TestThePasswordFormLeadsBackWithACode(t *testing.T) {
	op, b := start(t, nil), browser(t)
	verifier := oauth2.GenerateVerifier()
	target := relyingParty(op, oauth2.AuthStyleInHeader).AuthCodeURL("st4te", oauth2.S256ChallengeOption(verifier),
		oauth2.SetAuthURLParam("login_hint", `ada"><script>`), oauth2.SetAuthURLParam("nonce", "n"))
	resp, page := do(t, b, http.MethodGet, target, nil)
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "form-action 'self' http://127.0.0.1:9 https://app.example.com") || !strings.Contains(csp, "default-src 'none'") {
		t.Errorf("policy %q", csp)
	}
	for _, want := range []string{`id="username"`, `id="password"`, `id="submit"`, `value="ada&#34;&gt;&lt;script&gt;"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	for _, form := range []url.Values{{"username": {"ada"}, "password": {"wrong"}}, {"username": {"nobody"}, "password": {""}}, {"username": {"ada"}}} {
		if resp, page := do(t, b, http.MethodPost, target, form); resp.StatusCode != http.StatusForbidden || !strings.Contains(page, `role="alert"`) {
			t.Errorf("%v: status %d", form, resp.StatusCode)
		}
	}
	resp, _ = do(t, b, http.MethodPost, target, url.Values{"username": {"ada"}, "password": {"correct horse"}})
	q := landed(t, resp)
	if q.Get("state") != "st4te" || q.Get("iss") != op.Issuer() || q.Get("code") == "" {
		t.Fatalf("landed with %v", q)
	}
	rp := relyingParty(op, oauth2.AuthStyleInHeader)
	token, err := rp.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := rp.Exchange(t.Context(), q.Get("code"), oauth2.VerifierOption(verifier)); err == nil {
		t.Error("a code worked twice")
	}
	resp, body := do(t, rp.Client(t.Context(), token), http.MethodGet, op.Issuer()+"/userinfo", nil)
	var claims map[string]any
	if err := json.Unmarshal([]byte(body), &claims); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("userinfo: %d, %v", resp.StatusCode, err)
	}
	if claims["sub"] != "s-ada" || claims["email_verified"] != true || claims["name"] != "Ada" || claims["groups"] == nil || claims["address"] == nil {
		t.Errorf("userinfo says %v", claims)
	}
	if resp, _ := do(t, browser(t), http.MethodGet, op.Issuer()+"/userinfo", nil); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("userinfo without a token: %d", resp.StatusCode)
	}
}

func TestASessionAnswersUntilItIsTooOldOrThePersonIsWanted(t *testing.T) {
	now := time.Now()
	op := start(t, func(c *idptest.Config) { c.Now = func() time.Time { return now } })
	b, rp := browser(t), relyingParty(op, oauth2.AuthStyleInHeader)
	ask := func(params ...string) (*http.Response, string) {
		opts := []oauth2.AuthCodeOption{oauth2.S256ChallengeOption(oauth2.GenerateVerifier())}
		for i := 0; i < len(params); i += 2 {
			opts = append(opts, oauth2.SetAuthURLParam(params[i], params[i+1]))
		}
		return do(t, b, http.MethodGet, rp.AuthCodeURL("s", opts...), nil)
	}
	resp, _ := ask("prompt", "none")
	if q := landed(t, resp); q.Get("error") != "login_required" {
		t.Errorf("prompt=none without a session: %v", q)
	}
	target := rp.AuthCodeURL("s", oauth2.S256ChallengeOption(oauth2.GenerateVerifier()))
	resp, _ = do(t, b, http.MethodPost, target, url.Values{"username": {"bob"}, "password": {"battery staple"}})
	landed(t, resp)
	now = now.Add(time.Hour)
	for _, params := range [][]string{nil, {"prompt", "none"}, {"max_age", "3600"}} {
		resp, _ := ask(params...)
		if q := landed(t, resp); q.Get("code") == "" {
			t.Errorf("%v: %v", params, q)
		}
	}
	for _, params := range [][]string{{"prompt", "login"}, {"prompt", "select_account"}, {"max_age", "60"}, {"max_age", "0"}} {
		if resp, page := ask(params...); resp.StatusCode != http.StatusOK || !strings.Contains(page, "<form") {
			t.Errorf("%v: status %d, want the form", params, resp.StatusCode)
		}
	}
	resp, _ = ask("max_age", "60", "prompt", "none")
	if q := landed(t, resp); q.Get("error") != "login_required" {
		t.Errorf("stale and prompt=none: %v", q)
	}
}

func TestBadRequestsAreRefused(t *testing.T) {
	op := start(t, func(c *idptest.Config) { c.AutoLogin = true })
	b, rp := browser(t), relyingParty(op, oauth2.AuthStyleInHeader)
	pkce := oauth2.S256ChallengeOption(oauth2.GenerateVerifier())
	set := oauth2.SetAuthURLParam
	for _, c := range []struct {
		target, want string
	}{
		{rp.AuthCodeURL("s"), "invalid_request"},
		{rp.AuthCodeURL("s", pkce, set("code_challenge_method", "plain")), "invalid_request"},
		{rp.AuthCodeURL("s", pkce, set("response_type", "token")), "unsupported_response_type"},
		{rp.AuthCodeURL("s", pkce, set("scope", "profile")), "invalid_scope"},
		{rp.AuthCodeURL("s", pkce, set("prompt", "none login")), "invalid_request"},
		{rp.AuthCodeURL("s", pkce, set("max_age", "-1")), "invalid_request"},
		{rp.AuthCodeURL("s", pkce) + "&nonce=a&nonce=b", "invalid_request"},
		{rp.AuthCodeURL("s", pkce, set("login_hint", "stranger")), "access_denied"},
	} {
		resp, _ := do(t, b, http.MethodGet, c.target, nil)
		if q := landed(t, resp); q.Get("error") != c.want || q.Get("iss") == "" {
			t.Errorf("%s: %v, want %s", c.target, q, c.want)
		}
	}
	for _, target := range []string{
		rp.AuthCodeURL("s", pkce, set("redirect_uri", "https://evil.example/")),
		rp.AuthCodeURL("s", pkce, set("client_id", "other")), op.Issuer() + "/authorize?%zz",
	} {
		if resp, _ := do(t, b, http.MethodGet, target, nil); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: status %d, want 400 without a redirect", target, resp.StatusCode)
		}
	}
}

func TestTheTokenEndpointWantsTheClientAndTheVerifier(t *testing.T) {
	op := start(t, func(c *idptest.Config) { c.AutoLogin = true })
	b := browser(t)
	verifier := oauth2.GenerateVerifier()
	code := func() string {
		resp, _ := do(t, b, http.MethodGet, relyingParty(op, 0).AuthCodeURL("s", oauth2.S256ChallengeOption(verifier)), nil)
		return landed(t, resp).Get("code")
	}
	for _, style := range []oauth2.AuthStyle{oauth2.AuthStyleInHeader, oauth2.AuthStyleInParams} {
		if _, err := relyingParty(op, style).Exchange(t.Context(), code(), oauth2.VerifierOption(verifier)); err != nil {
			t.Errorf("style %d: %v", style, err)
		}
		wrong := relyingParty(op, style)
		wrong.ClientSecret = "guess"
		if _, err := wrong.Exchange(t.Context(), code(), oauth2.VerifierOption(verifier)); err == nil || !strings.Contains(err.Error(), "invalid_client") {
			t.Errorf("style %d, wrong secret: %v", style, err)
		}
	}
	for _, opts := range [][]oauth2.AuthCodeOption{nil, {oauth2.VerifierOption(oauth2.GenerateVerifier())},
		{oauth2.VerifierOption(verifier), oauth2.SetAuthURLParam("redirect_uri", callback+"/x")}} {
		if _, err := relyingParty(op, oauth2.AuthStyleInHeader).Exchange(t.Context(), code(), opts...); err == nil || !strings.Contains(err.Error(), "invalid_grant") {
			t.Errorf("%d options: %v", len(opts), err)
		}
	}
}

func TestAnUnusableConfigIsRefused(t *testing.T) {
	user := idptest.User{Login: "a", Password: "p", Subject: "s"}
	for name, c := range map[string]idptest.Config{
		"no users":      {},
		"no password":   {Users: []idptest.User{{Login: "a", Subject: "s"}}},
		"algorithm":     {Users: []idptest.User{user}, Algorithm: "HS256"},
		"no redirect":   {Users: []idptest.User{user}, Clients: []idptest.Client{{ID: "c"}}},
		"relative path": {Users: []idptest.User{user}, Clients: []idptest.Client{{ID: "c", RedirectURIs: []string{"/cb"}}}},
	} {
		if _, err := idptest.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
