package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/api"
)

var (
	errNoAsker    = authz.NewError(authz.Unauthenticated, "authentication_required", "Authenticate: a client by Authorization: Basic, an API key or a client's own access token by Authorization: Bearer.")
	errAsksItself = authz.NewError(authz.Unauthenticated, "invalid_client", "A credential cannot vouch for itself.")
)

// asking is who asks about a credential, and their name for logs and limits.
type asking struct {
	credential.Asker
	id string
	// own is the credential they presented themselves, if it is one that could be
	// asked about.
	own authz.Secret
}

// askerOf authenticates whoever asks about credentials by what a header says:
// Basic with a client's secret, Bearer or DPoP with an API key or a client's
// own access token, or, behind a proxy that has a certificate, Client with the
// client's id (RFC 8705).
func (s *site) askerOf(ctx context.Context, r *http.Request, header string) (asking, error) {
	scheme, text, _ := strings.Cut(header, " ")
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return asking{}, errNoAsker
	case strings.EqualFold(scheme, "Basic"):
		return s.askingClient(s.OAuth.AuthenticateClient(ctx, oauth.Request{Authorization: header}))
	case strings.EqualFold(scheme, "Client"):
		in := oauth.Request{Form: map[string][]string{"client_id": {text}}, Certificates: s.certificates(r)}
		return s.askingClient(s.OAuth.AuthenticateClient(ctx, in))
	case strings.EqualFold(scheme, "Bearer") || strings.EqualFold(scheme, "DPoP"):
		return s.askingBearer(ctx, r, scheme, authz.Secret(text))
	}
	return asking{}, errNoAsker
}

func (s *site) askingClient(c credential.AuthenticatedClient, err error) (asking, error) {
	if err != nil {
		return asking{}, err
	}
	if !c.Proven() {
		return asking{}, errPublicCaller
	}
	return asking{Asker: c, id: string(c.ID)}, nil
}

func (s *site) askingBearer(ctx context.Context, r *http.Request, scheme string, text authz.Secret) (asking, error) {
	record, err := s.Authenticate(withCertificates(ctx, s.certificates(r)), api.Presented{
		Scheme: scheme, Text: text, Method: r.Method, Path: r.URL.Path, DPoP: r.Header["Dpop"],
	})
	if err != nil {
		return asking{}, err
	}
	by := record.Principal
	if by.KeyID != "" {
		return asking{Asker: credential.Workload(by), id: string(by.KeyID), own: text}, nil
	}
	client, err := s.OAuth.ClientOf(ctx, by)
	if err != nil {
		return asking{}, err
	}
	return asking{Asker: client, id: string(client.ID), own: text}, nil
}
