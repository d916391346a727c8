package authz

import (
	"encoding/json"
	"time"
)

// ClientProfile is a safe bundle of a client's settings; each may be
// overridden towards the stricter only.
type ClientProfile string

// The client profiles.
const (
	ProfileWeb     ClientProfile = "web"     // a server-side application
	ProfileSPA     ClientProfile = "spa"     // a public client in a browser
	ProfileNative  ClientProfile = "native"  // a public client on a device (RFC 8252)
	ProfileService ClientProfile = "service" // acts by itself
	ProfileFAPI2   ClientProfile = "fapi2"   // FAPI 2.0 Security Profile
	ProfileMCP     ClientProfile = "mcp"     // a Model Context Protocol client
)

// ClientMetadata is what is registered of a client beyond the essentials, in
// the names of the OAuth Dynamic Client Registration registry (RFC 7591
// section 4.1). A zero value is the default the specification names.
type ClientMetadata struct {
	Profile ClientProfile `json:"profile,omitempty"`

	// JWKS is a JWK Set by value, JWKSURI its address; at most one is set.
	JWKS    json.RawMessage `json:"jwks,omitempty"`
	JWKSURI string          `json:"jwks_uri,omitempty"`
	// AuthAlgorithm is the only alg of its client assertions; empty means any
	// of PS256, ES256 and EdDSA (RFC 7523).
	AuthAlgorithm string `json:"token_endpoint_auth_signing_alg,omitempty"`

	// What a certificate of tls_client_auth must say; exactly one is set then
	// (RFC 8705 section 2.1.2).
	TLSSubjectDN string `json:"tls_client_auth_subject_dn,omitempty"`
	TLSSANDNS    string `json:"tls_client_auth_san_dns,omitempty"`
	TLSSANURI    string `json:"tls_client_auth_san_uri,omitempty"`
	TLSSANIP     string `json:"tls_client_auth_san_ip,omitempty"`
	TLSSANEmail  string `json:"tls_client_auth_san_email,omitempty"`
	// CertificateBound binds access tokens to the client's certificate (RFC
	// 8705 section 3.4), DPoPBound to a proof key (RFC 9449 section 5.2).
	CertificateBound bool `json:"tls_client_certificate_bound_access_tokens,omitempty"`
	DPoPBound        bool `json:"dpop_bound_access_tokens,omitempty"`

	// AccessTTL and RefreshTTL are lives of its tokens, in seconds, where they are
	// shorter than the issuer's; 0 for these.
	AccessTTL  int64 `json:"access_token_ttl,omitempty"`
	RefreshTTL int64 `json:"refresh_token_ttl,omitempty"`

	// RequirePKCE asks a confidential client for a code challenge too.
	RequirePKCE bool `json:"require_pkce,omitempty"`
	// RequirePushed accepts pushed authorization requests only (RFC 9126
	// section 6), RequireSigned signed request objects only (RFC 9101 section
	// 10.5), with the one alg named.
	RequirePushed    bool   `json:"require_pushed_authorization_requests,omitempty"`
	RequireSigned    bool   `json:"require_signed_request_object,omitempty"`
	RequestAlgorithm string `json:"request_object_signing_alg,omitempty"`
	// ResponseModes the client may ask for; empty means query and form_post.
	ResponseModes []string `json:"response_modes,omitempty"`
	// Algorithms of signed answers; empty means unsigned, for JARM ES256.
	ResponseAlgorithm      string `json:"authorization_signed_response_alg,omitempty"`
	IntrospectionAlgorithm string `json:"introspection_signed_response_alg,omitempty"`
	UserinfoAlgorithm      string `json:"userinfo_signed_response_alg,omitempty"`

	// SubjectType is public or pairwise; the sector is a host that an
	// administrator named, its URI the list of redirect URIs by which a client
	// that registered itself proves one (OpenID Connect Core section 8.1).
	SubjectType string `json:"subject_type,omitempty"`
	Sector      string `json:"sector,omitempty"`
	SectorURI   string `json:"sector_identifier_uri,omitempty"`

	// OpenID Connect Dynamic Client Registration section 2.
	DefaultMaxAge    *int64   `json:"default_max_age,omitempty"` // seconds
	RequireAuthTime  bool     `json:"require_auth_time,omitempty"`
	DefaultACRValues []string `json:"default_acr_values,omitempty"`

	// OpenID Connect RP-Initiated, Back-Channel and Front-Channel Logout.
	PostLogoutRedirectURIs    []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI      string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSession  bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI     string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelLogoutSession bool     `json:"frontchannel_logout_session_required,omitempty"`

	// Resources are the resource indicators the client may name (RFC 8707);
	// empty means every one of the issuer.
	Resources []string `json:"resources,omitempty"`
	// AuthorizationDetailsTypes the client may use (RFC 9396 section 10).
	AuthorizationDetailsTypes []string `json:"authorization_details_types,omitempty"`

	// What people are shown.
	ClientURI string   `json:"client_uri,omitempty"`
	LogoURI   string   `json:"logo_uri,omitempty"`
	PolicyURI string   `json:"policy_uri,omitempty"`
	TOSURI    string   `json:"tos_uri,omitempty"`
	Contacts  []string `json:"contacts,omitempty"`

	// Registration says how the client came to be registered when nobody of
	// ours did it: "dynamic" (RFC 7591) or "document" (a Client ID Metadata
	// Document); empty otherwise.
	Registration string `json:"registration,omitempty"`
	SoftwareID   string `json:"software_id,omitempty"`
}

// AccessLife is the life of its access tokens, where the issuer's is most.
func (m ClientMetadata) AccessLife(most time.Duration) time.Duration {
	return shorter(most, m.AccessTTL)
}

// RefreshLife is the life of its refresh tokens, from the grant, where the
// issuer's is most.
func (m ClientMetadata) RefreshLife(most time.Duration) time.Duration {
	return shorter(most, m.RefreshTTL)
}

func shorter(most time.Duration, seconds int64) time.Duration {
	if own := time.Duration(seconds) * time.Second; own > 0 && own < most {
		return own
	}
	return most
}

// FAPI2 reports whether the client is held to the FAPI 2.0 Security Profile.
func (m ClientMetadata) FAPI2() bool { return m.Profile == ProfileFAPI2 }
