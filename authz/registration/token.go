package registration

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ScopeClients allows to mint registration tokens: who may register clients
// may let others do it.
const ScopeClients = "manage:clients"

// Bounds of a registration token.
const (
	MaxTokenLife = 30 * 24 * time.Hour
	MaxTokenUses = 1000
)

// TokenRequest says what a registration token is to be good for.
type TokenRequest struct {
	WorkspaceID authz.WorkspaceID // required: the clients land there
	ExpiresIn   time.Duration     // 1 minute to 30 days; 0 means an hour
	Uses        int               // 1 to 1000; 0 means 1
	Profile     authz.ClientProfile
}

// profiles a registered client may have: one that acts by itself is not among
// them.
var profiles = []authz.ClientProfile{"", authz.ProfileWeb, authz.ProfileSPA, authz.ProfileNative, authz.ProfileFAPI2, authz.ProfileMCP}

func invalid(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why)
}

// MintToken makes an initial access token and returns its text, once.
func (r *Registrar) MintToken(ctx context.Context, by authz.Principal, in TokenRequest) (authz.RegistrationToken, authz.Secret, error) {
	var none authz.RegistrationToken
	if err := by.May(ScopeClients, in.WorkspaceID); err != nil {
		return none, "", err
	}
	if err := authz.PersonIsFresh(by, r.cfg.Clock.Now()); err != nil {
		return none, "", err
	}
	if in.ExpiresIn == 0 {
		in.ExpiresIn = time.Hour
	}
	if in.Uses == 0 {
		in.Uses = 1
	}
	switch {
	case in.WorkspaceID == "":
		return none, "", invalid("workspace_id", "is required: registered clients belong to a workspace.")
	case in.ExpiresIn < time.Minute || in.ExpiresIn > MaxTokenLife:
		return none, "", invalid("expires_in", "must be between 1m and 720h.")
	case in.Uses < 1 || in.Uses > MaxTokenUses:
		return none, "", invalid("uses", "must be between 1 and 1000.")
	case !slices.Contains(profiles, in.Profile):
		return none, "", invalid("profile", "must be web, spa, native, fapi2 or mcp.")
	}
	if err := r.standing(ctx, in.WorkspaceID); err != nil {
		if errors.Is(err, errToken) {
			err = authz.NewError(authz.Conflict, "workspace_suspended", "The workspace is suspended.")
		}
		return none, "", err
	}
	now, text := r.cfg.Clock.Now(), authz.NewToken("git_")
	t := authz.RegistrationToken{
		ID: authz.NewID("irt"), Digest: authz.Digest(text.Reveal()), Issuer: r.cfg.Issuer, WorkspaceID: in.WorkspaceID, Environment: by.Environment,
		Profile: in.Profile, Uses: in.Uses, MadeBy: by.Subject, CreatedAt: now, ExpiresAt: now.Add(in.ExpiresIn),
	}
	if by.Platform() {
		t.Environment = "" // the operator's own says nothing about a tenant's clients
	}
	return t, text, r.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := r.cfg.Store.CreateRegistrationToken(ctx, t); err != nil {
			return err
		}
		details := map[string]any{"uses": t.Uses, "profile": string(t.Profile), "expires_at": t.ExpiresAt.UTC().Format(time.RFC3339)}
		return r.record(ctx, act{t.WorkspaceID, "registration_token.created", by.Subject, t.ID, details})
	})
}

// RevokeToken ends an initial access token; what was registered with it stays.
func (r *Registrar) RevokeToken(ctx context.Context, by authz.Principal, ws authz.WorkspaceID, id string) error {
	if err := by.May(ScopeClients, ws); err != nil {
		return err
	}
	return r.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		moved, err := r.cfg.Store.RevokeRegistrationToken(ctx, r.cfg.Issuer, ws, id)
		if err != nil {
			return err
		}
		if !moved {
			return authz.ErrNotFound
		}
		return r.record(ctx, act{ws, "registration_token.revoked", by.Subject, id, nil})
	})
}
