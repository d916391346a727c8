package api

import (
	"encoding/json"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// MetadataMembers are the members of the OAuth Dynamic Client Registration
// registry that an administrator decides. Absent ones stay as they are; an
// empty text or list takes a setting back.
type MetadataMembers struct {
	Profile *string `json:"profile,omitempty" enum:"web,spa,native,service,fapi2,mcp" doc:"A safe bundle of settings; each may be made stricter, none looser. A client can go from its profile to fapi2 only."`

	JWKS          json.RawMessage `json:"jwks,omitempty" doc:"A JWK Set of public keys; null takes it back."`
	JWKSURI       *string         `json:"jwks_uri,omitempty" maxLength:"2048"`
	AuthAlgorithm *string         `json:"token_endpoint_auth_signing_alg,omitempty" maxLength:"16"`

	TLSSubjectDN     *string `json:"tls_client_auth_subject_dn,omitempty" maxLength:"1024"`
	TLSSANDNS        *string `json:"tls_client_auth_san_dns,omitempty" maxLength:"1024"`
	TLSSANURI        *string `json:"tls_client_auth_san_uri,omitempty" maxLength:"1024"`
	TLSSANIP         *string `json:"tls_client_auth_san_ip,omitempty" maxLength:"1024"`
	TLSSANEmail      *string `json:"tls_client_auth_san_email,omitempty" maxLength:"1024"`
	CertificateBound *bool   `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DPoPBound        *bool   `json:"dpop_bound_access_tokens,omitempty"`

	RequirePKCE            *bool     `json:"require_pkce,omitempty"`
	RequirePushed          *bool     `json:"require_pushed_authorization_requests,omitempty"`
	RequireSigned          *bool     `json:"require_signed_request_object,omitempty"`
	RequestAlgorithm       *string   `json:"request_object_signing_alg,omitempty" maxLength:"16"`
	ResponseModes          *[]string `json:"response_modes,omitempty" maxItems:"10"`
	ResponseAlgorithm      *string   `json:"authorization_signed_response_alg,omitempty" maxLength:"16"`
	IntrospectionAlgorithm *string   `json:"introspection_signed_response_alg,omitempty" maxLength:"16"`
	UserinfoAlgorithm      *string   `json:"userinfo_signed_response_alg,omitempty" maxLength:"16"`

	SubjectType      *string   `json:"subject_type,omitempty" maxLength:"16"`
	Sector           *string   `json:"sector,omitempty" maxLength:"255" doc:"The host that pairwise subjects are for; a client that registered itself proves its own."`
	AccessTTL        *int64    `json:"access_token_ttl,omitempty" minimum:"0" doc:"The life of its access tokens in seconds, where it is shorter than the issuer's; 0 for that."`
	RefreshTTL       *int64    `json:"refresh_token_ttl,omitempty" minimum:"0" doc:"The life of its refresh tokens in seconds from the grant, likewise."`
	DefaultMaxAge    *int64    `json:"default_max_age,omitempty" doc:"Seconds."`
	RequireAuthTime  *bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues *[]string `json:"default_acr_values,omitempty" maxItems:"20"`

	PostLogoutRedirectURIs    *[]string `json:"post_logout_redirect_uris,omitempty" maxItems:"50"`
	BackchannelLogoutURI      *string   `json:"backchannel_logout_uri,omitempty" maxLength:"2048"`
	BackchannelLogoutSession  *bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI     *string   `json:"frontchannel_logout_uri,omitempty" maxLength:"2048"`
	FrontchannelLogoutSession *bool     `json:"frontchannel_logout_session_required,omitempty"`

	Resources                 *[]string `json:"resources,omitempty" maxItems:"20"`
	AuthorizationDetailsTypes *[]string `json:"authorization_details_types,omitempty" maxItems:"20"`

	ClientURI  *string   `json:"client_uri,omitempty" maxLength:"2048"`
	LogoURI    *string   `json:"logo_uri,omitempty" maxLength:"2048"`
	PolicyURI  *string   `json:"policy_uri,omitempty" maxLength:"2048"`
	TOSURI     *string   `json:"tos_uri,omitempty" maxLength:"2048"`
	Contacts   *[]string `json:"contacts,omitempty" maxItems:"10"`
	SoftwareID *string   `json:"software_id,omitempty" maxLength:"200"`
}

// apply lays the members that are given over the metadata. Both have the names
// of the registry, which do the work.
func (m MetadataMembers) apply(to *authz.ClientMetadata) {
	given, err := json.Marshal(m)
	if err == nil {
		_ = json.Unmarshal(given, to) // of the same types
	}
	if string(to.JWKS) == "null" {
		to.JWKS = nil
	}
}
