package e2e_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The modules of the plan with fapi_profile=fapi_client_credentials_grant and
// openid=plain_oauth: no browser, and no person.

// robots are two clients that act by themselves.
func (h *fapiHouse) robots() (robot, other *fapiRP) {
	h.Helper()
	members := map[string]any{"grant_types": []string{"client_credentials"}, "redirect_uris": nil, "scopes": []string{"monitoring:admin"}}
	return h.register("", members), h.register("", members)
}

func credentialsForm() url.Values {
	return url.Values{"grant_type": {"client_credentials"}, "scope": {"monitoring:admin"}}
}

func credentialsHappyFlow(h *fapiHouse) {
	robot, other := h.robots()
	a := robot.token(credentialsForm())
	wantStatus(h, a, http.StatusOK)
	wantStatus(h, other.token(credentialsForm()), http.StatusOK)
	life, _ := a.json["expires_in"].(float64)
	if !strings.EqualFold(a.text("token_type"), h.tokenType()) || a.text("refresh_token") != "" || a.text("id_token") != "" ||
		a.header.Get("Cache-Control") != "no-store" || life <= 0 || len(a.text("access_token")) < 16 {
		h.Errorf("the answer: %s", a.body)
	}
	for name, more := range map[string]string{"no scope": "", "the scope in the answer": "monitoring:admin"} {
		form := credentialsForm()
		if form.Set("scope", more); more == "" {
			form.Del("scope")
		}
		if a := robot.token(form); a.status != http.StatusOK || a.text("scope") != more {
			h.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	cnf, _ := h.n.introspect(h, a.text("access_token")).json["cnf"].(map[string]any)
	if len(cnf) != 1 {
		h.Errorf("cnf %v", cnf)
	}
}

func credentialsNegative(h *fapiHouse) {
	robot, other := h.robots()
	wantErrorOf(h, "ensure-holder-of-key-required", robot.keyless("/oauth2/token", credentialsForm()), h.keylessCodes()...)
	mismatch := robot.authenticated(credentialsForm())
	mismatch.Set("client_id", other.id)
	a := robot.post("/oauth2/token", mismatch, robot.holding("POST", "/oauth2/token", "")...)
	wantErrorOf(h, "ensure-client-id-in-token-endpoint", a, "invalid_client", "invalid_request")
	wider := credentialsForm()
	wider.Set("scope", "monitoring:admin openid")
	wantErrorOf(h, "a scope it was not given", robot.token(wider), "invalid_scope")
	wantErrorOf(h, "another client's grant type", h.client.token(credentialsForm()), "unauthorized_client")
	named := credentialsForm()
	named.Set("client_id", robot.id)
	unproven := postedTo(h, h.n, "/oauth2/token", named, robot.holding("POST", "/oauth2/token", "")...)
	wantErrorOf(h, "a name alone", unproven, "invalid_client")
}

func credentialsAssertion(h *fapiHouse) {
	robot, other := h.robots()
	now, signed := time.Now().Unix(), func(claims map[string]any) string { return sign(h, "ES256", robot.key, nil, claims) }
	for name, text := range map[string]string{
		"ensure-client-assertion-with-RS256-fails":           sign(h, "RS256", rsaKey(h), nil, robot.assertionClaims()),
		"ensure-client-assertion-missing-fails":              "",
		"ensure-client-assertion-expired-fails":              signed(with(robot.assertionClaims(), "exp", now-300)),
		"ensure-client-assertion-with-wrong-aud-fails":       signed(with(robot.assertionClaims(), "aud", "https://other.example")),
		"ensure-client-assertion-with-token-endpoint-fails":  signed(with(robot.assertionClaims(), "aud", h.d.url+"/oauth2/token")),
		"ensure-client-assertion-with-array-as-aud-fails":    signed(with(robot.assertionClaims(), "aud", []string{h.d.url})),
		"ensure-client-assertion-with-no-sub-fails":          signed(with(robot.assertionClaims(), "sub", nil)),
		"ensure-client-assertion-without-jti-fails":          signed(with(robot.assertionClaims(), "jti", nil)),
		"ensure-client-assertion-with-another's-key-fails":   sign(h, "ES256", other.key, nil, robot.assertionClaims()),
		"ensure-client-assertion-with-another's-claims-fail": signed(other.assertionClaims()),
	} {
		a := robot.post("/oauth2/token", withAssertion(credentialsForm(), text), robot.holding("POST", "/oauth2/token", "")...)
		wantErrorOf(h, name, a, "invalid_client")
	}
	once := withAssertion(credentialsForm(), signed(robot.assertionClaims()))
	wantStatus(h, robot.post("/oauth2/token", once, robot.holding("POST", "/oauth2/token", "")...), http.StatusOK)
	again := robot.post("/oauth2/token", once, robot.holding("POST", "/oauth2/token", "")...)
	wantErrorOf(h, "CA-04: the same jti again", again, "invalid_client")
}

func credentialsDPoP(h *fapiHouse) {
	robot, _ := h.robots()
	proven := func(claims map[string]any) answer {
		return robot.post("/oauth2/token", robot.authenticated(credentialsForm()), "DPoP", proofBy(h, robot.dpop, claims))
	}
	fresh, now := func() map[string]any { return robot.proofClaims("POST", "/oauth2/token", "") }, time.Now().Unix()
	for name, claims := range map[string]map[string]any{
		"dpop-iat-10-seconds-before": with(fresh(), "iat", now-10), "dpop-iat-10-seconds-after": with(fresh(), "iat", now+10),
		"dpop-nbf-and-exp-ignored": with(with(fresh(), "nbf", now+3600), "exp", now-3600),
	} {
		if a := proven(claims); a.status != http.StatusOK {
			h.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, claims := range map[string]map[string]any{
		"no jti": with(fresh(), "jti", nil), "another method": with(fresh(), "htm", "GET"), "another address": with(fresh(), "htu", h.d.url+"/oauth2/par"),
		"an hour ago": with(fresh(), "iat", now-3600), "an hour ahead": with(fresh(), "iat", now+3600),
	} {
		wantErrorOf(h, name, proven(claims), "invalid_dpop_proof")
	}
}
