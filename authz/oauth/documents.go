package oauth

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Documents knows clients that a document of their own describes
// (authz/clientdoc).
type Documents interface {
	// Current returns the client as its document has it today.
	Current(ctx context.Context, id authz.ClientID) (authz.Client, error)
	// Keep stores a client that a person allows.
	Keep(ctx context.Context, c authz.Client) error
}

// checkDocument looks at what the client's document says today: a sign-in never
// rests on what it said once.
func checkDocument(ctx context.Context, s *Server, req *AuthorizationRequest) error {
	if req.Client.Metadata.Registration != authz.RegisteredByDocument {
		return nil
	}
	unknown := fault(authz.Invalid, "invalid_client", "The application that sent you here could not be verified, or is switched off.")
	if s.cfg.Documents == nil {
		return unknown
	}
	current, err := s.cfg.Documents.Current(ctx, req.Client.ID)
	if authz.KindOf(err) == authz.Unauthenticated {
		return unknown.Because(err)
	}
	if err != nil {
		return err
	}
	req.Client = current
	return nil
}

// keepDocument stores a client that a person has just allowed.
func (s *Server) keepDocument(ctx context.Context, c authz.Client) error {
	if c.Metadata.Registration != authz.RegisteredByDocument {
		return nil
	}
	if s.cfg.Documents == nil {
		return errInvalidClient
	}
	return s.cfg.Documents.Keep(ctx, c)
}
