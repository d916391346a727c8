package oauth

import (
	"context"
	"net/url"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Resource is a protected resource that tokens may be asked for (RFC 8707).
// The issuer's own API is always one.
type Resource struct {
	// URI is absolute and without fragment; it is compared byte for byte.
	URI string
	// Name is what people are shown.
	Name string
	// Scopes that are valid there; empty means every one.
	Scopes []string
}

// maxResources bounds the resources of one request.
const maxResources = 16

var errInvalidTarget = fault(authz.Invalid, "invalid_target", "A requested resource or audience is not one this server issues tokens for, or was not granted.")

// resource finds a resource of the catalogue.
func (s Settings) resource(uri string) (Resource, bool) {
	for _, r := range s.Resources {
		if r.URI == uri {
			return r, true
		}
	}
	return Resource{URI: uri}, uri == s.api()
}

// validAt leaves out the scopes that none of the resources knows: a token is
// told no more than it can be used for (RFC 8707 section 3).
func (s Settings) validAt(scopes, audience []string) []string {
	var known []string
	for _, uri := range audience {
		r, _ := s.resource(uri)
		if len(r.Scopes) == 0 {
			return scopes
		}
		known = append(known, r.Scopes...)
	}
	valid := make([]string, 0, len(scopes))
	for _, scope := range scopes {
		if slices.Contains(known, scope) {
			valid = append(valid, scope)
		}
	}
	return valid
}

// mayName reports whether a client may name the resource, which is in the
// catalogue. The API is everybody's.
func (s *Server) mayName(c authz.Client, uri string) bool {
	if _, known := s.settings.resource(uri); !known {
		return false
	}
	return uri == s.settings.api() || len(c.Metadata.Resources) == 0 || slices.Contains(c.Metadata.Resources, uri)
}

// targets reads the resources that a client asks for (RFC 8707 section 2), each
// once; nil when it asks for none. What is not in the catalogue is refused:
// ignoring it would give out a token for something else.
func (s *Server) targets(c authz.Client, asked []string) ([]string, error) {
	if len(asked) > maxResources {
		return nil, errInvalidTarget
	}
	var targets []string
	for _, uri := range asked {
		if s.isAPI(uri) {
			uri = s.settings.api()
		}
		if !s.mayName(c, uri) {
			return nil, errInvalidTarget
		}
		if !slices.Contains(targets, uri) {
			targets = append(targets, uri)
		}
	}
	return targets, nil
}

// askedFor are the resources of a request. The audience parameter belongs to
// token exchange (RFC 8693 section 2.1); elsewhere it may only repeat what is
// so by itself.
func (s *Server) askedFor(c authz.Client, parameters url.Values) ([]string, error) {
	for _, audience := range parameters["audience"] {
		if !s.isAPI(audience) {
			return nil, errInvalidTarget
		}
	}
	return s.targets(c, parameters["resource"])
}

// askedBy are the resources a caller of the token endpoint asks for. A key is
// good for the API, and so is what comes of it.
func (s *Server) askedBy(v *clientView, form url.Values) ([]string, error) {
	asked, err := s.askedFor(v.client, form)
	if err == nil && v.key != nil && slices.ContainsFunc(asked, func(uri string) bool { return uri != s.settings.api() }) {
		return nil, errInvalidTarget
	}
	return asked, err
}

func checkResource(_ context.Context, s *Server, req *AuthorizationRequest) error {
	asked, err := s.askedFor(req.Client, req.Parameters)
	if err != nil {
		return err
	}
	if req.Audience = asked; len(asked) == 0 {
		req.Audience = s.audience()
	}
	return nil
}

// audienceOf is what the token is for: the resources asked for of those that
// were granted, or all of these that are still there and the client's (RFC 8707
// section 2.2). A standing grant has no bound but the client's.
func (s *Server) audienceOf(u *unit) ([]string, error) {
	granted := u.grant.Audience
	if u.grant.Standing || len(granted) == 0 {
		granted = s.audience()
	}
	if u.grant.Standing && len(u.asked) > 0 {
		granted = u.asked
	}
	var audience []string
	for _, uri := range granted {
		if s.mayName(u.client.client, uri) && (len(u.asked) == 0 || slices.Contains(u.asked, uri)) {
			audience = append(audience, uri)
		}
	}
	if len(audience) == 0 || len(audience) < len(u.asked) {
		return nil, errInvalidTarget
	}
	return audience, nil
}
