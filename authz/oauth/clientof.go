package oauth

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// errPersonAsks is told to whoever asks about credentials with the token of a
// person: what a browser holds is not to become an oracle.
var errPersonAsks = authz.NewError(authz.Unauthenticated, "invalid_token", "The token of a person cannot ask about credentials.")

// ClientOf returns the client that a live access token of its own speaks for,
// one of a client_credentials grant; the caller looked the token up.
func (s *Server) ClientOf(ctx context.Context, by authz.Principal) (credential.AuthenticatedClient, error) {
	if by.Subject != string(by.ClientID) {
		return credential.AuthenticatedClient{}, errPersonAsks
	}
	client, account, err := s.cfg.Clients.Find(ctx, by.ClientID)
	if err != nil {
		return credential.AuthenticatedClient{}, err
	}
	return credential.ProvenBy(client, account, client.AuthMethod, func(authz.Client) error { return nil })
}
