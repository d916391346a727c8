package clientmeta

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Registration is what a client says of itself, in the names of RFC 7591
// section 2. What makes an operator's client is not among them.
type Registration struct {
	ClientID         string   `json:"client_id,omitempty"`
	ClientSecret     string   `json:"client_secret,omitempty"`
	Name             string   `json:"client_name,omitempty"`
	AuthMethod       string   `json:"token_endpoint_auth_method,omitempty"`
	GrantTypes       []string `json:"grant_types,omitempty"`
	ResponseTypes    []string `json:"response_types,omitempty"`
	RedirectURIs     []string `json:"redirect_uris,omitempty"`
	Scope            string   `json:"scope,omitempty"`
	IDTokenAlgorithm string   `json:"id_token_signed_response_alg,omitempty"`
	authz.ClientMetadata
	// SoftwareStatement is a signed statement (RFC 7591 section 2.3).
	SoftwareStatement json.RawMessage `json:"software_statement,omitempty"`
}

// ErrMalformed says that a registration is no JSON object of the right types.
var ErrMalformed = authz.NewError(authz.Invalid, "invalid_client_metadata", "The metadata is not a JSON object whose members have the types of RFC 7591.")

// Parse reads a registration over the profile's bundle. The profile is not the
// client's to choose where one is given. Members nobody knows are passed over
// (RFC 7591 section 2); what the registry of clients keeps for itself cannot be
// said.
func Parse(body []byte, profile authz.ClientProfile) (Registration, error) {
	base := Bundle(profile)
	reg := Registration{
		AuthMethod: base.AuthMethod, GrantTypes: base.GrantTypes, IDTokenAlgorithm: base.IDTokenAlgorithm, ClientMetadata: base.Metadata,
	}
	if err := json.Unmarshal(body, &reg); err != nil || !strings.HasPrefix(strings.TrimLeft(string(body), " \t\r\n"), "{") {
		return Registration{}, ErrMalformed
	}
	reg.Profile, reg.Registration = profile, ""
	reg.Sector = "" // an administrator's to name: whoever says it may be anybody
	if reg.AuthMethod == "" {
		reg.AuthMethod = authz.AuthClientSecretBasic // RFC 7591 section 2
	}
	if len(reg.GrantTypes) == 0 {
		reg.GrantTypes = []string{authz.GrantAuthorizationCode}
	}
	if !hasJWKS(reg.ClientMetadata) {
		reg.JWKS = nil
	}
	return reg, nil
}

// strangers may use these grant types: with a person present, every time.
var strangers = []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken, authz.GrantDeviceCode}

// Client makes a client of what was said. It may ask for those of the allowed
// scopes that it named, or for all of them when it named none; it never acts by
// itself. how is what Metadata.Registration says.
func (r Registration) Client(how string, allowed []string) (authz.Client, error) {
	for _, kind := range r.ResponseTypes {
		if kind != "code" {
			return authz.Client{}, bad("response_types", "must be code.")
		}
	}
	for _, g := range r.GrantTypes {
		if !slices.Contains(strangers, g) {
			return authz.Client{}, bad("grant_types", "one is not for clients that register themselves.")
		}
	}
	c := authz.Client{
		Name: r.Name, AuthMethod: r.AuthMethod, GrantTypes: r.GrantTypes, RedirectURIs: r.RedirectURIs,
		Scopes: chosen(r.Scope, allowed), IDTokenAlgorithm: r.IDTokenAlgorithm, Metadata: r.ClientMetadata,
	}
	c.Metadata.Registration = how
	if len(c.Scopes) == 0 {
		return authz.Client{}, bad("scope", "holds none that a client may register for.")
	}
	return c, nil
}

// chosen are the allowed scopes that are asked for.
func chosen(scope string, allowed []string) []string {
	asked := strings.Fields(scope)
	if len(asked) == 0 {
		return slices.Clone(allowed)
	}
	return slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return !slices.Contains(asked, s) })
}

// Told is what a registered client is told of itself (RFC 7591 section 3.2.1);
// credentials are the caller's to add.
func Told(c authz.Client) Registration {
	told := Registration{
		ClientID: string(c.ID), Name: c.Name, AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, RedirectURIs: c.RedirectURIs,
		Scope: strings.Join(c.Scopes, " "), IDTokenAlgorithm: c.IDTokenAlgorithm, ClientMetadata: c.Metadata,
	}
	if c.MayUse(authz.GrantAuthorizationCode) {
		told.ResponseTypes = []string{"code"}
	}
	told.Registration = ""
	return told
}
