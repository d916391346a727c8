package admin

import (
	"bytes"
	"context"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
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
	// Metadata is what else is registered; its profile's bundle is not added
	// here, see Bundle.
	Metadata authz.ClientMetadata
}

// Bundle returns the settings a client of the profile starts from. What is
// laid over them may be stricter only.
func Bundle(profile authz.ClientProfile) ClientSettings {
	return settingsOf(clientmeta.Bundle(profile))
}

// CreateClient registers a client and returns its secret, once; public clients
// have none.
func (a *Admin) CreateClient(ctx context.Context, by authz.Principal, in ClientSettings) (authz.Client, authz.Secret, error) {
	if err := by.May(ScopeClients, in.WorkspaceID); err != nil {
		return authz.Client{}, "", err
	}
	in = withDefaults(by, in)
	now := a.cfg.Clock.Now()
	client := authz.Client{ID: authz.NewClientID(), Issuer: a.cfg.Issuer, WorkspaceID: in.WorkspaceID, State: authz.Active, Revision: 1, CreatedAt: now, UpdatedAt: now}
	in.apply(&client)
	client.Metadata.Registration = "" // somebody of ours did it
	if err := a.check(ctx, by, authz.Client{}, client); err != nil {
		return authz.Client{}, "", err
	}
	text, secret, err := a.newSecret(ctx, by, client)
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
		if err := a.remember(ctx, by, client); err != nil {
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
	if err := by.May(ScopeClients, ws); err != nil {
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
	if err := by.May(ScopeClients, ws); err != nil {
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
	before, in := client, settingsOf(client)
	change(&in)
	in.AuthMethod, in.Metadata.Registration = before.AuthMethod, before.Metadata.Registration
	in.apply(&client)
	if err := a.checkUpdate(ctx, by, before, client); err != nil {
		return authz.Client{}, err
	}
	if equipped(before, client) {
		if err := a.mayEquip(by, client); err != nil {
			return authz.Client{}, err
		}
	}
	client.UpdatedAt = a.cfg.Clock.Now()
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := a.cfg.Store.UpdateClient(ctx, client); err != nil {
			return err
		}
		after := client
		after.Revision++
		if err := a.remember(ctx, by, after); err != nil {
			return err
		}
		return a.record(ctx, by, ws, "client.updated", string(id), map[string]any{"scopes_before": before.Scopes, "scopes_after": client.Scopes})
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
		ref := authz.ClientRef(a.cfg.Issuer, id)
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
	if !client.HasSecret() {
		return authz.Client{}, "", invalid("auth_method", "a client that authenticates in this way has no secret.")
	}
	if overlap < 0 || overlap > MaxSecretOverlap {
		return authz.Client{}, "", invalid("overlap", "must be between 0 and 720h.")
	}
	text, secret, err := a.newSecret(ctx, by, client)
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

// newSecret makes and hashes a secret; nil for a client that needs none.
func (a *Admin) newSecret(ctx context.Context, by authz.Principal, c authz.Client) (authz.Secret, *authz.ClientSecret, error) {
	if err := a.mayEquip(by, c); err != nil {
		return "", nil, err
	}
	if !c.HasSecret() {
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

// mayEquip checks that the principal may give the client what it proves itself
// with. The secret of one that acts by itself opens what a key opens, so that
// it takes what minting one takes; a person needs fresh proof of MFA for any.
func (a *Admin) mayEquip(by authz.Principal, c authz.Client) error {
	if c.MayUse(authz.GrantClientCredentials) {
		return authz.MayMint(by, a.cfg.Clock.Now())
	}
	return authz.PersonIsFresh(by, a.cfg.Clock.Now())
}

// equipped reports whether a change gives a client something else to prove itself
// with, or one that acts by itself more to do: that takes what giving it a secret
// takes.
func equipped(before, after authz.Client) bool {
	was, is := before.Metadata, after.Metadata
	if !bytes.Equal(was.JWKS, is.JWKS) || was.JWKSURI != is.JWKSURI || was.TLSSubjectDN != is.TLSSubjectDN || was.TLSSANDNS != is.TLSSANDNS ||
		was.TLSSANURI != is.TLSSANURI || was.TLSSANIP != is.TLSSANIP || was.TLSSANEmail != is.TLSSANEmail {
		return true
	}
	if !after.MayUse(authz.GrantClientCredentials) {
		return false
	}
	more := func(scope string) bool { return !slices.Contains(before.Scopes, scope) }
	return !before.MayUse(authz.GrantClientCredentials) || slices.ContainsFunc(after.Scopes, more)
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
	c.Metadata = in.Metadata
}

func settingsOf(c authz.Client) ClientSettings {
	return ClientSettings{
		Name: c.Name, WorkspaceID: c.WorkspaceID, AuthMethod: c.AuthMethod, GrantTypes: c.GrantTypes, RedirectURIs: c.RedirectURIs,
		Scopes: c.Scopes, TokenFormat: c.TokenFormat, IDTokenAlgorithm: c.IDTokenAlgorithm, Environment: c.Environment,
		Environments: c.Environments, Introspect: c.Introspect, SkipConsent: c.SkipConsent, Metadata: c.Metadata,
	}
}

// check looks at what this principal may decide, then at every member, and
// names the first that is wrong.
func (a *Admin) check(ctx context.Context, by authz.Principal, before, c authz.Client) error {
	if !by.Platform() && c.MayUse(authz.GrantClientCredentials) {
		// Such a client holds its scopes by itself, with no person who has them.
		return authz.NewError(authz.Forbidden, "operator_required", "Only the operator registers clients that act by themselves; use an API key.")
	}
	if c.MayUse(authz.GrantClientCredentials) {
		if err := authz.AutomationMayHold(c.Scopes, nil); err != nil {
			return err
		}
	}
	if by.Environment != "" && !by.Platform() && c.Environment != by.Environment {
		return authz.NewError(authz.Forbidden, "wrong_environment", "environment: must be that of the credential used.")
	}
	rules, err := a.rules(ctx, before)
	if err != nil {
		return err
	}
	return rules.Check(c)
}

// rules are what the issuer allows its clients now. What a client had before it
// was retired it may go on being registered for, and is given no more.
func (a *Admin) rules(ctx context.Context, before authz.Client) (clientmeta.Rules, error) {
	known, err := a.cfg.Scopes(ctx)
	if err != nil {
		return clientmeta.Rules{}, err
	}
	rules := a.cfg.Rules
	rules.Scopes, rules.KeyScopes = clientmeta.Scopes(known)
	for _, s := range before.Scopes {
		if known.Retired(s) {
			rules.Scopes = append(rules.Scopes, s)
		}
	}
	return rules, nil
}

// checkUpdate also keeps a client that registered itself from becoming more
// than such a client may be: nobody of ours vouches for it.
func (a *Admin) checkUpdate(ctx context.Context, by authz.Principal, before, after authz.Client) error {
	if after.Metadata.Registration == "document" {
		return invalid("client_id", "the client is what its document says; it can be deleted only.")
	}
	if err := clientmeta.CheckMove(before, after); err != nil {
		return err
	}
	operators := len(after.Environments) > 0 || after.SkipConsent || after.Introspect || after.MayUse(authz.GrantClientCredentials)
	if before.Metadata.Registration != "" && operators {
		return invalid("client_id", "a client that registered itself never acts by itself, introspects or skips consent.")
	}
	if m := after.Metadata; m.Registration != "" && m.Sector != "" && m.Sector != before.Metadata.Sector {
		return invalid("sector", "a client that registered itself proves its own: by redirect URIs on one host, or a sector_identifier_uri.")
	}
	if uri := after.Metadata.SectorURI; uri != "" && !authz.Within(after.RedirectURIs, before.RedirectURIs) {
		return invalid("redirect_uris", "the client's sector_identifier_uri lists those it has; it registers others itself.")
	}
	return a.check(ctx, by, before, after)
}
