package oauth

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

// metadata is the metadata document of RFC 8414 section 2 and OpenID Connect
// Discovery section 3; both are served the same.
type metadata struct {
	Issuer                           string   `json:"issuer"`
	AuthorizationEndpoint            string   `json:"authorization_endpoint"`
	TokenEndpoint                    string   `json:"token_endpoint"`
	UserinfoEndpoint                 string   `json:"userinfo_endpoint"`
	JWKSURI                          string   `json:"jwks_uri"`
	IntrospectionEndpoint            string   `json:"introspection_endpoint"`
	RevocationEndpoint               string   `json:"revocation_endpoint"`
	PushedRequestEndpoint            string   `json:"pushed_authorization_request_endpoint"`
	RegistrationEndpoint             string   `json:"registration_endpoint,omitempty"`
	DeviceAuthorizationEndpoint      string   `json:"device_authorization_endpoint,omitempty"`
	ScopesSupported                  []string `json:"scopes_supported"`
	ResponseTypesSupported           []string `json:"response_types_supported"`
	ResponseModesSupported           []string `json:"response_modes_supported"`
	GrantTypesSupported              []string `json:"grant_types_supported"`
	SubjectTypesSupported            []string `json:"subject_types_supported"`
	IDTokenAlgorithms                []string `json:"id_token_signing_alg_values_supported"`
	TokenEndpointAuthMethods         []string `json:"token_endpoint_auth_methods_supported"`
	IntrospectionEndpointAuthMethods []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgorithms          []string `json:"introspection_signing_alg_values_supported"`
	RevocationEndpointAuthMethods    []string `json:"revocation_endpoint_auth_methods_supported"`
	TokenEndpointAuthAlgorithms      []string `json:"token_endpoint_auth_signing_alg_values_supported,omitempty"`
	IntrospectionAuthAlgorithms      []string `json:"introspection_endpoint_auth_signing_alg_values_supported,omitempty"`
	RevocationAuthAlgorithms         []string `json:"revocation_endpoint_auth_signing_alg_values_supported,omitempty"`
	RequestObjectAlgorithms          []string `json:"request_object_signing_alg_values_supported"`
	ResponseAlgorithms               []string `json:"authorization_signing_alg_values_supported"`
	DPoPAlgorithms                   []string `json:"dpop_signing_alg_values_supported"`
	CodeChallengeMethods             []string `json:"code_challenge_methods_supported"`
	ClaimsSupported                  []string `json:"claims_supported"`
	DetailTypesSupported             []string `json:"authorization_details_types_supported,omitempty"`
	PromptValuesSupported            []string `json:"prompt_values_supported"`
	IssParameterSupported            bool     `json:"authorization_response_iss_parameter_supported"`
	ClaimsParameterSupported         bool     `json:"claims_parameter_supported"`
	EndSessionEndpoint               string   `json:"end_session_endpoint"`
	BackchannelLogout                bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSession         bool     `json:"backchannel_logout_session_supported"`
	FrontchannelLogout               bool     `json:"frontchannel_logout_supported"`
	FrontchannelLogoutSession        bool     `json:"frontchannel_logout_session_supported"`
	UserinfoAlgorithms               []string `json:"userinfo_signing_alg_values_supported"`
	ACRValuesSupported               []string `json:"acr_values_supported,omitempty"`
	RequestParameterSupported        bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported     bool     `json:"request_uri_parameter_supported"`
	ClientDocumentsSupported         bool     `json:"client_id_metadata_document_supported,omitempty"`
	CertificateBoundTokens           bool     `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	MTLSAliases                      *aliases `json:"mtls_endpoint_aliases,omitempty"`
}

// aliases are the endpoints at the host for clients with certificates (RFC 8705
// section 5).
type aliases struct {
	TokenEndpoint         string `json:"token_endpoint"`
	UserinfoEndpoint      string `json:"userinfo_endpoint"`
	IntrospectionEndpoint string `json:"introspection_endpoint"`
	RevocationEndpoint    string `json:"revocation_endpoint"`
	PushedRequestEndpoint string `json:"pushed_authorization_request_endpoint"`
	DeviceEndpoint        string `json:"device_authorization_endpoint,omitempty"`
}

// claimsSupported are the claims of ID tokens and those the issuer's scopes cover.
func claimsSupported(known *authz.Scopes) []string {
	claims := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "azp", "sid", "at_hash"}
	for _, scope := range known.Of(authz.ClientScope) {
		claims = append(claims, claimsOfScope[scope.Name]...)
	}
	return claims
}

// Metadata renders the issuer's metadata document as JSON. It changes
// with the scopes and with nothing else.
func (s *Server) Metadata(known *authz.Scopes) ([]byte, error) {
	base, api := s.settings.URL, s.settings.api()
	doc := metadata{
		Issuer:                base,
		AuthorizationEndpoint: base + "/oauth2/authorize", TokenEndpoint: base + "/oauth2/token",
		UserinfoEndpoint: base + "/oauth2/userinfo", JWKSURI: base + "/.well-known/jwks.json",
		IntrospectionEndpoint: api + "/oauth2/introspect", RevocationEndpoint: base + "/oauth2/revoke",
		ResponseTypesSupported: []string{"code"}, ResponseModesSupported: responseModes(),
		GrantTypesSupported: s.grantTypes(), SubjectTypesSupported: s.settings.subjectTypes(),
		IDTokenAlgorithms: s.settings.IDTokenAlgorithms, IntrospectionAlgorithms: s.settings.IDTokenAlgorithms, TokenEndpointAuthMethods: s.settings.AuthMethods,
		CodeChallengeMethods: []string{"S256"}, ClaimsSupported: claimsSupported(known), PromptValuesSupported: promptValues,
		IssParameterSupported: true, RequestParameterSupported: true, PushedRequestEndpoint: base + "/oauth2/par",
		RequestObjectAlgorithms: RequestObjectAlgorithms(), ResponseAlgorithms: s.settings.IDTokenAlgorithms,
		DPoPAlgorithms: proof.Algorithms(), ClientDocumentsSupported: s.settings.ClientDocuments,
		ClaimsParameterSupported: true, ACRValuesSupported: s.settings.ACRValues,
		UserinfoAlgorithms: s.settings.IDTokenAlgorithms, EndSessionEndpoint: base + "/oauth2/logout",
		BackchannelLogout: true, BackchannelLogoutSession: true, FrontchannelLogout: true, FrontchannelLogoutSession: true,
	}
	if s.settings.Registration {
		doc.RegistrationEndpoint = base + "/oauth2/register"
	}
	s.describeKeys(&doc)
	if s.devices() {
		doc.DeviceAuthorizationEndpoint = base + "/oauth2/device_authorization"
	}
	for _, scope := range known.Of(authz.ClientScope) {
		doc.ScopesSupported = append(doc.ScopesSupported, scope.Name)
	}
	for _, method := range s.settings.AuthMethods {
		doc.RevocationEndpointAuthMethods = append(doc.RevocationEndpointAuthMethods, method)
		if method != "none" {
			doc.IntrospectionEndpointAuthMethods = append(doc.IntrospectionEndpointAuthMethods, method)
		}
	}
	for _, t := range s.settings.DetailTypes {
		doc.DetailTypesSupported = append(doc.DetailTypesSupported, t.Name)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("rendering the metadata: %w", err)
	}
	return body, nil
}

// describeKeys adds what concerns clients that authenticate by a key of theirs.
func (s *Server) describeKeys(doc *metadata) {
	if slices.Contains(s.settings.AuthMethods, authz.AuthPrivateKeyJWT) {
		doc.TokenEndpointAuthAlgorithms = proof.Algorithms()
		doc.IntrospectionAuthAlgorithms, doc.RevocationAuthAlgorithms = proof.Algorithms(), proof.Algorithms()
	}
	doc.CertificateBoundTokens = s.settings.Certificates
	if base := s.settings.MTLSURL; base != "" {
		doc.MTLSAliases = &aliases{
			TokenEndpoint: base + "/oauth2/token", UserinfoEndpoint: base + "/oauth2/userinfo", IntrospectionEndpoint: base + "/oauth2/introspect",
			RevocationEndpoint: base + "/oauth2/revoke", PushedRequestEndpoint: base + "/oauth2/par",
		}
		if s.devices() {
			doc.MTLSAliases.DeviceEndpoint = base + "/oauth2/device_authorization"
		}
	}
}
