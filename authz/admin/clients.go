package admin

import (
	"context"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ClientSettings are what an administrator decides about a client.
type ClientSettings struct {
	Name             string
	WorkspaceID      authz.WorkspaceID // empty for a platform client
	AuthMethod       string            // empty: client_secret_basic
	GrantTypes       []string          // empty: authorization_code and refresh_token
	RedirectURIs     []string
	Scopes           []string
	TokenFormat      authz.TokenFormat
	IDTokenAlgorithm string
	Environment      authz.Environment
	Environments     []authz.Environment
	Introspect       bool
	SkipConsent      bool
}

// CreateClient registers a client and returns its secret, once; public clients
// have none.
func (a *Admin) CreateClient(ctx context.Context, by authz.Principal, in ClientSettings) (authz.Client, authz.Secret, error) {
	if err := may(by, ScopeClients, in.WorkspaceID); err != nil {
		return authz.Client{}, "", err
	}
	in = withDefaults(by, in)
	if err := a.check(by, in); err != nil {
		return authz.Client{}, "", err
	}
	now := a.cfg.Clock.Now()
	client := authz.Client{ID: authz.NewClientID(), Issuer: a.cfg.Issuer, WorkspaceID: in.WorkspaceID, State: authz.Active, Revision: 1, CreatedAt: now, UpdatedAt: now}
	in.apply(&client)
	text, secret, err := a.newSecret(ctx, client)
	if err != nil {
		return authz.Client{}, "", err
	}
	return client, text, a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.activeWorkspace(ctx, in.WorkspaceID); err != nil {
			return err
		}
		if err := a.cfg.Store.CreateClient(ctx, client, secret); err != nil {
			return err
		}
		return a.record(ctx, by, client.WorkspaceID, "client.created", string(client.ID), map[string]any{"scopes": client.Scopes, "auth_method": client.AuthMethod})
	})
}

func (a *Admin) activeWorkspace(ctx context.Context, id authz.WorkspaceID) error {
	if id == "" {
		return nil
	}
	ws, err := a.cfg.Store.GetWorkspace(ctx, a.cfg.Issuer, id)
	if err != nil {
		return err
	}
	if ws.State != authz.Active {
		return authz.NewError(authz.Conflict, "workspace_suspended", "The workspace is suspended.")
	}
	return nil
}

// GetClient returns a client of a workspace the principal reaches.
func (a *Admin) GetClient(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID) (authz.Client, error) {
	if err := may(by, ScopeClients, ws); err != nil {
		return authz.Client{}, err
	}
	c, err := a.cfg.Store.GetClient(ctx, a.cfg.Issuer, ws, id)
	if err == nil && c.State == authz.Deleted {
		return authz.Client{}, authz.ErrNotFound
	}
	return c, err
}

// ListClients lists the clients of a workspace the principal reaches.
func (a *Admin) ListClients(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, page authz.Page) ([]authz.Client, error) {
	if err := may(by, ScopeClients, ws); err != nil {
		return nil, err
	}
	return a.cfg.Store.ListClients(ctx, a.cfg.Issuer, ws, page)
}

// UpdateClient replaces a client's settings if nobody changed them since the
// given revision. Tokens keep the scopes they have until they end; a refresh
// gets what is left.
func (a *Admin) UpdateClient(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID, revision int64, change func(*ClientSettings)) (authz.Client, error) {
	client, err := a.GetClient(ctx, by, ws, id)
	if err != nil {
		return authz.Client{}, err
	}
	if revision != 0 && revision != client.Revision {
		return authz.Client{}, authz.ErrStale
	}
	before := client.Scopes
	in := settingsOf(client)
	change(&in)
	in.WorkspaceID, in.AuthMethod = client.WorkspaceID, client.AuthMethod
	if err := a.check(by, in); err != nil {
		return authz.Client{}, err
	}
	in.apply(&client)
	client.UpdatedAt = a.cfg.Clock.Now()
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.UpdateClient(ctx, client); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "client.updated", string(id), map[string]any{"scopes_before": before, "scopes_after": client.Scopes})
	})
	client.Revision++
	return client, err
}

// DeleteClient ends a client and every token issued to it, at once.
func (a *Admin) DeleteClient(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID) error {
	if _, err := a.GetClient(ctx, by, ws, id); err != nil {
		return err
	}
	return a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		ref := authz.NodeRef{Kind: authz.ClientNode, ID: string(id)}
		moved, err := a.cfg.Store.KillNode(ctx, a.cfg.Issuer, ws, ref, authz.Deleted)
		if err != nil || !moved {
			return err
		}
		return a.record(ctx, by, ws, "client.deleted", string(id), nil)
	})
}

// MaxSecretOverlap bounds how long an old client secret may live on.
const MaxSecretOverlap = 30 * 24 * time.Hour

// RotateClientSecret gives a client a new secret; the old one works on for the
// overlap.
func (a *Admin) RotateClientSecret(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id authz.ClientID, overlap time.Duration) (authz.Client, authz.Secret, error) {
	client, err := a.GetClient(ctx, by, ws, id)
	if err != nil {
		return authz.Client{}, "", err
	}
	if client.Public() {
		return authz.Client{}, "", invalid("auth_method", "a public client has no secret.")
	}
	if overlap < 0 || overlap > MaxSecretOverlap {
		return authz.Client{}, "", invalid("overlap", "must be between 0 and 720h.")
	}
	text, secret, err := a.newSecret(ctx, client)
	if err != nil {
		return authz.Client{}, "", err
	}
	return client, text, a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.AddClientSecret(ctx, a.cfg.Issuer, *secret, a.cfg.Clock.Now().Add(overlap)); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "client.secret_rotated", string(id), map[string]any{"overlap": overlap.String()})
	})
}

// newSecret makes and hashes a secret; nil for a public client.
func (a *Admin) newSecret(ctx context.Context, c authz.Client) (authz.Secret, *authz.ClientSecret, error) {
	if c.Public() {
		return "", nil, nil
	}
	text := authz.Secret("gcs_" + authz.NewID("")[1:] + authz.NewID("")[1:])
	hash, err := a.cfg.Hasher.HashMachine(ctx, text)
	if err != nil {
		return "", nil, err
	}
	shown := text.Reveal()
	return text, &authz.ClientSecret{
		ID: authz.NewID("cs"), ClientID: c.ID, Hash: hash, Last4: shown[len(shown)-4:], CreatedAt: a.cfg.Clock.Now(),
	}, nil
}

func withDefaults(by authz.Principal, in ClientSettings) ClientSettings {
	if in.Environment == "" && !by.Platform() {
		in.Environment = by.Environment
	}
	if in.AuthMethod == "" {
		in.AuthMethod = authz.AuthClientSecretBasic
	}
	if len(in.GrantTypes) == 0 {
		in.GrantTypes = []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken}
	}
	return in
}

func (in ClientSettings) apply(c *authz.Client) {
	c.Name, c.AuthMethod, c.GrantTypes, c.RedirectURIs, c.Scopes = in.Name, in.AuthMethod, in.GrantTypes, in.RedirectURIs, in.Scopes
	c.TokenFormat, c.IDTokenAlgorithm = in.TokenFormat, in.IDTokenAlgorithm
	c.Environment, c.Environments, c.Introspect, c.SkipConsent = in.Environment, in.Environments, in.Introspect, in.SkipConsent
}

func settingsOf(c authz.Client) ClientSettings {
	return ClientSettings{
		Name: c.Name, WorkspaceID: c.WorkspaceID, AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, RedirectURIs: c.RedirectURIs,
		Scopes: c.Scopes, TokenFormat: c.TokenFormat, IDTokenAlgorithm: c.IDTokenAlgorithm, Environment: c.Environment,
		Environments: c.Environments, Introspect: c.Introspect, SkipConsent: c.SkipConsent,
	}
}

// check looks at every member and names the first that is wrong.
func (a *Admin) check(by authz.Principal, in ClientSettings) error {
	if err := name("name", in.Name); err != nil {
		return err
	}
	if !by.Platform() && slices.Contains(in.GrantTypes, authz.GrantClientCredentials) {
		// Such a client holds its scopes by itself, with no person who has them.
		return authz.NewError(authz.Forbidden, "operator_required", "Only the operator registers clients that act by themselves; use an API key.")
	}
	if by.Environment != "" && !by.Platform() && in.Environment != by.Environment {
		return authz.NewError(authz.Forbidden, "wrong_environment", "environment: must be that of the credential used.")
	}
	if !slices.Contains(a.cfg.AuthMethods, in.AuthMethod) {
		return invalid("auth_method", "is not in use at this issuer.")
	}
	if err := a.checkGrants(in); err != nil {
		return err
	}
	if err := a.checkScopes(in); err != nil {
		return err
	}
	return a.checkKinds(in)
}

func (a *Admin) checkGrants(in ClientSettings) error {
	for _, g := range in.GrantTypes {
		known := []string{authz.GrantAuthorizationCode, authz.GrantRefreshToken, authz.GrantClientCredentials, authz.GrantTokenExchange}
		if !slices.Contains(known, g) {
			return invalid("grant_types", "one is not supported.")
		}
	}
	if in.AuthMethod == authz.AuthNone && slices.Contains(in.GrantTypes, authz.GrantClientCredentials) {
		return invalid("grant_types", "a public client cannot use client_credentials.")
	}
	needsURI := slices.Contains(in.GrantTypes, authz.GrantAuthorizationCode)
	if needsURI && len(in.RedirectURIs) == 0 {
		return invalid("redirect_uris", "at least one is required for authorization_code.")
	}
	if len(in.RedirectURIs) > 50 {
		return invalid("redirect_uris", "at most 50.")
	}
	for _, uri := range in.RedirectURIs {
		if err := a.cfg.CheckRedirectURI(uri); err != nil {
			return err
		}
	}
	return nil
}

func (a *Admin) checkScopes(in ClientSettings) error {
	known := a.cfg.Scopes
	if exchangesOnly(in.GrantTypes) {
		known = slices.Concat(known, a.cfg.KeyScopes)
	}
	for _, s := range in.Scopes {
		if !slices.Contains(known, s) {
			return invalid("scopes", "one is not in the catalogue.")
		}
	}
	return nil
}

// exchangesOnly reports whether a client gets nothing but what the subject of
// an exchange has: the scopes of keys are then a bound on what it takes, and
// nothing it holds by itself.
func exchangesOnly(grants []string) bool {
	return len(grants) > 0 && !slices.ContainsFunc(grants, func(g string) bool { return g != authz.GrantTokenExchange })
}

func (a *Admin) checkKinds(in ClientSettings) error {
	if in.TokenFormat != "" && in.TokenFormat != authz.Opaque && in.TokenFormat != authz.JWT {
		return invalid("token_format", "must be opaque or jwt.")
	}
	if in.IDTokenAlgorithm != "" && !slices.Contains(a.cfg.Algorithms, in.IDTokenAlgorithm) {
		return invalid("id_token_signed_response_alg", "is not among the issuer's algorithms.")
	}
	for _, e := range append([]authz.Environment{in.Environment}, in.Environments...) {
		if e != "" && e != authz.Live && e != authz.Test {
			return invalid("environment", "must be live or test.")
		}
	}
	operators := len(in.Environments) > 0 || in.SkipConsent || in.Introspect
	if in.WorkspaceID != "" && operators {
		return invalid("workspace_id", "environments, introspect and skip_consent are for platform clients.")
	}
	return nil
}
