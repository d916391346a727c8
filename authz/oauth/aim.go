package oauth

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// aim settles what the access token is for: its resources (RFC 8707) and its
// authorization details (RFC 9396). Nothing has been written yet.
func (s *Server) aim(u *unit) error {
	var err error
	if u.audience, err = s.audienceOf(u); err != nil {
		return err
	}
	if u.grant.Standing {
		return s.aimStanding(u)
	}
	held, err := s.heldDetails(u.grant.Details)
	if err != nil {
		return err
	}
	u.details, err = s.narrowDetails(u, held)
	return err
}

// aimStanding takes the details of a client that acts by itself from the
// request: its types are what it may ask for.
func (s *Server) aimStanding(u *unit) error {
	if u.askedDetails == "" {
		return nil
	}
	details, err := s.requestedDetails(u.client.client, u.askedDetails, u.audience)
	u.details = joinDetails(details)
	return err
}

// heldDetails reads what was granted before. A type that left the catalogue
// since takes its details along.
func (s *Server) heldDetails(raw json.RawMessage) ([]detail, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	objects, err := parseDetails(string(raw))
	if err != nil {
		return nil, fmt.Errorf("reading what was granted: %w", err)
	}
	var held []detail
	for _, object := range objects {
		text, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("reading what was granted: %w", err)
		}
		if s.settings.fitsType(object) {
			held = append(held, detail{object, string(text)})
		}
	}
	return held, nil
}

// narrowDetails are those asked for, each of which must be one held (RFC 9396
// section 6), or all that are held; less what the client has lost since, and
// what is about other resources than the token's (RFC 9396 section 9.1).
func (s *Server) narrowDetails(u *unit, held []detail) (json.RawMessage, error) {
	wanted := held
	if u.askedDetails != "" {
		var err error
		if wanted, err = s.readDetails(u.askedDetails); err != nil {
			return nil, err
		}
	}
	var kept []detail
	for _, d := range wanted {
		if !slices.ContainsFunc(held, d.equals) {
			return nil, errInvalidDetails
		}
		about := d.locations()
		here := len(about) == 0 || slices.ContainsFunc(about, func(uri string) bool { return slices.Contains(u.audience, uri) })
		if here && mayDetail(u.client.client, d.typ()) {
			kept = append(kept, d)
		}
	}
	return joinDetails(kept), nil
}

// requestedDetails reads what a client asks for from nothing: each of a type of
// its own, and about no other resource than it asks for.
func (s *Server) requestedDetails(c authz.Client, text string, audience []string) ([]detail, error) {
	details, err := s.readDetails(text)
	if err != nil {
		return nil, err
	}
	for _, d := range details {
		elsewhere := func(uri string) bool { return !slices.Contains(audience, uri) }
		if !mayDetail(c, d.typ()) || slices.ContainsFunc(d.locations(), elsewhere) {
			return nil, errInvalidDetails
		}
	}
	return details, nil
}

func checkDetails(_ context.Context, s *Server, req *AuthorizationRequest) error {
	if !req.Parameters.Has("authorization_details") {
		return nil
	}
	details, err := s.requestedDetails(req.Client, req.Parameters.Get("authorization_details"), req.Audience)
	if err != nil {
		return err
	}
	req.Details = joinDetails(details)
	return nil
}
