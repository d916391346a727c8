package oidc_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

func TestUO_01_NonceAbsentWrongOrReplayedIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	earlier := newLogin()
	if _, err := r.signIn(t, earlier); err != nil {
		t.Fatal(err)
	}
	for name, nonce := range map[string]any{"absent": nil, "wrong": "x", "replayed": earlier.Nonce, "empty": "", "a number": 1} {
		t.Run(name, func(t *testing.T) { r.refused(t, claim("nonce", nonce), idp.ReasonNonce) })
	}
	login := newLogin()
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	callback := remembered(login, visit(t, target))
	callback.Nonce = ""
	if _, err := r.conn.Finish(t.Context(), callback); reason(err) != idp.ReasonNonce {
		t.Errorf("nothing remembered: %v", err)
	}
	// Nothing remembered and nothing told are not alike.
	r.op.SetFaults(claim("nonce", ""))
	if target, err = r.conn.Begin(t.Context(), login); err != nil {
		t.Fatal(err)
	}
	callback = remembered(login, visit(t, target))
	callback.Nonce = ""
	if _, err := r.conn.Finish(t.Context(), callback); reason(err) != idp.ReasonNonce {
		t.Errorf("nothing remembered, nothing told: %v", err)
	}
}

func TestUO_02_AnotherClientsTokenIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, c := range []struct {
		name     string
		aud, azp any
		want     string
	}{
		{"aud other", "other", nil, idp.ReasonAudience},
		{"aud absent", nil, nil, idp.ReasonAudience},
		{"aud empty", []string{}, nil, idp.ReasonAudience},
		{"aud a number", 1, nil, idp.ReasonAudience},
		{"aud others", []string{"a", "b"}, "rp", idp.ReasonAudience},
		{"array without azp", []string{"rp", "other"}, nil, idp.ReasonAZP},
		{"array, azp other", []string{"rp", "other"}, "other", idp.ReasonAZP},
		{"azp other", "rp", "other", idp.ReasonAZP},
		{"azp a number", "rp", 1, idp.ReasonAZP},
		{"azp us", []string{"rp", "other"}, "rp", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			r.refused(t, idptest.Faults{IDToken: func(m map[string]any) {
				setting("aud", c.aud)(m)
				setting("azp", c.azp)(m)
			}}, c.want)
		})
	}
}

func TestUO_03_TimesAbsentOrOffAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	at := func(d time.Duration) int64 { return r.Now().Add(d).Unix() }
	for _, c := range []struct {
		name, claim string
		value       any
		want        string
	}{
		{"exp absent", "exp", nil, idp.ReasonExpired},
		{"exp past", "exp", at(-2 * time.Minute), idp.ReasonExpired},
		{"exp past within the leeway", "exp", at(-30 * time.Second), ""},
		{"exp a word", "exp", "tomorrow", idp.ReasonExpired},
		{"exp negative", "exp", -1, idp.ReasonExpired},
		{"exp beyond all years", "exp", 1e300, idp.ReasonExpired},
		{"iat absent", "iat", nil, idp.ReasonIssuedAt},
		{"iat old", "iat", at(-11 * time.Minute), idp.ReasonIssuedAt},
		{"iat ahead", "iat", at(11 * time.Minute), idp.ReasonIssuedAt},
		{"iat ten years ahead", "iat", at(87600 * time.Hour), idp.ReasonIssuedAt},
		{"nbf ahead", "nbf", at(2 * time.Minute), idp.ReasonIssuedAt},
		{"nbf a word", "nbf", "now", idp.ReasonIssuedAt},
		{"sub absent", "sub", nil, idp.ReasonSubject},
		{"sub too long", "sub", strings.Repeat("s", 256), idp.ReasonSubject},
		{"at_hash of another", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA", idp.ReasonAtHash},
		{"at_hash absent", "at_hash", nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) { r.refused(t, claim(c.claim, c.value), c.want) })
	}
}

func TestUO_04_Attack_08_AlgorithmsThatAreNotTheUpstreamsAreRefused(t *testing.T) {
	r := newRig(t, func(c *idptest.Config) { c.Algorithm = "RS256" }, nil)
	pinned := newRig(t, nil, func(c *oidc.Config) { c.Algorithms = []string{"RS256"} })
	for _, c := range []struct {
		signature idptest.Signature
		want      string
	}{
		{idptest.SignedWell, ""},
		{idptest.SignedNotAtAll, idp.ReasonAlg},
		{idptest.SignedHS256WithSecret, idp.ReasonAlg},
		{idptest.SignedHS256WithPublic, idp.ReasonAlg},
		{idptest.SignedWithUnlistedHash, idp.ReasonAlg},
		{idptest.SignedByOtherType, idp.ReasonAlg},
		{idptest.SignedByStranger, idp.ReasonSignature},
	} {
		t.Run(string(c.signature), func(t *testing.T) { r.refused(t, idptest.Faults{Signature: c.signature}, c.want) })
	}
	t.Run("advertised, yet of another type than the key", func(t *testing.T) {
		both := newRig(t, func(c *idptest.Config) { c.Algorithm = "RS256" }, nil)
		faults := metadata(both.op, map[string]any{"id_token_signing_alg_values_supported": []string{"RS256", "ES256", "HS256", "none"}})
		for signature, want := range map[idptest.Signature]string{
			idptest.SignedByOtherType: idp.ReasonAlg, idptest.SignedHS256WithSecret: idp.ReasonAlg, idptest.SignedNotAtAll: idp.ReasonAlg,
		} {
			faults.Signature = signature
			both.refused(t, faults, want)
		}
	})
	t.Run("pinned to what is not advertised", func(t *testing.T) {
		if err := pinned.conn.Discover(t.Context()); reason(err) != idp.ReasonAlg {
			t.Error(err)
		}
	})
}

func TestUO_05_Attack_06_StateMissingReusedOrAnothersIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	begin := func() (idp.Login, url.Values) {
		login := newLogin()
		target, err := r.conn.Begin(t.Context(), login)
		if err != nil {
			t.Fatal(err)
		}
		return login, visit(t, target)
	}
	finish := func(login idp.Login, params url.Values) string {
		_, err := r.conn.Finish(t.Context(), remembered(login, params))
		return reason(err)
	}
	mine, myParams := begin()
	theirs, theirParams := begin()
	for name, change := range map[string]func(url.Values){
		"missing": func(v url.Values) { v.Del("state") }, "empty": func(v url.Values) { v.Set("state", "") },
		"twice": func(v url.Values) { v.Add("state", v.Get("state")) }, "long": func(v url.Values) { v.Set("state", strings.Repeat("s", 5000)) },
		"another's": func(v url.Values) { v.Set("state", theirs.State) },
	} {
		params := url.Values{"code": myParams["code"], "iss": myParams["iss"], "state": myParams["state"]}
		change(params)
		if got := finish(mine, params); got != idp.ReasonState {
			t.Errorf("%s: %q", name, got)
		}
	}
	// Nor does whoever remembers none take an answer without one.
	nothing := remembered(mine, url.Values{"code": myParams["code"], "iss": myParams["iss"]})
	nothing.State = ""
	if _, err := r.conn.Finish(t.Context(), nothing); reason(err) != idp.ReasonState {
		t.Errorf("no state at either end: %v", err)
	}
	if n := r.op.Requests("/token"); n != 0 {
		t.Errorf("a refused state spent %d codes", n)
	}
	// A code planted in another browser's sign-in dies of its PKCE verifier.
	planted := url.Values{"code": theirParams["code"], "iss": myParams["iss"], "state": {mine.State}}
	if got := finish(mine, planted); got != idp.ReasonExchange {
		t.Errorf("planted code: %q", got)
	}
	if got := finish(mine, myParams); got != "" {
		t.Errorf("the rightful callback: %q", got)
	}
	if got := finish(mine, myParams); got != idp.ReasonExchange {
		t.Errorf("the same callback again: %q", got)
	}
	for name, params := range map[string]url.Values{
		"two codes": {"state": {mine.State}, "iss": {r.op.Issuer()}, "code": {"a", "b"}}, "no code": {"state": {mine.State}, "iss": {r.op.Issuer()}},
	} {
		if got := finish(mine, params); got != idp.ReasonCallback {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestUO_07_TheSameSubjectOfAnotherIssuerIsSomeoneElse(t *testing.T) {
	a, b := newRig(t, nil, nil), newRig(t, nil, func(c *oidc.Config) { c.ID = "con_2" })
	one, err := a.signIn(t, newLogin())
	if err != nil {
		t.Fatal(err)
	}
	two, err := b.signIn(t, newLogin())
	if err != nil {
		t.Fatal(err)
	}
	if one.Subject != two.Subject || one.Upstream == two.Upstream || one.Issuer == two.Issuer {
		t.Errorf("%s %s and %s %s", one.Upstream, one.Subject, two.Upstream, two.Subject)
	}
}

func TestAttack_03_AnotherIssuersTokenIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, iss := range []any{"https://evil.example", r.op.Issuer() + "/", nil, 1} {
		r.refused(t, claim("iss", iss), idp.ReasonIssuerMismatch)
	}
}

func TestMX_01_Attack_07_AnAnswerOfAnotherIssuerIsRefusedBeforeAnythingIsSent(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, change := range map[string]func(url.Values){
		"iss of another":       func(v url.Values) { v.Set("iss", "https://other.example") },
		"iss promised, absent": func(v url.Values) { v.Del("iss") },
		"error with iss of another": func(v url.Values) {
			v.Del("code")
			v.Set("error", "access_denied")
			v.Set("iss", r.op.Issuer()+"/")
		},
	} {
		t.Run(name, func(t *testing.T) { r.refused(t, idptest.Faults{Callback: change}, idp.ReasonMixUp) })
	}
	if n := r.op.Requests("/token"); n != 0 {
		t.Errorf("%d token requests", n)
	}
	quiet := newRig(t, nil, nil)
	faults := metadata(quiet.op, map[string]any{"authorization_response_iss_parameter_supported": false})
	faults.Callback = func(v url.Values) { v.Del("iss") }
	quiet.refused(t, faults, "")
	// A parameter that is there twice is not there once: neither is chosen.
	for _, name := range []string{"iss", "error"} {
		twice := metadata(quiet.op, map[string]any{"authorization_response_iss_parameter_supported": false})
		twice.Callback = func(v url.Values) { v[name] = []string{quiet.op.Issuer(), "https://other.example"} }
		quiet.refused(t, twice, idp.ReasonCallback)
	}
}

func TestMX_02_MetadataOfAnotherIssuerIsNotLoaded(t *testing.T) {
	for _, issuer := range []any{"https://other.example", "", nil, "slash"} {
		r := newRig(t, nil, nil)
		if issuer == "slash" {
			issuer = r.op.Issuer() + "/"
		}
		r.refused(t, metadata(r.op, map[string]any{"issuer": issuer}), idp.ReasonIssuerMismatch)
	}
}

func TestMetadataThatLeadsAstrayIsNotLoaded(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"script":      {"authorization_endpoint": "javascript:alert(1)"},
		"relative":    {"token_endpoint": "/token"},
		"no keys":     {"jwks_uri": nil},
		"credentials": {"userinfo_endpoint": "http://a:b@127.0.0.1/"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, nil)
			r.refused(t, metadata(r.op, change), idp.ReasonMetadata)
		})
	}
	r := newRig(t, nil, nil)
	r.refused(t, serve("/.well-known/openid-configuration", idptest.JSON([]int{1})), idp.ReasonMetadata)
}

func TestUO_12_TheSameKeyIDOfTwoIssuersIsNeverMixedUp(t *testing.T) {
	named := func(c *idptest.Config) { c.KeyID = "k1" }
	a, b := newRig(t, named, nil), newRig(t, named, nil)
	for _, r := range []*rig{a, b} {
		if _, err := r.signIn(t, newLogin()); err != nil {
			t.Fatal(err)
		}
	}
	// b signs a perfect token in a's name, under the same kid.
	inAsName := idptest.Faults{IDToken: setting("iss", a.op.Issuer()), Callback: func(v url.Values) { v.Set("iss", a.op.Issuer()) }}
	b.op.SetFaults(inAsName)
	a.conn = a.connect(t)
	a.refused(t, metadata(a.op, map[string]any{"authorization_endpoint": b.op.Issuer() + "/authorize", "token_endpoint": b.op.Issuer() + "/token"}), idp.ReasonSignature)
}

func TestUO_15_Attack_13_UserInfoOfSomeoneElseIsRefused(t *testing.T) {
	r := newRig(t, func(c *idptest.Config) { c.ThinIDTokens = true }, nil)
	for _, sub := range []any{"s-bob", nil, "", 1, []string{"s-ada"}} {
		r.refused(t, idptest.Faults{UserInfo: setting("sub", sub)}, idp.ReasonUserInfoSub)
	}
	for want, h := range map[string]http.Handler{
		idp.ReasonUserInfo: idptest.Status(200), idp.ReasonUnavailable: idptest.Status(500), idp.ReasonTooLarge: idptest.Endless(),
	} {
		r.refused(t, serve("/userinfo", h), want)
	}
	r.refused(t, serve("/userinfo", idptest.Status(403)), idp.ReasonUserInfo)
	r.refused(t, serve("/userinfo", idptest.JSON("eyJ")), idp.ReasonUserInfo)
	// What is refused, or no plain JSON, says nothing, though it speaks of her.
	const ada = `{"sub":"s-ada","email":"ada@example.com"}`
	r.refused(t, serve("/userinfo", says(http.StatusForbidden, ada)), idp.ReasonUserInfo)
	r.refused(t, serve("/userinfo", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(ada))
	})), idp.ReasonUserInfo)
}

func TestUO_16_WhatAnUpstreamSaysOfTenantsAndRolesIsNotCopied(t *testing.T) {
	r := newRig(t, nil, nil)
	login := newLogin()
	plain, err := r.signIn(t, login)
	if err != nil {
		t.Fatal(err)
	}
	r.op.SetFaults(idptest.Faults{IDToken: func(c map[string]any) {
		for _, name := range []string{"tenant", "workspace_id", "account_id", "scope", "scp", "role", "roles", "client_id", "SUB", "Email_Verified", "EMAIL"} {
			c[name] = "admin"
		}
	}})
	loud, err := r.signIn(t, newLogin())
	if err != nil {
		t.Fatal(err)
	}
	loud.SessionID = plain.SessionID
	if !reflect.DeepEqual(plain, loud) {
		t.Errorf("got  %+v\nwant %+v", loud, plain)
	}
}

func TestUO_06_EmailIsVerifiedOnlyByJSONTrueOfTheSameSource(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, value := range []any{"true", 1, "yes", nil, false, []bool{true}} {
		r.op.SetFaults(claim("email_verified", value))
		if got, err := r.signIn(t, newLogin()); err != nil || got.Email == "" || got.EmailVerified {
			t.Errorf("%v: %+v, %v", value, got, err)
		}
	}
	// The ID token names an address, userinfo verifies another.
	thin := newRig(t, func(c *idptest.Config) { c.ThinIDTokens = true }, nil)
	thin.op.SetFaults(claim("email", "victim@example.com"))
	if got, err := thin.signIn(t, newLogin()); err != nil || got.Email != "victim@example.com" || got.EmailVerified {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestUO_10_EvidenceIsJudgedByTheRuleOfTheConnection(t *testing.T) {
	r := newRig(t, nil, func(c *oidc.Config) { c.MFA = idp.MFARule{ACR: []string{"c1"}} })
	bob := func() idp.Login {
		l := newLogin()
		l.LoginHint = "bob"
		return l
	}
	for _, c := range []struct {
		name, claim string
		value       any
		want        idp.Evidence
	}{
		{"password only", "x", 1, idp.EvidenceNone}, {"amr mfa", "amr", []string{"mfa"}, idp.EvidenceProven}, {"amr as text", "amr", "mfa", idp.EvidenceProven},
		{"acrs mapped", "acrs", []string{"c1"}, idp.EvidenceProven}, {"acr mapped", "acr", "c1", idp.EvidenceProven}, {"acr other", "acr", "c2", idp.EvidenceNone},
	} {
		r.op.SetFaults(claim(c.claim, c.value))
		if got, err := r.signIn(t, bob()); err != nil || got.Evidence != c.want {
			t.Errorf("%s: %v, %v", c.name, got.Evidence, err)
		}
	}
}

func TestAttack_12_OtherKindsOfTokenAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	for typ, want := range map[string]string{
		"at+jwt": idp.ReasonType, "application/at+jwt": idp.ReasonType, "AT+JWT": idp.ReasonType, "logout+jwt": idp.ReasonType,
		"secevent+jwt": idp.ReasonType, "": idp.ReasonType, "jwt": "", "application/JWT": "",
	} {
		r.refused(t, idptest.Faults{Header: map[string]any{"typ": typ}}, want)
	}
	r.refused(t, claim("events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}), idp.ReasonType)
}

func TestAttack_15_AnOldAuthenticationIsRefusedWhenAFreshOneWasAsked(t *testing.T) {
	r := newRig(t, nil, nil)
	fresh := func() idp.Login {
		l, age := newLogin(), 15*time.Minute
		l.MaxAge = &age
		return l
	}
	for _, c := range []struct {
		name  string
		at    any
		login idp.Login
		want  string
	}{
		{"fresh", r.Now().Unix(), fresh(), ""},
		{"old", r.Now().Add(-17 * time.Minute).Unix(), fresh(), idp.ReasonStaleAuth},
		{"untold", nil, fresh(), idp.ReasonStaleAuth},
		{"ahead", r.Now().Add(time.Hour).Unix(), fresh(), idp.ReasonStaleAuth},
		{"old, but nobody asked", r.Now().Add(-time.Hour).Unix(), newLogin(), ""},
		{"untold, but nobody asked", nil, newLogin(), ""},
	} {
		r.op.SetFaults(claim("auth_time", c.at))
		if _, err := r.signIn(t, c.login); reason(err) != c.want {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// canary counts who comes.
func canary(t *testing.T) (base string, visits *atomic.Int32) {
	t.Helper()
	visits = new(atomic.Int32)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	t.Cleanup(s.Close)
	return s.URL, visits
}

func TestUO_17_Attack_09_Attack_17_NothingATokenNamesIsFetched(t *testing.T) {
	r := newRig(t, nil, nil)
	base, visits := canary(t)
	r.op.SetFaults(idptest.Faults{
		Header: map[string]any{"jku": base + "/jku", "x5u": base + "/x5u"},
		IDToken: func(c map[string]any) {
			c["picture"], c["profile"], c["website"] = base+"/p.png", base, base
			c["_claim_names"] = map[string]any{"groups": "src1"}
			c["_claim_sources"] = map[string]any{"src1": map[string]any{"endpoint": base + "/groups", "access_token": "x"}}
		},
	})
	got, err := r.signIn(t, newLogin())
	if err != nil {
		t.Fatal(err)
	}
	if got.Profile.Picture != base+"/p.png" || !got.GroupsOverage || got.Groups != nil {
		t.Errorf("%+v", got)
	}
	r.op.SetFaults(claim("_claim_names", map[string]any{"groups": "nowhere", "x": ""}))
	if got, err := r.signIn(t, newLogin()); err != nil || !got.GroupsOverage {
		t.Errorf("claim names that lead nowhere: %+v, %v", got, err)
	}
	for _, header := range []string{"jku", "x5u"} {
		r.refused(t, idptest.Faults{Signature: idptest.SignedByStranger, Header: map[string]any{header: base}}, idp.ReasonSignature)
	}
	if n := visits.Load(); n != 0 {
		t.Errorf("%d visits", n)
	}
}

func TestAttack_18_GroupsInOverageAreNoGroups(t *testing.T) {
	r := newRig(t, nil, allScopes)
	for name, faults := range map[string]idptest.Faults{
		"hasgroups": claim("hasgroups", true), "too many": claim("groups", make([]string, 201)), "malformed": claim("groups", []any{"a", 1}),
	} {
		r.op.SetFaults(faults)
		if got, err := r.signIn(t, newLogin()); err != nil || !got.GroupsOverage || got.Groups != nil {
			t.Errorf("%s: %v %v, %v", name, got.Groups, got.GroupsOverage, err)
		}
	}
}

func TestAttack_03_ATokenOfAnotherTenantIsRefused(t *testing.T) {
	const theirs = "22222222-3333-4444-5555-666666666666"
	r := newRig(t, nil, func(c *oidc.Config) { c.Tenant = tenant })
	for name, tid := range map[string]any{"other": theirs, "absent": nil, "empty": "", "several": []string{tenant, theirs}, "longer": tenant + "0"} {
		t.Run(name, func(t *testing.T) { r.refused(t, claim("tid", tid), idp.ReasonIssuerMismatch) })
	}
	r.refused(t, claim("tid", tenant), "")
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/" + theirs + "/v2.0": theirs, "https://sts.windows.net/" + theirs + "/": theirs,
		"https://login.microsoftonline.us/" + theirs + "/v2.0": theirs, "https://login.microsoftonline.com/common/v2.0": "",
		"https://login.microsoftonline.com/" + theirs + "/v2.0/x": "", "https://idp.example": "", "http://sts.windows.net/" + theirs + "/": "",
	} {
		if got := oidc.EntraTenant(issuer); got != want {
			t.Errorf("%s: %q", issuer, got)
		}
	}
}
