package clientmeta_test

import (
	"encoding/json"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// bundled is a client of the profile with what no profile can know.
func bundled(profile authz.ClientProfile, change func(*authz.Client)) authz.Client {
	c := clientmeta.Bundle(profile)
	c.Name, c.Scopes, c.WorkspaceID = "App", []string{"openid"}, "ws_1"
	if profile != authz.ProfileService {
		c.RedirectURIs = []string{"https://app.example/cb"}
	}
	if c.AuthMethod == authz.AuthPrivateKeyJWT {
		c.Metadata.JWKS = json.RawMessage(`{"keys":[{` + p256 + `}]}`)
	}
	change(&c)
	return c
}

func TestEveryProfileIsSoundAndCanBeStricter(t *testing.T) {
	for profile, stricter := range map[authz.ClientProfile]func(*authz.Client){
		authz.ProfileWeb: func(c *authz.Client) {
			c.AuthMethod, c.Metadata.JWKSURI, c.Metadata.DPoPBound = authz.AuthPrivateKeyJWT, "https://app.example/jwks", true
		},
		authz.ProfileSPA:     func(c *authz.Client) { c.GrantTypes = c.GrantTypes[:1] },
		authz.ProfileNative:  func(c *authz.Client) { c.RedirectURIs = []string{"com.example.app:/cb", "http://127.0.0.1/cb"} },
		authz.ProfileService: func(c *authz.Client) { c.Metadata.DPoPBound = true },
		authz.ProfileFAPI2: func(c *authz.Client) {
			c.Metadata.DPoPBound, c.Metadata.CertificateBound, c.Metadata.ResponseModes = false, true, []string{"jwt"}
		},
		authz.ProfileMCP: func(c *authz.Client) { c.Metadata.Resources = []string{"https://api.example"} },
	} {
		if err := rules().Check(bundled(profile, func(*authz.Client) {})); err != nil {
			t.Errorf("%s: %v", profile, err)
		}
		if err := rules().Check(bundled(profile, stricter)); err != nil {
			t.Errorf("%s, stricter: %v", profile, err)
		}
	}
}

func TestAProfileCannotBeLoosenedAndTheMemberIsNamed(t *testing.T) {
	for _, c := range []struct {
		profile authz.ClientProfile
		member  string
		change  func(*authz.Client)
	}{
		{authz.ProfileWeb, "token_endpoint_auth_method", func(c *authz.Client) { c.AuthMethod = authz.AuthNone }},
		{authz.ProfileWeb, "require_pkce", func(c *authz.Client) { c.Metadata.RequirePKCE = false }},
		{authz.ProfileWeb, "grant_types", func(c *authz.Client) { c.GrantTypes = append(c.GrantTypes, authz.GrantClientCredentials) }},
		{authz.ProfileSPA, "redirect_uris", func(c *authz.Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} }},
		{authz.ProfileSPA, "token_endpoint_auth_method", func(c *authz.Client) { c.AuthMethod = authz.AuthClientSecretBasic }},
		{authz.ProfileNative, "grant_types", func(c *authz.Client) { c.GrantTypes = append(c.GrantTypes, authz.GrantDeviceCode) }},
		{authz.ProfileService, "redirect_uris", func(c *authz.Client) { c.RedirectURIs = []string{"https://app.example/cb"} }},
		{authz.ProfileService, "grant_types", func(c *authz.Client) {
			c.GrantTypes, c.RedirectURIs = []string{authz.GrantAuthorizationCode}, []string{"https://app.example/cb"}
		}},
		{authz.ProfileFAPI2, "token_endpoint_auth_method", func(c *authz.Client) { c.AuthMethod = authz.AuthClientSecretBasic }},
		{authz.ProfileFAPI2, "require_pushed_authorization_requests", func(c *authz.Client) { c.Metadata.RequirePushed = false }},
		{authz.ProfileFAPI2, "dpop_bound_access_tokens", func(c *authz.Client) { c.Metadata.DPoPBound = false }},
		{authz.ProfileFAPI2, "response_modes", func(c *authz.Client) { c.Metadata.ResponseModes = []string{"form_post"} }},
		{authz.ProfileFAPI2, "response_modes", func(c *authz.Client) { c.Metadata.ResponseModes = nil }},
		{authz.ProfileFAPI2, "id_token_signed_response_alg", func(c *authz.Client) { c.IDTokenAlgorithm = "" }},
		{authz.ProfileFAPI2, "userinfo_signed_response_alg", func(c *authz.Client) { c.Metadata.UserinfoAlgorithm = "RS256" }},
		{authz.ProfileFAPI2, "request_object_signing_alg", func(c *authz.Client) { c.Metadata.RequestAlgorithm = "RS256" }},
		{authz.ProfileFAPI2, "redirect_uris", func(c *authz.Client) { c.RedirectURIs = []string{"http://127.0.0.1/cb"} }},
		{authz.ProfileMCP, "require_pkce", func(c *authz.Client) { c.Metadata.RequirePKCE = false }},
	} {
		refuses(t, string(c.profile)+" "+c.member, c.member, "", bundled(c.profile, c.change))
	}
}

func TestRFC7591ARegistrationSaysNothingOfWhatIsOurs(t *testing.T) {
	said, err := clientmeta.Parse([]byte(`{"client_name":"x","registration":"","profile":"web","skip_consent":true,"introspect":true,"environments":["live"],
		"workspace_id":"ws_other","scope":"openid admin","redirect_uris":["https://app.example/cb"],"some_member":{"deep":[1]}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	c, err := said.Client(authz.RegisteredDynamically, []string{"openid", "profile"})
	if err != nil || c.SkipConsent || c.Introspect || len(c.Environments) > 0 || c.WorkspaceID != "" || c.Metadata.Profile != "" || c.Metadata.Registration != "dynamic" || len(c.Scopes) != 1 {
		t.Errorf("%+v %v", c, err)
	}
	if c.AuthMethod != authz.AuthClientSecretBasic || len(c.GrantTypes) != 1 {
		t.Errorf("RFC 7591 section 2: defaults %+v", c)
	}
	for _, g := range []string{authz.GrantClientCredentials, authz.GrantTokenExchange, "password"} {
		said.GrantTypes = []string{g}
		if _, err := said.Client(authz.RegisteredDynamically, []string{"openid"}); err == nil {
			t.Errorf("%s: accepted", g)
		}
	}
	for _, body := range []string{"", "null", "[]", `"x"`, "{", `{"redirect_uris":"https://app.example/cb"}`, `{"client_name":1}`} {
		if _, err := clientmeta.Parse([]byte(body), ""); err == nil {
			t.Errorf("%q: accepted", body)
		}
	}
}

// FuzzRegistration holds what passes the rules to what they promise.
func FuzzRegistration(f *testing.F) {
	f.Add([]byte(`{"client_name":"x","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"none"}`))
	f.Add([]byte(`{"client_name":"x","redirect_uris":["https://app.example/cb"],"token_endpoint_auth_method":"private_key_jwt","jwks":{"keys":[{` + rsa + `}]}}`))
	f.Add([]byte(`{"client_name":"x","redirect_uris":["https://app.example/cb"],"logo_uri":"javascript:x","contacts":["a"],"default_max_age":-1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, profile := range []authz.ClientProfile{"", authz.ProfileMCP} {
			said, err := clientmeta.Parse(body, profile)
			if err != nil {
				continue
			}
			c, err := said.Client(authz.RegisteredDynamically, []string{"openid"})
			if err != nil || rules().Check(c) != nil {
				continue
			}
			if c.SkipConsent || c.Introspect || c.MayUse(authz.GrantClientCredentials) || c.Metadata.Profile != profile {
				t.Errorf("%+v", c)
			}
			if _, err := json.Marshal(clientmeta.Told(c)); err != nil {
				t.Errorf("what was registered cannot be told: %v", err)
			}
		}
	})
}

// FuzzJWKS holds that nothing private passes for a public key.
func FuzzJWKS(f *testing.F) {
	f.Add([]byte(`{"keys":[{` + p256 + `}]}`))
	f.Add([]byte(`{"keys":[{"kid":"a",` + rsa + `},{"kid":"b","d":"AA",` + ed25519 + `}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if clientmeta.CheckJWKS(text) != nil {
			return
		}
		var set struct {
			Keys []map[string]any `json:"keys"`
		}
		if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) == 0 || len(set.Keys) > 20 {
			t.Fatalf("%d keys, %v", len(set.Keys), err)
		}
		for _, k := range set.Keys {
			for _, member := range []string{"d", "p", "q", "k"} {
				if _, ok := k[member]; ok {
					t.Errorf("a key with %s", member)
				}
			}
		}
	})
}

func TestAClientLeavesItsProfileForAStricterOneOnly(t *testing.T) {
	all := []authz.ClientProfile{"", authz.ProfileWeb, authz.ProfileSPA, authz.ProfileNative, authz.ProfileService, authz.ProfileFAPI2, authz.ProfileMCP}
	of := func(p authz.ClientProfile) authz.Client {
		return authz.Client{Metadata: authz.ClientMetadata{Profile: p}}
	}
	for _, from := range all {
		for _, to := range all {
			err := clientmeta.CheckMove(of(from), of(to))
			allowed := from == "" || from == to || to == authz.ProfileFAPI2
			if (err == nil) != allowed || err != nil && authz.CodeOf(err) != "invalid_profile" {
				t.Errorf("from %q to %q: %v", from, to, err)
			}
		}
	}
}
