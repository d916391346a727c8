package oauth_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const (
	payment  = `[{"type":"payment","amount":{"currency":"EUR","value":"10.00"},"actions":["initiate"]}]`
	accounts = `[{"type":"accounts","identifier":"IBAN-1","actions":["read"]}]`
)

// withDetails is a catalogue of two types, and a client that may use both.
func withDetails(t testing.TB) (*house, authz.Client) {
	h := newHouse(t, catalogue, func(s *oauth.Settings) {
		s.DetailTypes = []oauth.DetailType{
			{Name: "payment", Description: "Make a payment", Members: map[string]string{
				"amount": "object", "urgent": "boolean", "limit": "number", "note": "string", "items": "array",
			}},
			{Name: "accounts"},
		}
	})
	return h, h.client(func(c *authz.Client) { c.Metadata.AuthorizationDetailsTypes = []string{"payment", "accounts"} })
}

// both are two details in one array.
func both() string { return payment[:len(payment)-1] + "," + accounts[1:] }

func sameJSON(t testing.TB, got json.RawMessage, want string) bool {
	t.Helper()
	var a, b any
	if json.Unmarshal(got, &a) != nil || json.Unmarshal([]byte(want), &b) != nil {
		return false
	}
	one, _ := json.Marshal(a)
	other, _ := json.Marshal(b)
	return string(one) == string(other)
}

func TestRFC9396_7_DetailsAreInTheAnswerTheTokenAndIntrospection(t *testing.T) {
	h, c := withDetails(t)
	jwt := h.client(func(other *authz.Client) { other.Metadata, other.TokenFormat = c.Metadata, authz.JWT })
	for _, client := range []authz.Client{c, jwt} {
		got := h.tokens(client, "authorization_details", both())
		in, _ := h.lookup(got.AccessToken)
		if !sameJSON(t, got.Details, both()) || !sameJSON(t, in.Details, both()) {
			t.Errorf("answered %s, introspected %s", got.Details, in.Details)
		}
		body := made(json.Marshal(got))(t)
		if !strings.Contains(string(body), `"authorization_details":[{`) {
			t.Errorf("answer %s", body)
		}
		if client.TokenFormat == authz.JWT {
			claim := made(json.Marshal(h.claims(got.AccessToken, "at+jwt")["authorization_details"]))(t)
			if !sameJSON(t, claim, both()) {
				t.Errorf("claim %s", claim)
			}
		}
	}
	if got := h.tokens(c); got.Details != nil {
		t.Errorf("details nobody asked for: %s", got.Details)
	}
}

func TestRFC9396_3_DetailsAloneAreARequest(t *testing.T) {
	h, c := withDetails(t)
	got := h.tokens(c, "scope", "", "authorization_details", accounts)
	if in, _ := h.lookup(got.AccessToken); in.Scope != "" || !sameJSON(t, in.Details, accounts) || got.IDToken != "" {
		t.Errorf("scope %q, details %s", in.Scope, in.Details)
	}
	got = made(h.refresh(c, got.RefreshToken))(t)
	if !sameJSON(t, got.Details, accounts) {
		t.Errorf("refreshed: %s", got.Details)
	}
}

func TestRFC9396_5_WhatIsNotAsDescribedIsInvalid(t *testing.T) {
	h, c := withDetails(t)
	deep := `[{"type":"payment","amount":{"a":{"b":{"c":{"d":1}}}}}]`
	wide := "[" + strings.TrimSuffix(strings.Repeat(`{"type":"accounts"},`, 17), ",") + "]"
	for _, text := range []string{
		"", "x", "null", "{}", "[]", "[1]", `[null]`, `[[{"type":"payment"}]]`, `{"type":"payment"}`, payment + payment, payment + "x",
		`[{}]`, `[{"type":1}]`, `[{"type":"unknown"}]`, `[{"type":"Payment"}]`, `[{"Type":"payment"}]`,
		`[{"type":"payment","unknown":1}]`, `[{"type":"accounts","amount":{}}]`, `[{"type":"payment","amount":"10"}]`,
		`[{"type":"payment","limit":"10"}]`, `[{"type":"payment","limit":1e999}]`, `[{"type":"payment","urgent":"true"}]`,
		`[{"type":"payment","urgent":null}]`, `[{"type":"payment","note":""}]`, `[{"type":"payment","note":["x"]}]`,
		`[{"type":"payment","actions":"initiate"}]`, `[{"type":"payment","actions":[1]}]`, `[{"type":"payment","actions":[]}]`,
		`[{"type":"payment","type":"payment"}]`, `[{"type":"payment","n\u006fte":"a","note":"b"}]`,
		`[{"type":"payment","amount":{"a":1,"a":2}}]`,
		`[{"type":"payment","note":"a\u202eb"}]`, `[{"type":"payment","note":"a\u0000"}]`, `[{"type":"payment","note":"\ud800"}]`,
		`[{"type":"payment","note":"` + strings.Repeat("x", 8<<10) + `"}]`, deep, wide, strings.Repeat("[", 4000),
		`[{"type":"accounts","locations":["https://evil.example"]}]`, `[{"type":"accounts","locations":["` + mcpURI + `"]}]`,
	} {
		parameters := asked(c)
		parameters.Set("authorization_details", text)
		if code, _ := h.redirected(parameters); code != "invalid_authorization_details" {
			t.Errorf("%.60s: %q", text, code)
		}
		if text == "" {
			continue // as good as absent at the token endpoint
		}
		_, err := h.redeem(c, h.code(c, "authorization_details", both()), "authorization_details", text)
		h.wants(text[:min(60, len(text))], err, "invalid_authorization_details")
	}
	parameters := asked(c, "authorization_details", payment)
	parameters.Add("authorization_details", payment)
	if code, _ := h.redirected(parameters); code != "invalid_request" {
		t.Errorf("twice: %q", code)
	}
	for _, good := range []string{payment, accounts, both(), `[{"type":"payment","items":[{"n":1}],"limit":1.5,"urgent":true,"note":"für Ada ✓"}]`} {
		h.authorize(asked(c, "authorization_details", good))
	}
}

func TestRFC9396_10_AClientUsesItsTypesOnly(t *testing.T) {
	h, c := withDetails(t)
	one := h.client(func(other *authz.Client) { other.Metadata.AuthorizationDetailsTypes = []string{"accounts"} })
	for _, client := range []authz.Client{h.web, one} {
		if code, _ := h.redirected(asked(client, "authorization_details", payment)); code != "invalid_authorization_details" {
			t.Errorf("%v: %q", client.Metadata.AuthorizationDetailsTypes, code)
		}
	}
	got := h.tokens(c, "authorization_details", both())
	c.Metadata.AuthorizationDetailsTypes = []string{"accounts"}
	h.ok(h.store.UpdateClient(t.Context(), c))
	got = made(h.refresh(c, got.RefreshToken))(t)
	if !sameJSON(t, got.Details, accounts) {
		t.Errorf("a type the client lost: %s", got.Details)
	}
}

func TestRFC9396_6_ATokenHasPartOfWhatWasGrantedAndNoMore(t *testing.T) {
	h, c := withDetails(t)
	got := made(h.redeem(c, h.code(c, "authorization_details", both()), "authorization_details", accounts))(t)
	if !sameJSON(t, got.Details, accounts) {
		t.Errorf("redeemed for one: %s", got.Details)
	}
	// The same object in another order is the same; another value is not.
	got = made(h.refresh(c, got.RefreshToken, "authorization_details", `[ {"actions":["initiate"],"amount":{"value":"10.00","currency":"EUR"},"type":"payment"} ]`))(t)
	if !sameJSON(t, got.Details, payment) {
		t.Errorf("refreshed for the other: %s", got.Details)
	}
	for _, more := range []string{
		strings.Replace(payment, "10.00", "10.01", 1), strings.Replace(payment, `["initiate"]`, `["initiate","cancel"]`, 1),
		`[{"type":"payment"}]`, `[{"type":"accounts","identifier":"IBAN-2","actions":["read"]}]`,
	} {
		_, err := h.refresh(c, got.RefreshToken, "authorization_details", more)
		h.wants(more, err, "invalid_authorization_details")
	}
	got = made(h.refresh(c, got.RefreshToken))(t)
	if !sameJSON(t, got.Details, both()) {
		t.Errorf("refreshed for all: %s", got.Details)
	}
	_, err := h.refresh(c, h.tokens(c).RefreshToken, "authorization_details", payment)
	h.wants("details where none were granted", err, "invalid_authorization_details")
}

func TestRFC9396_9_1_DetailsAreForTheResourcesTheyAreAbout(t *testing.T) {
	h, c := withDetails(t)
	located := `[{"type":"accounts","locations":["` + mcpURI + `"]},{"type":"payment","actions":["initiate"]}]`
	parameters := asked(c, "authorization_details", located)
	parameters["resource"] = []string{mcpURI, docsURI}
	code := h.approved(parameters).Parameters.Get("code")
	got := made(h.redeem(c, code, "resource", docsURI))(t)
	if !sameJSON(t, got.Details, `[{"type":"payment","actions":["initiate"]}]`) {
		t.Errorf("at the documents: %s", got.Details)
	}
	got = made(h.refresh(c, got.RefreshToken, "resource", mcpURI))(t)
	if !sameJSON(t, got.Details, located) {
		t.Errorf("at the tools: %s", got.Details)
	}
}

func TestRFC9396_AClientByItselfIsHeldToItsTypes(t *testing.T) {
	h, c := withDetails(t)
	robot := h.client(func(r *authz.Client) {
		r.GrantTypes, r.Metadata = []string{authz.GrantClientCredentials}, authz.ClientMetadata{AuthorizationDetailsTypes: []string{"accounts"}}
	})
	got := made(h.token(h.from(robot, "grant_type", "client_credentials", "authorization_details", accounts)))(t)
	if in, _ := h.lookup(got.AccessToken); !sameJSON(t, in.Details, accounts) || !sameJSON(t, got.Details, accounts) {
		t.Errorf("details %s", in.Details)
	}
	for _, r := range []authz.Client{robot, h.robot} {
		_, err := h.token(h.from(r, "grant_type", "client_credentials", "authorization_details", payment))
		h.wants("a type that is not the client's", err, "invalid_authorization_details")
	}
	_, text := h.key()
	_, err := h.token(oauth.Request{Authorization: "Bearer " + text, Form: pairs("grant_type", "client_credentials", "authorization_details", accounts)})
	h.wants("a key", err, "invalid_authorization_details")
	_ = c
}

func TestRFC9396_DetailsAreShownInWordsAndNeverRemembered(t *testing.T) {
	h, c := withDetails(t)
	req := h.authorize(asked(c, "authorization_details", both()))
	views := h.server.DetailViews(req)
	if len(views) != 2 || views[0].Description != "Make a payment" || views[1].Description != "accounts" {
		t.Fatalf("views %+v", views)
	}
	want := []oauth.DetailMember{{Name: "actions", Values: []string{"initiate"}}, {Name: "amount", Values: []string{`{"currency":"EUR","value":"10.00"}`}}}
	if !slices.EqualFunc(views[0].Members, want, func(a, b oauth.DetailMember) bool { return a.Name == b.Name && slices.Equal(a.Values, b.Values) }) {
		t.Errorf("members %+v", views[0].Members)
	}
	made(h.server.Approve(t.Context(), req, oauth.Approval{Session: h.session, AccountID: h.account.ID, Scopes: req.Scopes, Remember: true}))(t)
	kept := made(h.store.GetConsent(t.Context(), issuer, h.workspace.ID, h.user.ID, c.ID))(t)
	if h.server.Covers(kept, req) || !h.server.Covers(kept, h.authorize(asked(c))) {
		t.Error("a remembered consent covers details")
	}
}

func TestRFC9396_10_MetadataTellsTheTypes(t *testing.T) {
	h, _ := withDetails(t)
	var doc struct {
		Types []string `json:"authorization_details_types_supported"`
	}
	h.ok(json.Unmarshal(made(h.server.Metadata(made(scopes(t.Context()))(t)))(t), &doc))
	if !slices.Equal(doc.Types, []string{"payment", "accounts"}) {
		t.Errorf("types %v", doc.Types)
	}
	if body := made(newHouse(t).server.Metadata(made(scopes(t.Context()))(t)))(t); strings.Contains(string(body), "authorization_details") {
		t.Error("types where there are none")
	}
}

// FuzzAuthorizationDetails: what is accepted is JSON that every reader takes
// for the same, and comes back as itself.
func FuzzAuthorizationDetails(f *testing.F) {
	for _, text := range []string{payment, accounts, both(), `[{"type":"payment","type":"accounts"}]`, `[{"type":"payment","note":"\ud83d\ude00"}]`, "[1e400]", `[{"a":[[[[]]]]}]`, `[{"type":"payment",}]`, `[{"type" "payment"}]`, " [ ] x"} {
		f.Add(text)
	}
	h, c := withDetails(f)
	f.Fuzz(func(t *testing.T, text string) {
		parsed, ok := oauth.ParseDetails(text)
		if !ok {
			return
		}
		var plain []map[string]any
		if err := json.Unmarshal([]byte(text), &plain); err != nil || len(plain) != len(parsed) || len(text) > 8<<10 {
			t.Fatalf("%q was accepted: %v", text, err)
		}
		one, _ := json.Marshal(parsed)
		again, ok := oauth.ParseDetails(string(one))
		if two, _ := json.Marshal(again); len(one) <= 8<<10 && (!ok || string(one) != string(two)) {
			t.Errorf("%q came back as %q", one, two)
		}
		parameters := asked(c)
		parameters.Set("authorization_details", text)
		if req, err := h.server.Authorize(t.Context(), parameters, h.clock.Now()); err == nil && len(h.server.DetailViews(req)) == 0 {
			t.Errorf("%q is shown as nothing", text)
		}
	})
}

func TestRFC9396_4_PushedDetailsAndResourcesAreThePushedOnesAlone(t *testing.T) {
	h, c := withDetails(t)
	uri := h.pushed(c, "authorization_details", payment, "resource", mcpURI)
	req := h.authorize(outer(c, uri, "authorization_details", accounts, "resource", docsURI))
	if !sameJSON(t, req.Details, payment) || !slices.Equal(req.Audience, []string{mcpURI}) {
		t.Errorf("details %s, audience %v", req.Details, req.Audience)
	}
	in := h.from(c)
	for name, values := range asked(c, "authorization_details", `[{"type":"unknown"}]`) {
		in.Form[name] = values
	}
	_, err := h.server.Push(t.Context(), in)
	h.wants("an unknown type", err, "invalid_authorization_details")
	in.Form.Set("authorization_details", payment)
	in.Form.Set("resource", "https://evil.example")
	_, err = h.server.Push(t.Context(), in)
	h.wants("an unknown resource", err, "invalid_target")
}

func TestRFC9396_3_ARequestObjectMayHoldDetailsAsJSON(t *testing.T) {
	h, _ := withDetails(t)
	app, k := h.keyed(func(c *authz.Client) { c.Metadata.AuthorizationDetailsTypes = []string{"payment"} })
	claims := h.object(app)
	claims["authorization_details"] = json.RawMessage(payment)
	claims["resource"] = []string{mcpURI, docsURI}
	req := h.authorize(objectOf(app, k.sign(nil, claims), "authorization_details", accounts))
	if !sameJSON(t, req.Details, payment) || !slices.Equal(req.Audience, []string{mcpURI, docsURI}) {
		t.Errorf("details %s, audience %v", req.Details, req.Audience)
	}
}

func TestRFC9396_3_ADeviceIsHeldToItsDetails(t *testing.T) {
	h, c := withDetails(t)
	h.config.UserCodeKeys = h.ring.DeriveAll("user code")
	h.server = made(oauth.New(h.config))(t)
	tv := h.client(func(tv *authz.Client) {
		tv.AuthMethod, tv.RedirectURIs, tv.Metadata = authz.AuthNone, nil, c.Metadata
		tv.GrantTypes = []string{authz.GrantDeviceCode, authz.GrantRefreshToken}
	})
	stranger := h.client(func(other *authz.Client) { other.AuthMethod, other.GrantTypes = authz.AuthNone, tv.GrantTypes })
	many := "[" + strings.Repeat(accounts[1:len(accounts)-1]+",", 16) + accounts[1:]
	for name, text := range map[string]string{
		"no JSON": "[", "an object": `{"type":"payment"}`, "too many": many, "too long": `[{"type":"payment","note":"` + strings.Repeat("x", 9<<10) + `"}]`,
		"too deep": `[{"type":"payment","amount":{"a":{"b":{"c":{"d":1}}}}}]`, "another type": `[{"type":"root"}]`, "another member": `[{"type":"accounts","amount":{}}]`,
		"a member twice": `[{"type":"accounts","identifier":"1","identifier":"2"}]`, "elsewhere": `[{"type":"accounts","locations":["https://other.example/"]}]`,
	} {
		_, err := h.server.DeviceAuthorization(t.Context(), h.from(tv, "scope", "openid", "authorization_details", text))
		h.wants(name, err, "invalid_authorization_details")
	}
	_, err := h.server.DeviceAuthorization(t.Context(), h.from(stranger, "scope", "openid", "authorization_details", accounts))
	h.wants("a client without types", err, "invalid_authorization_details")

	for _, scope := range []string{"openid profile", ""} {
		d := made(h.server.DeviceAuthorization(t.Context(), h.from(tv, "scope", scope, "authorization_details", both())))(t)
		req := h.atDevice(d)
		if !sameJSON(t, req.Details, both()) {
			t.Fatalf("the person decides on %s", req.Details)
		}
		h.ok(h.server.ApproveDevice(t.Context(), req, h.all(req.Scopes...)))
		got := made(h.poll(tv, d.DeviceCode))(t)
		if in, _ := h.lookup(got.AccessToken); !sameJSON(t, got.Details, both()) || !sameJSON(t, in.Details, both()) {
			t.Errorf("scope %q: answered %s, introspected %s", scope, got.Details, in.Details)
		}
		if next := made(h.refresh(tv, got.RefreshToken, "authorization_details", accounts))(t); !sameJSON(t, next.Details, accounts) {
			t.Errorf("refreshed: %s", next.Details)
		}
	}
}
