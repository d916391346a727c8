package oidc_test

import (
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

func allScopes(c *oidc.Config) {
	c.Scopes = []string{"profile", "email", "phone", "address", "groups"}
}

func TestASignInBringsTheIdentityFromTokenOrUserInfo(t *testing.T) {
	for name, thin := range map[string]bool{"fat ID token": false, "thin ID token": true} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, func(c *idptest.Config) { c.ThinIDTokens = thin }, allScopes)
			got, err := r.signIn(t, newLogin())
			if err != nil {
				t.Fatal(err)
			}
			if got.SessionID == "" {
				t.Error("no sid")
			}
			got.SessionID = ""
			want := idp.Identity{
				Upstream: "con_1", Issuer: r.op.Issuer(), Subject: "s-ada", AuthTime: r.Now().UTC().Truncate(time.Second),
				ACR: idptest.ACRMultiFactor, AMR: []string{"pwd", "otp", "mfa"}, Evidence: idp.EvidenceProven,
				Email: "ada@example.com", EmailVerified: true, Groups: []string{"ops", "dev"},
				Profile: idp.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace", Picture: "https://127.0.0.1/p.png", UpdatedAt: time.Unix(1700000000, 0).UTC(),
					PhoneNumber: "+44 1", PhoneVerified: true, Address: idp.Address{Locality: "London", Country: "GB"}},
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			if asked := r.op.Requests("/userinfo") == 1; asked != thin {
				t.Errorf("userinfo asked: %v", asked)
			}
		})
	}
}

func TestBeginAsksForEverythingAndAlwaysWithPKCEAndNonce(t *testing.T) {
	r := newRig(t, nil, nil)
	age := 15 * time.Minute
	login := newLogin()
	login.Prompt, login.MaxAge, login.ACRValues, login.UILocales = "login", &age, []string{"a", "b"}, []string{"de", "en"}
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {"rp"}, "redirect_uri": {callbackURI}, "scope": {"openid profile email"},
		"state": {login.State}, "nonce": {login.Nonce}, "code_challenge_method": {"S256"}, "code_challenge": {oauth2.S256ChallengeFromVerifier(login.CodeVerifier)},
		"prompt": {"login"}, "max_age": {"900"}, "acr_values": {"a b"}, "ui_locales": {"de en"}, "login_hint": {"ada"},
	}
	if got := u.Query(); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	long := newLogin()
	long.LoginHint = strings.Repeat("a", 321)
	if target, err = r.conn.Begin(t.Context(), long); err != nil || strings.Contains(target, "login_hint") {
		t.Errorf("a long hint: %v, %v", target, err)
	}
	for name, spoil := range map[string]func(*idp.Login){
		"state": func(l *idp.Login) { l.State = "" }, "nonce": func(l *idp.Login) { l.Nonce = "" },
		"short verifier": func(l *idp.Login) { l.CodeVerifier = "short" }, "no verifier": func(l *idp.Login) { l.CodeVerifier = "" },
	} {
		bad := newLogin()
		spoil(&bad)
		if _, err := r.conn.Begin(t.Context(), bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestTheClientAuthenticatesAsDiscoverySays(t *testing.T) {
	for name, methods := range map[string]any{
		"basic": []string{"client_secret_basic"}, "post": []string{"private_key_jwt", "client_secret_post"}, "nothing said": nil,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.op.SetFaults(metadata(r.op, map[string]any{"token_endpoint_auth_methods_supported": methods}))
			if _, err := r.signIn(t, newLogin()); err != nil {
				t.Error(err)
			}
		})
	}
	r := newRig(t, nil, nil)
	r.refused(t, metadata(r.op, map[string]any{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}}), idp.ReasonMetadata)
	public := newRig(t, func(c *idptest.Config) { c.Clients[0].Secret = "" }, func(c *oidc.Config) { c.ClientSecret = "" })
	if _, err := public.signIn(t, newLogin()); err != nil {
		t.Errorf("public client: %v", err)
	}
	wrong := newRig(t, nil, func(c *oidc.Config) { c.ClientSecret = "old" })
	if _, err := wrong.signIn(t, newLogin()); reason(err) != idp.ReasonExchange || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("wrong secret: %v", err)
	}
}

func TestTheTokenEndpointsTroublesHaveTheirReasons(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, c := range map[string]struct {
		handler http.Handler
		want    string
	}{
		"away":             {idptest.Status(503), idp.ReasonUnavailable},
		"refuses":          {idptest.Status(400), idp.ReasonExchange},
		"echoes":           {http.HandlerFunc(echo), idp.ReasonExchange},
		"no JSON":          {idptest.Status(200), idp.ReasonExchange},
		"no ID token":      {idptest.JSON(map[string]string{"access_token": "x"}), idp.ReasonIDToken},
		"malformed":        {idptest.JSON(map[string]string{"id_token": "x.y"}), idp.ReasonIDToken},
		"huge ID token":    {idptest.JSON(map[string]string{"id_token": strings.Repeat("x", 65<<10)}), idp.ReasonTooLarge},
		"endless":          {idptest.Endless(), idp.ReasonTooLarge},
		"redirects inside": {http.RedirectHandler("http://127.0.0.1:1/", http.StatusTemporaryRedirect), idp.ReasonBlocked},
	} {
		t.Run(name, func(t *testing.T) { r.refused(t, serve("/token", c.handler), c.want) })
	}
}

// echo repeats the whole request in an error, secret and code included.
func echo(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	http.Error(w, `{"error":"`+r.Form.Encode()+r.Header.Get("Authorization")+`"}`, http.StatusBadRequest)
}

func TestErrorsOnTheCallbackAreSorted(t *testing.T) {
	r := newRig(t, nil, nil)
	for code, want := range map[string]string{
		"access_denied": idp.ReasonDenied, "login_required": idp.ReasonLoginRequired, "consent_required": idp.ReasonLoginRequired,
		"unmet_authentication_requirements": idp.ReasonUnmetAuth, "server_error": idp.ReasonUpstreamError, "<script>": idp.ReasonUpstreamError,
	} {
		login := newLogin()
		_, err := r.conn.Finish(t.Context(), remembered(login, url.Values{"state": {login.State}, "iss": {r.op.Issuer()}, "error": {code}}))
		if reason(err) != want || strings.Contains(err.Error(), "<") {
			t.Errorf("%s: %v, want %s", code, err, want)
		}
	}
	if n := r.op.Requests("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
}

func TestAnUnusableConfigIsRefused(t *testing.T) {
	good := oidc.Config{ID: "c", Issuer: "https://op.example", ClientID: "rp", RedirectURI: "https://rp.example/cb", HTTP: client(0)}
	if _, err := oidc.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*oidc.Config){
		"id": func(c *oidc.Config) { c.ID = "" }, "client": func(c *oidc.Config) { c.ClientID = "" }, "http": func(c *oidc.Config) { c.HTTP = nil },
		"redirect": func(c *oidc.Config) { c.RedirectURI = "/cb" }, "issuer": func(c *oidc.Config) { c.Issuer = "op.example" },
		"query": func(c *oidc.Config) { c.Issuer = "https://op.example/?a" }, "none": func(c *oidc.Config) { c.Algorithms = []string{"none"} },
		"HS256": func(c *oidc.Config) { c.Algorithms = []string{"HS256"} },
	} {
		bad := good
		spoil(&bad)
		if _, err := oidc.New(bad); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
