package oauth_test

import (
	"context"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
)

// factory is a house that trusts a CI's issuer: one rule, for deployments of
// any repository of acme from the main branch.
type factory struct {
	*house
	ci      *idptest.Provider
	server  *oauth.Server
	service authz.ServiceAccount
	asked   *questions
}

// questions are the issuers whose keys were asked for.
type questions struct {
	mu   sync.Mutex
	list []string
}

func (q *questions) add(issuer string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.list = append(q.list, issuer)
}

// overHTTP verifies with the keys of the CI's issuer, as the server does.
type overHTTP struct {
	issuer *oidc.Issuer
	asked  *questions
}

func (o overHTTP) Verify(ctx context.Context, issuer, compact string) ([]byte, error) {
	o.asked.add(issuer)
	payload, err := o.issuer.Verify(ctx, compact)
	if idp.ReasonOf(err) == idp.ReasonUnavailable {
		return nil, authz.NewError(authz.Unavailable, "temporarily_unavailable", "").Because(err)
	}
	return payload, err
}

const subjectPattern = "repo:acme/*:ref:refs/heads/main"

func newFactory(t *testing.T, change ...func(*oauth.Workload)) *factory {
	t.Helper()
	h := newHouse(t, catalogue)
	f := &factory{house: h, asked: new(questions)}
	f.ci = made(idptest.New(idptest.Config{
		Users: []idptest.User{{Login: "x", Subject: "x"}}, AutoLogin: true, Algorithm: "ES256", Now: h.clock.Now,
	}))(t)
	h.ok(f.ci.Start())
	t.Cleanup(func() { _ = f.ci.Close() })
	f.service = authz.ServiceAccount{ID: authz.NewServiceAccountID(), Issuer: issuer, WorkspaceID: h.workspace.ID, Name: "deploy", State: authz.Active, CreatedAt: h.clock.Now()}
	h.ok(h.store.CreateServiceAccount(t.Context(), f.service))
	w := oauth.Workload{
		Name: "deploy", Issuer: f.ci.Issuer(), Audience: issuerURL, Claims: map[string]string{"sub": subjectPattern, "environment": "production"},
		WorkspaceID: h.workspace.ID, AccountID: h.account.ID, ServiceAccountID: f.service.ID, Environment: authz.Live,
		Scopes: []string{"monitor:read", "monitor:write"}, TTL: 10 * time.Minute,
	}
	for _, c := range change {
		c(&w)
	}
	upstream := made(oidc.NewIssuer(oidc.IssuerConfig{
		Issuer: f.ci.Issuer(), Now: h.clock.Now, HTTP: outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}),
	}))(t)
	f.server = h.serverWith(func(c *oauth.Config) {
		c.Settings.Workloads, c.Upstreams = []oauth.Workload{w}, overHTTP{upstream, f.asked}
	})
	return f
}

// job are the claims of a job that the rule lets in.
func (f *factory) job(change ...any) map[string]any {
	claims := map[string]any{
		"sub": "repo:acme/app:ref:refs/heads/main", "aud": issuerURL, "environment": "production", "jti": authz.NewID("j"), "ref_protected": "true",
	}
	for n := 0; n+1 < len(change); n += 2 {
		claims[change[n].(string)] = change[n+1]
	}
	return claims
}

// token is the job's own, signed by the CI's issuer.
func (f *factory) signed(claims map[string]any) string {
	f.Helper()
	return made(f.ci.WorkloadToken(claims))(f)
}

// present exchanges a job's token without any client.
func (f *factory) present(token string, more ...string) (*oauth.TokenResponse, error) {
	return f.server.Token(f.Context(), oauth.Request{Form: pairs(append([]string{
		"grant_type", authz.GrantTokenExchange, "subject_token", token, "subject_token_type", oauth.TypeJWT,
	}, more...)...)})
}

func TestTX_20_AJobsTokenIsExchangedWithNoSecretAtAll(t *testing.T) {
	f := newFactory(t)
	got := made(f.present(f.signed(f.job())))(t)
	if got.ExpiresIn != 300 || got.Scope != "monitor:read monitor:write" || got.RefreshToken != "" || got.IssuedTokenType != oauth.TypeAccessToken {
		t.Errorf("answer %+v", got)
	}
	in, _ := f.lookup(got.AccessToken)
	if in.Sub != string(f.service.ID) || in.ClientID != in.Sub || in.WorkspaceID != f.workspace.ID || in.Environment != authz.Live || !slices.Equal(in.Aud, []string{apiURI}) {
		t.Errorf("introspection %+v", in)
	}
	got = made(f.present(f.signed(f.job()), "client_id", string(f.service.ID), "scope", "monitor:read"))(t)
	if got.Scope != "monitor:read" {
		t.Errorf("scope %q", got.Scope)
	}
	list := f.entries("token.exchanged")
	if len(list) != 2 || list[0].Actor != string(f.service.ID) || list[0].Details["workload"] != "deploy" || list[0].Details["upstream_sub"] != "repo:acme/app:ref:refs/heads/main" {
		t.Errorf("audit: %+v", list)
	}
	f.ends(authz.ServiceAccountNode, string(f.service.ID), authz.Disabled)
	f.dead("of a service account that is off", got.AccessToken)
	_, err := f.present(f.signed(f.job()))
	f.wants("a service account that is off", err, "invalid_request")
}

func TestTX_21_EveryConditionMustHold(t *testing.T) {
	f := newFactory(t)
	now := f.clock.Now()
	for what, claims := range map[string]map[string]any{
		"no aud": f.job("aud", nil), "another aud": f.job("aud", "https://other.example"), "ours second": f.job("aud", []string{"https://other.example", issuerURL}),
		"ours beside another": f.job("aud", []string{issuerURL, "https://other.example"}), "aud with slash": f.job("aud", issuerURL+"/"), "an empty list": f.job("aud", []string{}),
		"the API": f.job("aud", apiURI), "aud a number": f.job("aud", 1),
		"no sub": f.job("sub", nil), "another owner": f.job("sub", "repo:evil/app:ref:refs/heads/main"), "another branch": f.job("sub", "repo:acme/app:ref:refs/heads/main2"),
		"a longer branch": f.job("sub", "repo:acme/app:ref:refs/heads/main/x"), "an empty segment": f.job("sub", "repo:acme/:ref:refs/heads/main"),
		"more segments": f.job("sub", "repo:acme/a/b:ref:refs/heads/main"), "another delimiter": f.job("sub", "repo:acme/app/ref:refs/heads/main"),
		"a prefix": f.job("sub", "x:repo:acme/app:ref:refs/heads/main"), "a suffix": f.job("sub", "repo:acme/app:ref:refs/heads/main:x"), "a long name": f.job("sub", "repo:acme/"+strings.Repeat("a", 256)+":ref:refs/heads/main"), "the pattern of another case": f.job("sub", "repo:ACME/app:ref:refs/heads/main"),
		"another environment": f.job("environment", "staging"), "no environment": f.job("environment", nil), "an environment list": f.job("environment", []string{"production"}),
		"another iss": f.job("iss", "https://evil.example"), "iss with slash": f.job("iss", f.ci.Issuer()+"/"), "no iss": f.job("iss", nil), "our own iss": f.job("iss", issuerURL),
		"expired": f.job("exp", now.Unix()), "no exp": f.job("exp", nil), "exp a text": f.job("exp", strconv.FormatInt(now.Unix()+300, 10)), "exp negative": f.job("exp", -1),
		"a day and a second": f.job("exp", now.Unix()+86401), "nbf ahead": f.job("nbf", now.Unix()+61), "iat ahead": f.job("iat", now.Unix()+61), "nbf a text": f.job("nbf", "0"),
		"jti a number": f.job("jti", 7), "an empty jti": f.job("jti", ""), "a long jti": f.job("jti", strings.Repeat("j", 256)), "may act: nobody we know": f.job("may_act", map[string]any{"sub": "ci"}),
		"may act, malformed": f.job("may_act", "ci"),
	} {
		_, err := f.present(f.signed(claims))
		f.wants(what, err, "invalid_request")
	}
	if slices.ContainsFunc(f.asked.list, func(issuer string) bool { return issuer != f.ci.Issuer() }) {
		t.Errorf("asked for the keys of %v", f.asked.list)
	}
	_, err := f.present(f.signed(f.job()), "client_id", "sa_another")
	f.wants("another service account", err, "invalid_request")
	made(f.present(f.signed(f.job("aud", []string{issuerURL}, "may_act", map[string]any{"sub": string(f.service.ID)}))))(t)
}

func TestTX_22_JW_TheSignatureMustBeTheIssuers(t *testing.T) {
	f := newFactory(t)
	for what, faults := range map[string]idptest.Faults{
		"alg none": {Signature: idptest.SignedNotAtAll}, "a stranger's key": {Signature: idptest.SignedByStranger}, "another type of key": {Signature: idptest.SignedByOtherType},
		"HS256 with the public key": {Signature: idptest.SignedHS256WithPublic}, "an access token's typ": {Header: map[string]any{"typ": "at+jwt"}}, "an unknown kid": {Header: map[string]any{"kid": "another"}},
		"crit": {Header: map[string]any{"crit": []string{"x"}, "x": 1}},
	} {
		f.ci.SetFaults(faults)
		_, err := f.present(f.signed(f.job()))
		f.wants(what, err, "invalid_request")
	}
	f.ci.SetFaults(idptest.Faults{})
	good := f.signed(f.job())
	parts := strings.Split(good, ".")
	for what, text := range map[string]string{
		"cut": good[:len(good)-1], "no signature": parts[0] + "." + parts[1] + ".", "another payload": parts[0] + "." + strings.Split(f.signed(f.job("sub", "x")), ".")[1] + "." + parts[2],
		"dots": strings.Repeat(".", 4000), "JWE": "eyJ.a.b.c.d", "not base64": parts[0] + ".!." + parts[2], "long": "ey" + strings.Repeat("a", 17<<10) + "..",
	} {
		_, err := f.present(text)
		f.wants(what, err, "invalid_request")
	}
	made(f.present(good))(t)
}

func TestTX_23_AReplayIsRefusedOnEveryNode(t *testing.T) {
	f := newFactory(t)
	token := f.signed(f.job())
	won := 0
	for _, a := range race(16, func() (*oauth.TokenResponse, error) { return f.present(token) }) {
		if a.err == nil {
			won++
			continue
		}
		f.wants("a racer", a.err, "invalid_request")
	}
	if won != 1 {
		t.Errorf("%d of 16 got a token", won)
	}
	_, err := f.present(token)
	f.wants("the replay", err, "invalid_request")
	if list := f.entries("token.refused"); len(list) != 16 || list[0].Details["why"] != "replayed" {
		t.Errorf("%d refusals", len(list))
	}
	// A refused exchange uses nothing up: the job may ask again, rightly.
	token = f.signed(f.job())
	_, err = f.present(token, "scope", "manage:keys")
	f.wants("a scope the rule does not have", err, "invalid_scope")
	made(f.present(token))(t)
}

func TestTX_24_ATokenWithoutJTIMayComeAgainForAnHourAtMost(t *testing.T) {
	f := newFactory(t)
	now := f.clock.Now().Unix()
	token := f.signed(f.job("jti", nil, "exp", now+3600))
	made(f.present(token))(t)
	made(f.present(token))(t)
	_, err := f.present(f.signed(f.job("jti", nil, "exp", now+3601)))
	f.wants("an hour and a second", err, "invalid_request")
	got := made(f.present(f.signed(f.job("exp", now+86400))))(t)
	if got.ExpiresIn != 600 {
		t.Errorf("the rule gives ten minutes, not %d s", got.ExpiresIn)
	}
}

func TestTX_25_AFloodOfUnknownKeysFetchesOnceAMinute(t *testing.T) {
	f := newFactory(t)
	made(f.present(f.signed(f.job())))(t)
	before := f.ci.Requests("/jwks")
	for n := range 40 {
		f.ci.SetFaults(idptest.Faults{Header: map[string]any{"kid": "k" + strconv.Itoa(n)}})
		_, err := f.present(f.signed(f.job()))
		f.wants("an unknown key", err, "invalid_request")
	}
	if fetched := f.ci.Requests("/jwks") - before; fetched > 1 {
		t.Errorf("%d fetches", fetched)
	}
	f.ci.SetFaults(idptest.Faults{})
	f.ok(f.ci.RollKey("next"))
	f.clock.advance(time.Minute)
	made(f.present(f.signed(f.job())))(t)
}

func TestTX_26_KeysThatCannotBeHadAreNoAnswer(t *testing.T) {
	f := newFactory(t)
	f.ci.SetFaults(idptest.Faults{Serve: map[string]http.Handler{"/.well-known/openid-configuration": idptest.Status(http.StatusBadGateway)}})
	token := f.signed(f.job())
	_, err := f.present(token)
	if authz.KindOf(err) != authz.Unavailable {
		t.Errorf("%v", err)
	}
	f.ci.SetFaults(idptest.Faults{})
	f.clock.advance(time.Minute)
	made(f.present(token))(t)
}

func TestTX_27_AClientBesideAWorkloadNarrowsIt(t *testing.T) {
	f := newFactory(t)
	exchange := func(c authz.Client) (*oauth.TokenResponse, error) {
		return f.server.Token(t.Context(), f.from(c, "grant_type", authz.GrantTokenExchange, "subject_token", f.signed(f.job()), "subject_token_type", oauth.TypeJWT))
	}
	public := f.exchanger(func(c *authz.Client) { c.AuthMethod, c.Scopes = authz.AuthNone, []string{"monitor:read"} })
	got := made(exchange(public))(t)
	if in, _ := f.lookup(got.AccessToken); in.Scope != "monitor:read" || in.ClientID != string(public.ID) || in.Sub != string(f.service.ID) {
		t.Errorf("introspection %+v", in)
	}
	next := made(exchange(f.exchanger()))(t)
	f.ends(authz.ClientNode, string(public.ID), authz.Disabled)
	f.dead("the client's", got.AccessToken)
	f.alive("another client's", next.AccessToken)
	elsewhere := f.anotherWorkspace()
	_, err := exchange(f.exchanger(func(c *authz.Client) { c.WorkspaceID = elsewhere }))
	f.wants("a client of another workspace", err, "invalid_request")
	_, err = exchange(f.web)
	f.wants("a client without the grant type", err, "unauthorized_client")
}

func TestTX_28_ARuleMayNameItsResources(t *testing.T) {
	f := newFactory(t, func(w *oauth.Workload) { w.Resources = []string{docsURI} })
	got := made(f.present(f.signed(f.job())))(t)
	if in, _ := f.lookup(got.AccessToken); !slices.Equal(in.Aud, []string{docsURI}) {
		t.Errorf("aud %v", in.Aud)
	}
	for _, uri := range []string{apiURI, mcpURI, "https://evil.example"} {
		_, err := f.present(f.signed(f.job()), "resource", uri)
		f.wants(uri, err, "invalid_target")
	}
	bare := newHouse(t)
	_, err := bare.token(oauth.Request{Form: pairs("grant_type", authz.GrantTokenExchange, "subject_token", f.signed(f.job()), "subject_token_type", oauth.TypeJWT)})
	bare.wants("an issuer without rules", err, "invalid_request")
}

// FuzzWorkloadSubject compares with a pattern spelled out as a regular language.
func FuzzWorkloadSubject(f *testing.F) {
	f.Add("repo:acme/*:ref:*", "repo:acme/x:ref:y")
	f.Add("*", "")
	f.Add("a/*", "a/b/c")
	f.Fuzz(func(t *testing.T, pattern, subject string) {
		got := oauth.MatchesSubject(pattern, subject)
		split := func(s string) []string {
			return strings.FieldsFunc(s+"\x00", func(r rune) bool { return r == '/' || r == ':' })
		}
		if got && strings.Count(pattern, "/") != strings.Count(subject, "/") || got && strings.Count(pattern, ":") != strings.Count(subject, ":") {
			t.Errorf("%q matches %q across segments", pattern, subject)
		}
		if !strings.Contains(pattern, "*") && got != (pattern == subject) {
			t.Errorf("%q, %q: %t", pattern, subject, got)
		}
		if got && len(split(pattern)) < len(split(subject))-strings.Count(pattern, "*") {
			t.Errorf("%q matches %q", pattern, subject)
		}
	})
}
