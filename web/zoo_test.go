package web_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// zoo are OpenID providers that are broken in one way each, by the reason they
// are refused for.
func (h *house) zoo() map[string]struct {
	faults idptest.Faults
	reason string
} {
	type broken = struct {
		faults idptest.Faults
		reason string
	}
	now := h.clock.Now()
	zoo := map[string]broken{}
	claim := func(what, name string, value any, reason string) {
		zoo[what] = broken{idptest.Faults{IDToken: func(c map[string]any) {
			if c[name] = value; value == nil {
				delete(c, name)
			}
		}}, reason}
	}
	claim("iss of another", "iss", "https://other.example", idp.ReasonIssuerMismatch)
	claim("iss with a slash", "iss", h.upstream.Issuer()+"/", idp.ReasonIssuerMismatch)
	claim("aud of another", "aud", "other", idp.ReasonAudience)
	claim("no aud", "aud", nil, idp.ReasonAudience)
	claim("two aud and no azp", "aud", []string{"gatehouse", "other"}, idp.ReasonAZP)
	claim("azp of another", "azp", "other", idp.ReasonAZP)
	claim("no exp", "exp", nil, idp.ReasonExpired)
	claim("exp past", "exp", now.Add(-time.Hour).Unix(), idp.ReasonExpired)
	claim("no iat", "iat", nil, idp.ReasonIssuedAt)
	claim("iat ahead", "iat", now.Add(time.Hour).Unix(), idp.ReasonIssuedAt)
	claim("nbf ahead", "nbf", now.Add(time.Hour).Unix(), idp.ReasonIssuedAt)
	claim("no nonce", "nonce", nil, idp.ReasonNonce)
	claim("another nonce", "nonce", "x", idp.ReasonNonce)
	claim("no sub", "sub", nil, idp.ReasonSubject)
	claim("a long sub", "sub", strings.Repeat("s", 256), idp.ReasonSubject)
	claim("auth_time ahead", "auth_time", now.Add(time.Hour).Unix(), idp.ReasonStaleAuth)
	claim("at_hash of another", "at_hash", "AAAAAAAAAAAAAAAAAAAAAA", idp.ReasonAtHash)
	claim("a logout token", "events", map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}}, idp.ReasonType)
	for what, typ := range map[string]string{"an access token": "at+jwt", "typ of a logout token": "logout+jwt"} {
		zoo[what] = broken{idptest.Faults{Header: map[string]any{"typ": typ}}, idp.ReasonType}
	}
	for what, s := range map[string]broken{
		"signed by a stranger": {idptest.Faults{Signature: idptest.SignedByStranger}, idp.ReasonSignature}, "signed not at all": {idptest.Faults{Signature: idptest.SignedNotAtAll}, idp.ReasonAlg},
		"signed with the secret": {idptest.Faults{Signature: idptest.SignedHS256WithSecret}, idp.ReasonAlg}, "signed with the public key": {idptest.Faults{Signature: idptest.SignedHS256WithPublic}, idp.ReasonAlg},
		"signed with another kind of key": {idptest.Faults{Signature: idptest.SignedByOtherType}, idp.ReasonAlg},
		"an unknown key":                  {idptest.Faults{Header: map[string]any{"kid": "nobody's"}}, idp.ReasonSignature},
	} {
		zoo[what] = s
	}
	callback := func(what string, change func(url.Values), reason string) {
		zoo[what] = broken{idptest.Faults{Callback: change}, reason}
	}
	callback("iss of another on the way back", func(q url.Values) { q.Set("iss", "https://other.example") }, idp.ReasonMixUp)
	callback("the iss that was promised is missing", func(q url.Values) { q.Del("iss") }, idp.ReasonMixUp)
	callback("no code", func(q url.Values) { q.Del("code") }, idp.ReasonCallback)
	callback("two codes", func(q url.Values) { q.Add("code", "x") }, idp.ReasonCallback)
	callback("a made-up code", func(q url.Values) { q.Set("code", "x") }, idp.ReasonExchange)
	for code, reason := range map[string]string{
		"access_denied": idp.ReasonDenied, "login_required": idp.ReasonLoginRequired, "unmet_authentication_requirements": idp.ReasonUnmetAuth, "server_error": idp.ReasonUpstreamError, "<script>": idp.ReasonUpstreamError,
	} {
		callback("error "+code, func(q url.Values) { q.Set("error", code) }, reason)
	}
	serve := func(what, path string, answer http.Handler, reason string) {
		zoo[what] = broken{idptest.Faults{Serve: map[string]http.Handler{path: answer}}, reason}
	}
	serve("a token endpoint that fails", "/token", idptest.Status(http.StatusBadGateway), idp.ReasonUnavailable)
	serve("a token endpoint that refuses us", "/token", idptest.Status(http.StatusUnauthorized), idp.ReasonExchange)
	serve("tokens that are no JSON", "/token", idptest.Status(http.StatusOK), idp.ReasonExchange)
	serve("tokens without an ID token", "/token", idptest.JSON(map[string]any{"access_token": "a"}), idp.ReasonIDToken)
	serve("an ID token that is none", "/token", idptest.JSON(map[string]any{"access_token": "a", "id_token": "x.y.z"}), idp.ReasonIDToken)
	serve("tokens without end", "/token", idptest.Endless(), idp.ReasonTooLarge)
	serve("keys that cannot be had", "/jwks", idptest.Status(http.StatusInternalServerError), idp.ReasonUnavailable)
	serve("no keys", "/jwks", idptest.JSON(map[string]any{"keys": []any{}}), idp.ReasonMetadata)
	const discovery = "/.well-known/openid-configuration"
	document := func(what, member string, value any, reason string) {
		doc := h.upstream.Metadata()
		doc[member] = value
		serve(what, discovery, idptest.JSON(maps.Clone(doc)), reason)
	}
	serve("no discovery document", discovery, idptest.Status(http.StatusNotFound), idp.ReasonUnavailable)
	document("the document of another issuer", "issuer", "https://other.example", idp.ReasonIssuerMismatch)
	document("no token endpoint", "token_endpoint", "", idp.ReasonMetadata)
	document("a token endpoint that is no address", "token_endpoint", "javascript:x", idp.ReasonMetadata)
	document("an authentication we cannot", "token_endpoint_auth_methods_supported", []string{"tls_client_auth"}, idp.ReasonMetadata)
	document("no algorithm that is allowed", "id_token_signing_alg_values_supported", []string{"HS256"}, idp.ReasonAlg)
	zoo["userinfo of somebody else"] = broken{idptest.Faults{
		IDToken: func(c map[string]any) { delete(c, "email") }, UserInfo: func(c map[string]any) { c["sub"] = "s-eve" },
	}, idp.ReasonUserInfoSub}
	return zoo
}

// wantsDiagnosis demands that the administrator reads why, and that the visitor
// did not: one generic page, no session, nobody new.
func (h *house) wantsDiagnosis(what string, b *browser, w *httptest.ResponseRecorder, connection, reason string, generic ...string) {
	h.Helper()
	body := w.Body.String()
	seen := false
	for _, code := range generic {
		seen = seen || strings.Contains(body, `id="error_code">`+code+`<`)
	}
	explained := app.Explain(reason)
	if !seen || w.Code < 400 || strings.Contains(body, explained) || explained == "" || strings.Contains(body, "<script") {
		h.Errorf("%s: the visitor sees %d %.700s", what, w.Code, body)
	}
	if b.cookies[cookie] != "" || w.Header().Get("Location") != "" {
		h.Errorf("%s: a session, or a way on to %s", what, w.Header().Get("Location"))
	}
	var list struct {
		Items []struct{ Reason, Diagnosis string }
	}
	h.ok(json.Unmarshal(h.atConnections("GET", "/"+connection+"/failures", "").Body.Bytes(), &list))
	if len(list.Items) == 0 || list.Items[0].Reason != reason || list.Items[0].Diagnosis != explained {
		h.Errorf("%s: the administrator reads %+v, want %s", what, list.Items[:min(1, len(list.Items))], reason)
	}
}

func TestEveryBrokenOpenIDProviderIsDiagnosedAndSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	zoo := h.zoo()
	if len(zoo) < 30 {
		t.Fatalf("a zoo of %d", len(zoo))
	}
	for what, broken := range zoo {
		h.clock.Advance(time.Second) // failures come the newest first
		h.upstream.SetFaults(broken.faults)
		b := h.browser()
		w := b.get(h.authorizeURL())
		if to := w.Header().Get("Location"); strings.HasPrefix(to, h.upstream.Issuer()) {
			w = b.get(h.upstreamAnswer(to))
		}
		h.wantsDiagnosis(what, b, w, string(h.connection.ID), broken.reason, "upstream_refused", "upstream_unavailable")
	}
	h.upstream.SetFaults(idptest.Faults{})
	if n := h.people(); n != 0 {
		t.Errorf("%d people joined", n)
	}
	h.browser().signIn()
	if n := h.people(); n != 1 {
		t.Errorf("%d people after a good sign-in", n)
	}
	for _, secret := range []string{"upstream-secret", "eyJ"} {
		if strings.Contains(h.log.String(), secret) {
			t.Errorf("the log holds %s", secret)
		}
	}
}

// people are how many belong to the workspace.
func (h *house) people() int {
	h.Helper()
	var list struct{ Items []any }
	w := h.manage(h.operator, "GET", "/v1/members?workspace_id="+string(h.workspace.ID), "")
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &list) != nil {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	return len(list.Items)
}

func TestEveryBrokenIdentityProviderIsDiagnosedAndSignsNobodyIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	stranger := made(idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(900*time.Hour)))(t)
	type answer = idptest.SAMLAnswer
	replaced := func(old, next string) func(string) string {
		return func(text string) string { return strings.Replace(text, old, next, 1) }
	}
	for what, c := range map[string]struct {
		change func(*answer)
		reason string
	}{
		"unsigned":                 {func(a *answer) { a.SignAssertion, a.SignResponse = false, false }, saml.ReasonUnsigned},
		"a stranger's":             {func(a *answer) { a.Key = stranger }, saml.ReasonSignature},
		"SHA-1":                    {func(a *answer) { a.Signature = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" }, saml.ReasonAlgorithm},
		"a failure":                {func(a *answer) { a.Status = "urn:oasis:names:tc:SAML:2.0:status:Responder" }, saml.ReasonStatus},
		"another issuer":           {func(a *answer) { a.Issuer, a.ResponseIssuer = "https://evil.example/", "https://evil.example/" }, saml.ReasonIssuer},
		"another destination":      {func(a *answer) { a.Destination = "https://evil.example/" }, saml.ReasonDestination},
		"another recipient":        {func(a *answer) { a.Recipient = "https://evil.example/" }, saml.ReasonRecipient},
		"another audience":         {func(a *answer) { a.Audiences = [][]string{{"https://evil.example/"}} }, saml.ReasonAudience},
		"no audience":              {func(a *answer) { a.Audiences = nil }, saml.ReasonAudience},
		"one of two audiences":     {func(a *answer) { a.Audiences = append(a.Audiences, []string{"https://evil.example/"}) }, saml.ReasonAudience},
		"another request":          {func(a *answer) { a.AssertionInResponseTo = "_other" }, saml.ReasonInResponseTo},
		"no request":               {func(a *answer) { a.InResponseTo, a.AssertionInResponseTo = "", "" }, saml.ReasonUnsolicited},
		"holder of key":            {func(a *answer) { a.Confirmation = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" }, saml.ReasonConfirmation},
		"no confirmation data":     {func(a *answer) { a.NoConfirmationData = true }, saml.ReasonConfirmation},
		"no conditions":            {func(a *answer) { a.NoConditions = true }, saml.ReasonConditions},
		"no statement":             {func(a *answer) { a.NoStatement = true }, saml.ReasonStatement},
		"expired":                  {func(a *answer) { a.NotOnOrAfter = h.clock.Now().Add(-time.Hour) }, saml.ReasonExpired},
		"not yet":                  {func(a *answer) { a.NotBefore = h.clock.Now().Add(time.Hour) }, saml.ReasonNotBefore},
		"issued a year ahead":      {func(a *answer) { a.Issued = h.clock.Now().Add(8760 * time.Hour) }, saml.ReasonIssueInstant},
		"signed in in the future":  {func(a *answer) { a.AuthnInstant = h.clock.Now().Add(time.Hour) }, saml.ReasonAuthnInstant},
		"a session that is over":   {func(a *answer) { a.SessionEnds = h.clock.Now().Add(-time.Hour) }, saml.ReasonSessionOver},
		"version 1.1":              {func(a *answer) { a.Version = "1.1" }, saml.ReasonVersion},
		"a doctype":                {func(a *answer) { a.Edit = func(x string) string { return "<!DOCTYPE x>" + x } }, saml.ReasonDoctype},
		"a comment":                {func(a *answer) { a.EditSigned = replaced("u-grace", "u-gr<!---->ace") }, saml.ReasonComment},
		"a processing instruction": {func(a *answer) { a.EditSigned = replaced("u-grace", "u-grace<?x?>") }, saml.ReasonProcInst},
		"no XML":                   {func(a *answer) { a.Edit = func(string) string { return "<" } }, saml.ReasonXML},
		"nested":                   {func(a *answer) { a.Edit = func(string) string { return strings.Repeat("<a>", 40) } }, saml.ReasonDepth},
		"without who it is":        {func(a *answer) { a.Attributes = nil }, saml.ReasonSubjectRule},
		"altered":                  {func(a *answer) { a.EditSigned = replaced("Grace", "Eve") }, saml.ReasonSignature},
		"encrypted, not signed": {func(a *answer) {
			a.SignResponse, a.Encrypt = false, "http://www.w3.org/2009/xmlenc11#aes256-gcm"
		}, saml.ReasonOpenCipher},
	} {
		h.clock.Advance(time.Second)
		b := h.browser()
		h.wantsDiagnosis(what, b, d.post(d.answer(d.ask(b), c.change)), string(d.connection.ID), c.reason, "upstream_refused")
	}
	if n := h.people(); n != 0 {
		t.Errorf("%d people joined", n)
	}
	if w := d.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}
