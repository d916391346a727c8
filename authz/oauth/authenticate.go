package oauth

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// Clients authenticates clients (authz/credential.Callers).
type Clients interface {
	Secret(ctx context.Context, id authz.ClientID, secret authz.Secret) (credential.AuthenticatedClient, error)
	Basic(ctx context.Context, header string, read func(string) (id, secret string, ok bool)) (credential.AuthenticatedClient, error)
	Public(ctx context.Context, id authz.ClientID) (credential.AuthenticatedClient, error)
	Proven(ctx context.Context, id authz.ClientID, method string, prove func(authz.Client) error) (credential.AuthenticatedClient, error)
	Find(ctx context.Context, id authz.ClientID) (authz.Client, authz.AccountID, error)
}

// Request is a form sent to an endpoint that clients call themselves.
type Request struct {
	// Authorization is the one Authorization header, or empty.
	Authorization string
	// Form is the urlencoded body; nothing of it comes from the query.
	Form url.Values
	// Method and Path are those of the request, for DPoP proofs.
	Method, Path string
	// DPoP are the DPoP headers (RFC 9449 section 4.3 allows one).
	DPoP []string
	// Certificates are the chain the client proved to hold in the TLS
	// handshake, its own first; empty without one.
	Certificates []*x509.Certificate
}

var (
	errKeyInBody = fault(authz.Invalid, "invalid_request", "API keys are accepted in the Authorization header only.")
	errTwoWays   = fault(authz.Invalid, "invalid_request", "The client authenticated in more than one way.")
	errTwoNames  = fault(authz.Invalid, "invalid_request", "client_id is not the client that authenticated.")
)

// AuthenticateClient proves who sent the request (RFC 6749 section 2.3). A
// public client is found by its client_id and stays unproven.
func (s *Server) AuthenticateClient(ctx context.Context, in Request) (credential.AuthenticatedClient, error) {
	var none credential.AuthenticatedClient
	id, secret := in.Form.Get("client_id"), in.Form.Get("client_secret")
	if s.cfg.IsKey(secret) {
		return none, errKeyInBody
	}
	if in.Form.Has("client_assertion") || in.Form.Has("client_assertion_type") {
		return s.assertedClient(ctx, in)
	}
	if in.Authorization != "" {
		return s.basicClient(ctx, in)
	}
	if secret == "" {
		return s.namedClient(ctx, in, authz.ClientID(id))
	}
	c, err := s.cfg.Clients.Secret(ctx, authz.ClientID(id), authz.Secret(secret))
	if err != nil {
		return none, err
	}
	return s.byMethod(c, authz.AuthClientSecretPost)
}

func (s *Server) basicClient(ctx context.Context, in Request) (credential.AuthenticatedClient, error) {
	var none credential.AuthenticatedClient
	if in.Form.Has("client_secret") {
		return none, errTwoWays
	}
	c, err := s.cfg.Clients.Basic(ctx, in.Authorization, parseBasic)
	if err != nil {
		return none, err
	}
	if in.Form.Has("client_id") && in.Form.Get("client_id") != string(c.ID) {
		return none, errTwoNames
	}
	return s.byMethod(c, authz.AuthClientSecretBasic)
}

// namedClient is one that only says who it is: a public client, or one whose
// certificate says the rest.
func (s *Server) namedClient(ctx context.Context, in Request, id authz.ClientID) (credential.AuthenticatedClient, error) {
	if len(in.Certificates) > 0 {
		found, _, err := s.cfg.Clients.Find(ctx, id)
		if err != nil {
			return credential.AuthenticatedClient{}, err
		}
		if found.AuthMethod == authz.AuthTLS || found.AuthMethod == authz.AuthSelfSignedTLS {
			return s.certifiedClient(ctx, in, id, found.AuthMethod)
		}
	}
	c, err := s.cfg.Clients.Public(ctx, id)
	if err != nil {
		return credential.AuthenticatedClient{}, err
	}
	return s.byMethod(c, authz.AuthNone)
}

// byMethod refuses a client that used another method than it registered, or
// one this issuer does not use.
func (s *Server) byMethod(c credential.AuthenticatedClient, method string) (credential.AuthenticatedClient, error) {
	if c.AuthMethod != method || !slices.Contains(s.settings.AuthMethods, method) {
		return credential.AuthenticatedClient{}, errInvalidClient
	}
	return c, nil
}

// caller is whoever asks for tokens: a client, or the holder of an API key.
func (s *Server) caller(ctx context.Context, in Request) (*clientView, error) {
	known, err := s.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	if text, ok := s.presentedKey(in.Authorization); ok {
		view, err := s.keyHolder(ctx, in, text)
		if err == nil {
			view.names = known.Names()
		}
		return view, err
	}
	c, err := s.AuthenticateClient(ctx, in)
	if err != nil {
		return nil, err
	}
	view := viewOf(c, s.audience())
	view.scopes, view.names = known.Standing(view.scopes), known.Names()
	return view, nil
}

// maxBasic bounds a Basic header in bytes. Ids and secrets that are ours take a
// few hundred, and a key a hundred.
const maxBasic = 16 << 10

// parseBasic decodes client_secret_basic, whose two halves are form-encoded
// (RFC 6749 section 2.3.1).
func parseBasic(authorization string) (id, secret string, ok bool) {
	scheme, encoded, found := strings.Cut(authorization, " ")
	if !found || !strings.EqualFold(scheme, "Basic") || len(encoded) > maxBasic {
		return "", "", false
	}
	var room [2][512]byte // what is usual fits: no allocation on the hot path
	raw, err := base64.StdEncoding.AppendDecode(room[0][:0], append(room[1][:0], strings.TrimSpace(encoded)...))
	if err != nil {
		return "", "", false
	}
	id, secret, found = strings.Cut(string(raw), ":")
	if !found {
		return "", "", false
	}
	if strings.ContainsAny(id, "%+") || strings.ContainsAny(secret, "%+") {
		if id, err = url.QueryUnescape(id); err != nil {
			return "", "", false
		}
		if secret, err = url.QueryUnescape(secret); err != nil {
			return "", "", false
		}
	}
	return id, secret, id != "" && secret != ""
}

// audience is what tokens are good for unless asked otherwise: the API.
func (s *Server) audience() []string { return []string{s.settings.api()} }
