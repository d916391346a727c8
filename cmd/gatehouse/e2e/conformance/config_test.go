package conformance

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// registered are the members of the IANA registry "OAuth Authorization Server
// Metadata" that the server may use; the suite warns of any other.
var registered = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "registration_endpoint", "scopes_supported",
	"response_types_supported", "response_modes_supported", "grant_types_supported", "token_endpoint_auth_methods_supported",
	"token_endpoint_auth_signing_alg_values_supported", "service_documentation", "ui_locales_supported", "op_policy_uri", "op_tos_uri",
	"revocation_endpoint", "revocation_endpoint_auth_methods_supported", "revocation_endpoint_auth_signing_alg_values_supported",
	"introspection_endpoint", "introspection_endpoint_auth_methods_supported", "introspection_endpoint_auth_signing_alg_values_supported",
	"code_challenge_methods_supported", "signed_metadata", "device_authorization_endpoint",
	"tls_client_certificate_bound_access_tokens", "mtls_endpoint_aliases", "nfv_token_signing_alg_values_supported",
	"userinfo_endpoint", "acr_values_supported", "subject_types_supported", "id_token_signing_alg_values_supported",
	"id_token_encryption_alg_values_supported", "id_token_encryption_enc_values_supported", "userinfo_signing_alg_values_supported",
	"userinfo_encryption_alg_values_supported", "userinfo_encryption_enc_values_supported", "request_object_signing_alg_values_supported",
	"request_object_encryption_alg_values_supported", "request_object_encryption_enc_values_supported", "display_values_supported",
	"claim_types_supported", "claims_supported", "claims_locales_supported", "claims_parameter_supported", "request_parameter_supported",
	"request_uri_parameter_supported", "require_request_uri_registration", "require_signed_request_object",
	"pushed_authorization_request_endpoint", "require_pushed_authorization_requests",
	"introspection_signing_alg_values_supported", "introspection_encryption_alg_values_supported", "introspection_encryption_enc_values_supported",
	"authorization_response_iss_parameter_supported", "check_session_iframe", "frontchannel_logout_supported",
	"backchannel_logout_session_supported", "backchannel_logout_supported", "end_session_endpoint", "frontchannel_logout_session_supported",
	"backchannel_token_delivery_modes_supported", "backchannel_authentication_endpoint",
	"backchannel_authentication_request_signing_alg_values_supported", "backchannel_user_code_parameter_supported",
	"authorization_details_types_supported", "dpop_signing_alg_values_supported", "authorization_signing_alg_values_supported",
	"authorization_encryption_alg_values_supported", "authorization_encryption_enc_values_supported", "prompt_values_supported",
	"client_registration_types_supported", "client_id_metadata_document_supported", "protected_resources",
}

func TestOIDCC_ConfigDiscoveryVerify(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	a := s.send(t, http.MethodGet, s.URL+"/.well-known/openid-configuration", "")
	if a.status != http.StatusOK || !strings.HasPrefix(a.header.Get("Content-Type"), "application/json") || a.text("issuer") != s.URL {
		t.Fatalf("%d %s", a.status, a.body)
	}
	u, err := url.Parse(a.text("issuer"))
	if err != nil || u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" {
		t.Errorf("issuer %s", a.text("issuer"))
	}
	for name, value := range a.json {
		if !slices.Contains(registered, name) {
			t.Errorf("%s is no registered member", name)
		}
		if list, ok := value.([]any); ok && len(list) == 0 || value == nil || value == "" {
			t.Errorf("%s is empty", name)
		}
		if strings.HasSuffix(name, "_endpoint") || name == "jwks_uri" {
			if !strings.HasPrefix(a.text(name), s.URL+"/") {
				t.Errorf("%s is %v", name, value)
			}
		}
	}
	for _, name := range []string{"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"} {
		if a.text(name) == "" {
			t.Errorf("%s is missing", name)
		}
	}
	for name, want := range map[string]string{
		"response_types_supported": "code", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256",
		"scopes_supported": "openid", "claims_supported": "sub", "grant_types_supported": "authorization_code",
		"code_challenge_methods_supported": "S256", "userinfo_signing_alg_values_supported": "RS256",
	} {
		if !slices.Contains(a.list(name), want) {
			t.Errorf("%s lacks %s: %v", name, want, a.json[name])
		}
	}
	scope := regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`)
	for _, name := range a.list("scopes_supported") {
		if !scope.MatchString(name) {
			t.Errorf("scope %q", name)
		}
	}
	if algs := a.list("request_object_signing_alg_values_supported"); slices.Contains(algs, "none") {
		t.Errorf("request objects may be unsigned: %v", algs)
	}
	s.jwks(t)
	if other := s.send(t, http.MethodGet, s.URL+"/.well-known/oauth-authorization-server", ""); other.body != a.body {
		t.Error("DI-02: the two documents disagree")
	}
}

// list is a member that is a list of texts.
func (a answer) list(member string) []string {
	var texts []string
	items, _ := a.json[member].([]any)
	for _, item := range items {
		if text, ok := item.(string); ok {
			texts = append(texts, text)
		}
	}
	return texts
}

// Whatever the metadata lists is there, and what it does not list is refused.
func TestDI_02_WhatIsAdvertisedIsServed(t *testing.T) {
	t.Parallel()
	s := theServer(t)
	m := s.metadata(t)
	for name := range m.json {
		if !strings.HasSuffix(name, "_endpoint") && name != "jwks_uri" {
			continue
		}
		if a := s.send(t, http.MethodOptions, m.text(name), ""); a.status != http.StatusNoContent || a.header.Get("Allow") == "" {
			t.Errorf("%s: %d", name, a.status)
		}
	}
	r := s.register(t, nil)
	for _, grant := range append(m.list("grant_types_supported"), "password", "implicit", "urn:ietf:params:oauth:grant-type:jwt-bearer", "") {
		listed := slices.Contains(m.list("grant_types_supported"), grant)
		code := r.token("grant_type", grant).text("error")
		if known := code != "unsupported_grant_type" && grant != ""; known != listed {
			t.Errorf("grant type %q, listed %t: %s", grant, listed, code)
		}
	}
	tried := func(member, parameter string, beside ...string) {
		t.Helper()
		for _, value := range append(m.list(member), beside...) {
			listed := slices.Contains(m.list(member), value)
			_, challenge := pkce()
			a := r.request("code_challenge", challenge, "code_challenge_method", "S256")
			a.Set(parameter, value)
			answer := s.send(t, http.MethodGet, r.authorizeURL(a), "")
			to := answer.header.Get("Location") + answer.body
			refused := strings.Contains(to, "unsupported_response_type") || strings.Contains(to, "invalid_request") || strings.Contains(to, "invalid_scope")
			if refused == listed {
				t.Errorf("%s=%s, listed %t: %d %.300s", parameter, value, listed, answer.status, to)
			}
		}
	}
	tried("response_types_supported", "response_type", "token", "id_token", "code id_token", "code token", "none")
	tried("response_modes_supported", "response_mode", "fragment", "fragment.jwt", "web_message")
	tried("prompt_values_supported", "prompt", "create", "sign_in")
	tried("code_challenge_methods_supported", "code_challenge_method", "plain", "S512")
	for _, method := range append(m.list("token_endpoint_auth_methods_supported"), "client_secret_jwt", "magic") {
		listed := slices.Contains(m.list("token_endpoint_auth_methods_supported"), method)
		a, err := s.manage(http.MethodPost, "/v1/clients", `{"name":"x","workspace_id":"`+s.workspace+`","redirect_uris":["https://app.example/cb"],"scopes":["openid"],"token_endpoint_auth_method":"`+method+`"}`)
		if err != nil || listed == strings.Contains(a.body, "token_endpoint_auth_method") && a.status != http.StatusCreated {
			t.Errorf("method %s, listed %t: %d %s %v", method, listed, a.status, a.body, err)
		}
	}
	for _, alg := range append(m.list("id_token_signing_alg_values_supported"), "HS256", "none", "ES512") {
		listed := slices.Contains(m.list("id_token_signing_alg_values_supported"), alg)
		a, err := s.manage(http.MethodPost, "/v1/clients", `{"name":"x","workspace_id":"`+s.workspace+`","redirect_uris":["https://app.example/cb"],"scopes":["openid"],"id_token_signed_response_alg":"`+alg+`"}`)
		if err != nil || (a.status == http.StatusCreated) != listed {
			t.Errorf("alg %s, listed %t: %d %s %v", alg, listed, a.status, a.body, err)
		}
	}
}
