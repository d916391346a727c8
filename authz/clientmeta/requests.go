package clientmeta

import (
	"cmp"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// responseModes are those of the code flow; a fragment carries no code (OAuth
// 2.0 Multiple Response Type Encoding Practices, JARM section 2.3).
var responseModes = []string{"query", "form_post", "jwt", "query.jwt", "form_post.jwt"}

const maxSeconds = 1 << 31

// shortestLife is the shortest life of tokens that a client may ask for, in seconds.
const shortestLife = 60

// checkRequests checks what is said of the client's authorization requests.
func (r Rules) checkRequests(c authz.Client) error {
	m := c.Metadata
	if m.RequestAlgorithm != "" && m.RequestAlgorithm != "RS256" && !slices.Contains(assertionAlgorithms, m.RequestAlgorithm) {
		return bad("request_object_signing_alg", "must be PS256, ES256, EdDSA or RS256.")
	}
	if m.RequireSigned && !hasJWKS(m) && m.JWKSURI == "" {
		return bad("require_signed_request_object", "needs the key to verify with: give jwks or jwks_uri.")
	}
	for _, mode := range m.ResponseModes {
		if !slices.Contains(responseModes, mode) {
			return bad("response_modes", "must be query, form_post, jwt, query.jwt or form_post.jwt.")
		}
	}
	if m.DefaultMaxAge != nil && (*m.DefaultMaxAge < 0 || *m.DefaultMaxAge >= maxSeconds) {
		return bad("default_max_age", "must be a number of seconds, 0 or more.")
	}
	for member, seconds := range map[string]int64{"access_token_ttl": m.AccessTTL, "refresh_token_ttl": m.RefreshTTL} {
		if seconds != 0 && (seconds < shortestLife || seconds >= maxSeconds) {
			return bad(member, "must be a number of seconds, 60 or more, or 0 for the issuer's.")
		}
	}
	if len(m.DefaultACRValues) > maxTargets {
		return bad("default_acr_values", "at most 20.")
	}
	for _, acr := range m.DefaultACRValues {
		if !plain(acr, 255) {
			return bad("default_acr_values", "each must be 1 to 255 printable characters without blank.")
		}
	}
	return nil
}

// checkAnswers checks the algorithms of what we sign for the client.
func (r Rules) checkAnswers(c authz.Client) error {
	for member, alg := range answerAlgorithms(c) {
		if alg != "" && !slices.Contains(r.Algorithms, alg) {
			return bad(member, "is not among the issuer's algorithms.")
		}
	}
	return nil
}

func answerAlgorithms(c authz.Client) map[string]string {
	return map[string]string{
		"id_token_signed_response_alg":      c.IDTokenAlgorithm,
		"authorization_signed_response_alg": c.Metadata.ResponseAlgorithm,
		"introspection_signed_response_alg": c.Metadata.IntrospectionAlgorithm,
		"userinfo_signed_response_alg":      c.Metadata.UserinfoAlgorithm,
	}
}

// checkSubject checks how people are named to the client. A pairwise subject
// is one for a sector, and several redirect hosts name none (OpenID Connect
// Core section 8.1).
func (r Rules) checkSubject(c authz.Client) error {
	m := c.Metadata
	types := r.SubjectTypes
	if len(types) == 0 {
		types = []string{"public"}
	}
	if m.SubjectType != "" && !slices.Contains(types, m.SubjectType) {
		return bad("subject_type", "is not in use at this issuer.")
	}
	if m.Sector != "" {
		if u, ok := parse("https://" + m.Sector + "/"); !ok || u.Host != m.Sector || u.Port() != "" {
			return bad("sector", "must be a host.")
		}
	}
	if m.SectorURI != "" {
		return r.checkSectorURI(c)
	}
	if hosts, _ := c.RedirectHosts(); len(hosts) > 1 && (m.Sector == "" || m.Registration != "") && cmp.Or(m.SubjectType, types[0]) == "pairwise" {
		return bad("sector", "is required: the redirect URIs are on several hosts; a client that registers itself proves it by sector_identifier_uri.")
	}
	return nil
}

// checkSectorURI checks what is to prove a sector (authz/sector asks it): where
// redirect URIs prove nothing, a list of them does not either.
func (r Rules) checkSectorURI(c authz.Client) error {
	if u, ok := parse(c.Metadata.SectorURI); !ok || u.Scheme != "https" || strings.Contains(c.Metadata.SectorURI, "#") {
		return bad("sector_identifier_uri", "must be an https URL without fragment.")
	}
	if r.CheckURL(c.Metadata.SectorURI) != nil {
		return bad("sector_identifier_uri", "is not an address this server may talk to.")
	}
	if _, proven := c.Sector(); !proven {
		return bad("sector_identifier_uri", "proves nothing: not all redirect URIs are https ones of sites, tokens come by the device grant, or logout tokens go to another host.")
	}
	return nil
}
