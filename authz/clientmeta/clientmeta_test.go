package clientmeta_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

const (
	rsaN    = "sXchDaQebHnPiGvyDOAT4saGEUetSyo9MKLOoWFsueri23bOdgWp4Dy1WlUzewbgBHod5pcM9H95GQRV3JDXboIRROSBigeC5yjU1hGzHHyXss8UDprecbAYxknTcQkhslANGRUZmdTOQ5qTRsLAt6BTYuyvVRdhS8exSZEy_c4gs_7svlJJQ4H9_NxsiIoLwAEk7-Q3UXERGYw_75IDrGA84-lA_-Ct4eTlXHBIY2EaV7t7LjJaynVJCpkv4LKjTTAumiGUIuQhrNhZLuF_RJLqHpM2kgWFLU7-VTdL1VbC2tejvcI2BlMkEpk1BzBZI0KQB0GaDWFLN-aEAw3vRw"
	p256    = `"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"`
	ed25519 = `"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"`
	rsa     = `"kty":"RSA","n":"` + rsaN + `","e":"AQAB"`
)

func rules() clientmeta.Rules {
	return clientmeta.Rules{
		SubjectTypes: []string{"public", "pairwise"},
		AuthMethods:  []string{authz.AuthNone, authz.AuthClientSecretBasic, authz.AuthPrivateKeyJWT, authz.AuthTLS, authz.AuthSelfSignedTLS},
		Algorithms:   []string{"RS256", "ES256", "PS256"}, Scopes: []string{"openid", "profile"}, CheckRedirectURI: oauth.CheckRedirectURI,
		CheckURL: func(url string) error {
			if strings.Contains(url, "127.0.0.1") || strings.Contains(url, "internal") {
				return errors.New("blocked")
			}
			return nil
		},
	}
}

// a web application, changed.
func client(change func(*authz.Client)) authz.Client {
	c := authz.Client{
		Name: "App", AuthMethod: authz.AuthClientSecretBasic, GrantTypes: []string{authz.GrantAuthorizationCode},
		RedirectURIs: []string{"https://app.example/cb"}, Scopes: []string{"openid"}, WorkspaceID: "ws_1",
	}
	change(&c)
	return c
}

// refuses fails unless the member is named and the value is not quoted.
func refuses(t *testing.T, what, member, value string, c authz.Client) {
	t.Helper()
	err := rules().Check(c)
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	if !strings.Contains(err.Error(), member) || authz.KindOf(err) != authz.Invalid {
		t.Errorf("%s: %v does not name %s", what, err, member)
	}
	if len(value) > 6 && strings.Contains(err.Error(), value) {
		t.Errorf("%s: %v quotes the value", what, err)
	}
}

func TestRU06SchemesThatRunAreRefusedInEveryURIMember(t *testing.T) {
	members := map[string]func(*authz.Client, string){
		"redirect":                  func(c *authz.Client, u string) { c.RedirectURIs = []string{u} },
		"post_logout_redirect_uris": func(c *authz.Client, u string) { c.Metadata.PostLogoutRedirectURIs = []string{u} },
		"backchannel_logout_uri":    func(c *authz.Client, u string) { c.Metadata.BackchannelLogoutURI = u },
		"frontchannel_logout_uri":   func(c *authz.Client, u string) { c.Metadata.FrontchannelLogoutURI = u },
		"client_uri":                func(c *authz.Client, u string) { c.Metadata.ClientURI = u },
		"logo_uri":                  func(c *authz.Client, u string) { c.Metadata.LogoURI = u },
		"policy_uri":                func(c *authz.Client, u string) { c.Metadata.PolicyURI = u },
		"tos_uri":                   func(c *authz.Client, u string) { c.Metadata.TOSURI = u },
		"jwks_uri":                  func(c *authz.Client, u string) { c.Metadata.JWKSURI = u },
		"resources":                 func(c *authz.Client, u string) { c.Metadata.Resources = []string{u} },
	}
	for member, set := range members {
		for _, uri := range []string{
			"javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "java\tscript:alert(1)", " javascript:x",
			"https://user:secret@app.example/", "https://app.example/#fragment", "https://app.example\\@evil.example/", "//app.example/", "https:///x", "https://app.example:/",
		} {
			if strings.HasPrefix(uri, "https://app.example/#") && strings.HasSuffix(member, "_uri") && !strings.Contains(member, "logout") && member != "jwks_uri" {
				continue // a page may have a fragment
			}
			if member == "resources" && (uri == "https:///x" || strings.HasSuffix(uri, ":/")) {
				continue // an identifier, nobody opens it
			}
			what := member
			if member == "redirect" {
				what = "redirect"
			}
			refuses(t, member+" "+uri, what, uri, client(func(c *authz.Client) { set(c, uri) }))
		}
	}
}

func TestRU07WildcardsAreNotRegistered(t *testing.T) {
	for _, uri := range []string{"https://*.app.example/cb", "https://app.example/*", "https://app.example/.*", "https://app.example/[a-z]{2}"} {
		c := client(func(c *authz.Client) { c.RedirectURIs = []string{uri} })
		if err := rules().Check(c); err == nil && strings.ContainsAny(uri, "*{") {
			t.Errorf("%s: accepted", uri)
		}
		c = client(func(c *authz.Client) { c.Metadata.PostLogoutRedirectURIs = []string{uri} })
		if err := rules().Check(c); err == nil && strings.ContainsAny(uri, "*{") {
			t.Errorf("after logout %s: accepted", uri)
		}
	}
}

func TestCA08AJWKSURIInsideIsRefused(t *testing.T) {
	for _, uri := range []string{"https://127.0.0.1/jwks", "http://app.example/jwks", "https://internal/jwks", "http://127.0.0.1/jwks"} {
		refuses(t, uri, "jwks_uri", uri, client(func(c *authz.Client) { c.Metadata.JWKSURI = uri }))
	}
	refuses(t, "logout inside", "backchannel_logout_uri", "", client(func(c *authz.Client) { c.Metadata.BackchannelLogoutURI = "https://internal/out" }))
}

func TestRFC7517KeySetsHoldPublicKeysWeVerifyWith(t *testing.T) {
	withKeys := func(keys string) authz.Client {
		return client(func(c *authz.Client) {
			c.AuthMethod, c.Metadata.JWKS = authz.AuthPrivateKeyJWT, json.RawMessage(`{"keys":[`+keys+`]}`)
		})
	}
	for name, keys := range map[string]string{
		"RSA": "{" + rsa + "}", "P-256": `{"kid":"a","use":"sig","alg":"ES256",` + p256 + "}", "Ed25519": `{"alg":"EdDSA",` + ed25519 + "}",
		"several": `{"kid":"a",` + p256 + `},{"kid":"b",` + rsa + `}`, "one to encrypt to": `{"use":"enc","alg":"RSA-OAEP",` + rsa + "}",
	} {
		if err := rules().Check(withKeys(keys)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, keys := range map[string]string{
		"none": "", "private EC": `{"d":"AAAA",` + p256 + "}", "private RSA": `{"p":"AAAA",` + rsa + "}", "symmetric": `{"kty":"oct","k":"c2VjcmV0LXNlY3JldA"}`,
		"1024 bits": `{"kty":"RSA","e":"AQAB","n":"` + rsaN[:171] + `"}`, "even modulus": `{"kty":"RSA","e":"AQAB","n":"` + rsaN[:len(rsaN)-2] + `AA"}`, "exponent 1": `{"kty":"RSA","e":"AQ","n":"` + rsaN + `"}`,
		"off the curve": `{` + strings.Replace(p256, "4Etl6", "4Etl7", 1) + "}", "P-384": `{"kty":"EC","crv":"P-384","x":"AA","y":"AA"}`,
		"X25519": `{` + strings.Replace(ed25519, "Ed25519", "X25519", 1) + "}", "short": `{"kty":"OKP","crv":"Ed25519","x":"11qY"}`,
		"alg none": `{"alg":"none",` + rsa + "}", "another alg": `{"alg":"RS256",` + p256 + "}", "HS256": `{"alg":"HS256",` + rsa + "}",
		"one kid twice": `{"kid":"a",` + p256 + `},{"kid":"a",` + rsa + `}`, "no kid of two": `{` + p256 + `},{` + rsa + `}`, "kid a number": `{"kid":1,` + p256 + "}",
		"many": strings.Repeat(`{"kid":"a",`+p256+"},", 20) + `{"kid":"z",` + p256 + "}", "not keys": `1`,
	} {
		refuses(t, name, "jwks", "AAAA", withKeys(keys))
	}
	refuses(t, "no JSON", "jwks", "", client(func(c *authz.Client) { c.Metadata.JWKS = json.RawMessage(`[`) }))
	refuses(t, "huge", "jwks", "", client(func(c *authz.Client) {
		c.Metadata.JWKS = json.RawMessage(`{"keys":[],"x":"` + strings.Repeat("x", 40<<10) + `"}`)
	}))
	refuses(t, "twice", "jwks", "", client(func(c *authz.Client) {
		c.Metadata.JWKS, c.Metadata.JWKSURI = json.RawMessage(`{"keys":[{`+rsa+`}]}`), "https://app.example/jwks"
	}))
	refuses(t, "a key is needed", "jwks", "", client(func(c *authz.Client) { c.AuthMethod = authz.AuthPrivateKeyJWT }))
	refuses(t, "a certificate is needed", "jwks", "", client(func(c *authz.Client) {
		c.AuthMethod, c.Metadata.JWKS = authz.AuthSelfSignedTLS, json.RawMessage(`{"keys":[{`+rsa+`}]}`)
	}))
	refuses(t, "RS256", "token_endpoint_auth_signing_alg", "", client(func(c *authz.Client) { c.Metadata.AuthAlgorithm = "RS256" }))
}

func TestRFC8705ACertificateSaysExactlyOneThing(t *testing.T) {
	tls := func(change func(*authz.ClientMetadata)) authz.Client {
		return client(func(c *authz.Client) { c.AuthMethod = authz.AuthTLS; change(&c.Metadata) })
	}
	if err := rules().Check(tls(func(m *authz.ClientMetadata) { m.TLSSubjectDN = "CN=app,O=Example" })); err != nil {
		t.Error(err)
	}
	refuses(t, "nothing", "tls_client_auth_subject_dn", "", tls(func(*authz.ClientMetadata) {}))
	refuses(t, "two", "tls_client_auth_subject_dn", "", tls(func(m *authz.ClientMetadata) { m.TLSSubjectDN, m.TLSSANDNS = "CN=app", "app.example" }))
	refuses(t, "control characters", "tls_client_auth_san_dns", "", tls(func(m *authz.ClientMetadata) { m.TLSSANDNS = "app\x00.example" }))
	refuses(t, "another method", "tls_client_auth_san_ip", "192.0.2.1", client(func(c *authz.Client) { c.Metadata.TLSSANIP = "192.0.2.1" }))
}

func TestEveryOtherMemberHasItsRule(t *testing.T) {
	minus, hour := int64(-1), int64(3600)
	if err := rules().Check(client(func(c *authz.Client) {
		c.Metadata = authz.ClientMetadata{
			SubjectType: "pairwise", Sector: "app.example", DefaultMaxAge: &hour, ResponseModes: []string{"query", "form_post", "jwt", "query.jwt", "form_post.jwt"},
			PostLogoutRedirectURIs: []string{"https://app.example/bye"}, FrontchannelLogoutURI: "http://127.0.0.1:3000/out", BackchannelLogoutURI: "https://app.example/out",
			Resources: []string{"https://api.example/v2", "urn:example:api"}, ClientURI: "https://app.example/#about", Contacts: []string{"ops@app.example"}, UserinfoAlgorithm: "ES256",
		}
		c.RedirectURIs = []string{"https://app.example/cb", "https://other.example/cb"}
		c.GrantTypes = []string{authz.GrantAuthorizationCode, authz.GrantDeviceCode, authz.GrantTokenExchange}
	})); err != nil {
		t.Errorf("a client with everything: %v", err)
	}
	for member, change := range map[string]func(*authz.Client){
		"name": func(c *authz.Client) { c.Name = "Bank \u202egpj.exe" }, "contacts": func(c *authz.Client) { c.Metadata.Contacts = []string{"a\nb"} },
		"subject_type": func(c *authz.Client) { c.Metadata.SubjectType = "secret" },
		"sector": func(c *authz.Client) {
			c.Metadata.SubjectType, c.RedirectURIs = "pairwise", []string{"https://a.example/", "https://b.example/"}
		},
		"default_max_age":                   func(c *authz.Client) { c.Metadata.DefaultMaxAge = &minus },
		"response_modes":                    func(c *authz.Client) { c.Metadata.ResponseModes = []string{"fragment"} },
		"userinfo_signed_response_alg":      func(c *authz.Client) { c.Metadata.UserinfoAlgorithm = "none" },
		"introspection_signed_response_alg": func(c *authz.Client) { c.Metadata.IntrospectionAlgorithm = "HS256" },
		"authorization_signed_response_alg": func(c *authz.Client) { c.Metadata.ResponseAlgorithm = "EdDSA" }, // not the issuer's
		"id_token_signed_response_alg":      func(c *authz.Client) { c.IDTokenAlgorithm = "none" },
		"request_object_signing_alg":        func(c *authz.Client) { c.Metadata.RequestAlgorithm = "none" },
		"require_signed_request_object":     func(c *authz.Client) { c.Metadata.RequireSigned = true },
		"grant_types":                       func(c *authz.Client) { c.GrantTypes = []string{"password"} },
		"redirect_uris":                     func(c *authz.Client) { c.RedirectURIs = nil },
		"scopes":                            func(c *authz.Client) { c.Scopes = []string{"admin"} },
		"token_endpoint_auth_method":        func(c *authz.Client) { c.AuthMethod = "client_secret_jwt" },
		"authorization_details_types":       func(c *authz.Client) { c.Metadata.AuthorizationDetailsTypes = []string{"a b"} },
		"default_acr_values":                func(c *authz.Client) { c.Metadata.DefaultACRValues = []string{""} },
		"workspace_id":                      func(c *authz.Client) { c.SkipConsent = true },
		"profile":                           func(c *authz.Client) { c.Metadata.Profile = "root" },
	} {
		refuses(t, member, member, "", client(change))
	}
	for what, change := range map[string]func(*authz.Client){
		"plain":        func(c *authz.Client) { c.Metadata.SectorURI = "http://app.example/uris" },
		"a fragment":   func(c *authz.Client) { c.Metadata.SectorURI = "https://app.example/uris#x" },
		"inside":       func(c *authz.Client) { c.Metadata.SectorURI = "https://127.0.0.1/uris" },
		"a scheme":     func(c *authz.Client) { c.RedirectURIs = append(c.RedirectURIs, "com.example.app:/cb") },
		"the machine":  func(c *authz.Client) { c.RedirectURIs = append(c.RedirectURIs, "http://127.0.0.1/cb") },
		"a device too": func(c *authz.Client) { c.GrantTypes = append(c.GrantTypes, authz.GrantDeviceCode) },
	} {
		refuses(t, "a sector's list, "+what, "sector_identifier_uri", "", client(func(c *authz.Client) {
			c.Metadata.Registration, c.Metadata.SectorURI = authz.RegisteredDynamically, "https://app.example/uris"
			change(c)
		}))
	}
	refuses(t, "a sector that nobody proves", "sector", "", client(func(c *authz.Client) {
		c.Metadata = authz.ClientMetadata{SubjectType: "pairwise", Registration: authz.RegisteredDynamically, Sector: "a.example"}
		c.RedirectURIs = []string{"https://a.example/", "https://b.example/"}
	}))
	refuses(t, "nobody proves anything", "grant_types", "", client(func(c *authz.Client) {
		c.AuthMethod, c.GrantTypes = authz.AuthNone, []string{authz.GrantClientCredentials}
	}))
}

func TestScopesOfKeysAreForClientsOfNothingButExchanges(t *testing.T) {
	r := rules()
	r.KeyScopes = []string{"monitor:read"}
	only := client(func(c *authz.Client) {
		c.GrantTypes, c.RedirectURIs, c.Scopes = []string{authz.GrantTokenExchange}, nil, []string{"openid", "monitor:read"}
	})
	if err := r.Check(only); err != nil {
		t.Error(err)
	}
	refuses(t, "where there are none", "scopes", "monitor:read", only)
	for _, other := range []string{authz.GrantClientCredentials, authz.GrantAuthorizationCode, authz.GrantRefreshToken} {
		c := client(func(c *authz.Client) {
			c.GrantTypes, c.Scopes = []string{authz.GrantTokenExchange, other}, []string{"monitor:read"}
		})
		if r.Check(c) == nil {
			t.Errorf("a client of %s has scopes of keys", other)
		}
	}
}
