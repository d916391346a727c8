package api

import (
	"context"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// Client is a client as the API tells of it. The secret is in the answer that
// made it and nowhere else, ever.
type Client struct {
	ID               string   `json:"client_id"`
	Secret           string   `json:"client_secret,omitempty"`
	WorkspaceID      string   `json:"workspace_id,omitempty"`
	Name             string   `json:"name"`
	AuthMethod       string   `json:"token_endpoint_auth_method"`
	GrantTypes       []string `json:"grant_types"`
	RedirectURIs     []string `json:"redirect_uris"`
	Scopes           []string `json:"scopes"`
	TokenFormat      string   `json:"token_format,omitempty"`
	IDTokenAlgorithm string   `json:"id_token_signed_response_alg,omitempty"`
	Environment      string   `json:"environment,omitempty"`
	Environments     []string `json:"environments,omitempty"`
	Introspect       bool     `json:"introspect,omitempty"`
	SkipConsent      bool     `json:"skip_consent,omitempty"`
	authz.ClientMetadata
	Status    string `json:"status"`
	Revision  int64  `json:"revision"`
	CreatedAt string `json:"created_at"`
	UpdatedAt string `json:"updated_at"`
}

func viewClient(c authz.Client) Client {
	return Client{
		ID: string(c.ID), WorkspaceID: string(c.WorkspaceID), Name: c.Name, AuthMethod: c.AuthMethod,
		GrantTypes: orEmpty(c.GrantTypes), RedirectURIs: orEmpty(c.RedirectURIs), Scopes: orEmpty(c.Scopes),
		TokenFormat: string(c.TokenFormat), IDTokenAlgorithm: c.IDTokenAlgorithm, Environment: string(c.Environment),
		Environments: texts(c.Environments), Introspect: c.Introspect, SkipConsent: c.SkipConsent, ClientMetadata: c.Metadata,
		Status: string(c.State), Revision: c.Revision, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt),
	}
}

// ClientMembers are the members an administrator decides. Members that are
// absent from a PATCH stay as they are.
type ClientMembers struct {
	Name             *string   `json:"name,omitempty" maxLength:"200"`
	RedirectURIs     *[]string `json:"redirect_uris,omitempty" maxItems:"50"`
	GrantTypes       *[]string `json:"grant_types,omitempty" maxItems:"10"`
	Scopes           *[]string `json:"scopes,omitempty" maxItems:"100"`
	TokenFormat      *string   `json:"token_format,omitempty" enum:"opaque,jwt"`
	IDTokenAlgorithm *string   `json:"id_token_signed_response_alg,omitempty" enum:"RS256,ES256,PS256,EdDSA"`
	Environment      *string   `json:"environment,omitempty" enum:"live,test"`
	Environments     *[]string `json:"environments,omitempty" maxItems:"2"`
	Introspect       *bool     `json:"introspect,omitempty"`
	SkipConsent      *bool     `json:"skip_consent,omitempty"`
	MetadataMembers
}

type createClient struct {
	Body struct {
		WorkspaceID string `json:"workspace_id,omitempty" doc:"Absent: the caller's own; for the operator, a platform client."`
		AuthMethod  string `json:"token_endpoint_auth_method,omitempty" enum:"none,client_secret_basic,client_secret_post,private_key_jwt,tls_client_auth,self_signed_tls_client_auth"`
		ClientMembers
	}
}

type ClientPath struct {
	ID          string `path:"id" maxLength:"400" doc:"The client_id; one that is a URL as url_ and its base64url."`
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
}

// client is the client_id of a path: a URL cannot stand in one.
func (p ClientPath) client() authz.ClientID {
	if encoded, ok := strings.CutPrefix(p.ID, "url_"); ok {
		raw, _ := base64.RawURLEncoding.DecodeString(encoded) // what is no base64url is no client's id
		return authz.ClientID(raw)
	}
	return authz.ClientID(p.ID)
}

type listClients struct {
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
	Paging
}

type patchClient struct {
	ClientPath
	IfMatch
	Body ClientMembers
}

type rotateClient struct {
	ClientPath
	Body struct {
		Overlap string `json:"overlap,omitempty" maxLength:"20" doc:"How long the old secret works on, such as 24h; absent: it stops at once."`
	} `required:"false"`
}

func (a *api) clientRoutes(h huma.API) {
	register(a, h, http.MethodPost, "/v1/clients", "create-client", "Register a client", http.StatusCreated, a.createClient)
	register(a, h, http.MethodGet, "/v1/clients", "list-clients", "List clients", http.StatusOK, a.listClients)
	register(a, h, http.MethodGet, "/v1/clients/{id}", "get-client", "Get a client", http.StatusOK, a.getClient)
	register(a, h, http.MethodPatch, "/v1/clients/{id}", "update-client", "Change a client", http.StatusOK, a.patchClient)
	register(a, h, http.MethodDelete, "/v1/clients/{id}", "delete-client", "Delete a client and end its tokens", http.StatusNoContent, a.deleteClient)
	register(a, h, http.MethodPost, "/v1/clients/{id}/rotate", "rotate-client-secret", "Give a client a new secret", http.StatusOK, a.rotateClient)
}

func (a *api) createClient(ctx context.Context, in *createClient) (*answer[Client], error) {
	var settings admin.ClientSettings
	if in.Body.Profile != nil {
		settings = admin.Bundle(authz.ClientProfile(*in.Body.Profile))
	}
	settings.WorkspaceID = workspaceOr(ctx, in.Body.WorkspaceID)
	if in.Body.AuthMethod != "" {
		settings.AuthMethod = in.Body.AuthMethod
	}
	in.Body.apply(&settings)
	c, secret, err := a.cfg.Admin.CreateClient(ctx, principal(ctx), settings)
	if err != nil {
		return nil, err
	}
	return clientAnswer(c, secret), nil
}

func (a *api) listClients(ctx context.Context, in *listClients) (*answer[list[Client]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListClients(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), page)
	if err != nil {
		return nil, err
	}
	at := func(c authz.Client) authz.Position {
		return authz.Position{CreatedAt: c.CreatedAt, ID: string(c.ID)}
	}
	return listed(in.Paging, rows, at, viewClient), nil
}

func (a *api) getClient(ctx context.Context, in *ClientPath) (*answer[Client], error) {
	c, err := a.cfg.Admin.GetClient(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client())
	if err != nil {
		return nil, err
	}
	return clientAnswer(c, ""), nil
}

func (a *api) patchClient(ctx context.Context, in *patchClient) (*answer[Client], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	c, err := a.cfg.Admin.UpdateClient(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client(), revision, in.Body.apply)
	if err != nil {
		return nil, err
	}
	return clientAnswer(c, ""), nil
}

func (a *api) deleteClient(ctx context.Context, in *ClientPath) (*struct{}, error) {
	return nil, a.cfg.Admin.DeleteClient(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client())
}

func (a *api) rotateClient(ctx context.Context, in *rotateClient) (*answer[Client], error) {
	var overlap time.Duration
	if in.Body.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(in.Body.Overlap); err != nil {
			return nil, authz.NewError(authz.Invalid, "invalid_overlap", "overlap: must be a duration such as 24h.")
		}
	}
	c, secret, err := a.cfg.Admin.RotateClientSecret(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client(), overlap)
	if err != nil {
		return nil, err
	}
	return clientAnswer(c, secret), nil
}

func clientAnswer(c authz.Client, secret authz.Secret) *answer[Client] {
	view := viewClient(c)
	view.Secret = secret.Reveal()
	return tagged(view, c.Revision)
}

func (m ClientMembers) apply(s *admin.ClientSettings) {
	authz.Replace(&s.Name, m.Name)
	authz.Replace(&s.RedirectURIs, m.RedirectURIs)
	authz.Replace(&s.GrantTypes, m.GrantTypes)
	authz.Replace(&s.Scopes, m.Scopes)
	authz.Replace(&s.IDTokenAlgorithm, m.IDTokenAlgorithm)
	authz.Replace(&s.Introspect, m.Introspect)
	authz.Replace(&s.SkipConsent, m.SkipConsent)
	m.MetadataMembers.apply(&s.Metadata)
	if m.TokenFormat != nil {
		s.TokenFormat = authz.TokenFormat(*m.TokenFormat)
	}
	if m.Environment != nil {
		s.Environment = authz.Environment(*m.Environment)
	}
	if m.Environments != nil {
		s.Environments = nil
		for _, e := range *m.Environments {
			s.Environments = append(s.Environments, authz.Environment(e))
		}
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func texts[S ~string](list []S) []string {
	out := make([]string, 0, len(list))
	for _, s := range list {
		out = append(out, string(s))
	}
	return out
}
