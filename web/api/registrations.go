package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
)

// RegistrationToken is an initial access token (RFC 7591). Its text is in the
// answer that made it and nowhere else, ever.
type RegistrationToken struct {
	ID          string `json:"id"`
	Token       string `json:"token"`
	WorkspaceID string `json:"workspace_id"`
	Profile     string `json:"profile,omitempty"`
	Uses        int    `json:"uses"`
	CreatedAt   string `json:"created_at"`
	ExpiresAt   string `json:"expires_at"`
}

type createRegistrationToken struct {
	Body struct {
		WorkspaceID string `json:"workspace_id,omitempty" maxLength:"64" doc:"Absent: the caller's own. Registered clients land there."`
		ExpiresIn   string `json:"expires_in,omitempty" maxLength:"20" doc:"1m to 720h; absent: 1h."`
		Uses        int    `json:"uses,omitempty" minimum:"1" maximum:"1000" doc:"How many clients may register; absent: 1."`
		Profile     string `json:"profile,omitempty" enum:"web,spa,native,fapi2,mcp" doc:"The profile the clients are held to."`
	}
}

type registrationTokenPath struct {
	ID          string `path:"id" maxLength:"64"`
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
}

func (a *api) registrationRoutes(h huma.API) {
	register(a, h, http.MethodPost, "/v1/registration-tokens", "create-registration-token",
		"Let clients register themselves in a workspace", http.StatusCreated, a.createRegistrationToken)
	register(a, h, http.MethodDelete, "/v1/registration-tokens/{id}", "revoke-registration-token",
		"End a registration token; clients registered with it stay", http.StatusNoContent, a.revokeRegistrationToken)
}

var errRegistrationOff = authz.NewError(authz.Forbidden, "registration_disabled", "Clients do not register themselves at this issuer.")

func (a *api) createRegistrationToken(ctx context.Context, in *createRegistrationToken) (*answer[RegistrationToken], error) {
	if a.cfg.Registration == nil {
		return nil, errRegistrationOff
	}
	var life time.Duration
	if in.Body.ExpiresIn != "" {
		var err error
		if life, err = time.ParseDuration(in.Body.ExpiresIn); err != nil || life == 0 {
			return nil, authz.NewError(authz.Invalid, "invalid_expires_in", "expires_in: must be a duration such as 1h.")
		}
	}
	t, text, err := a.cfg.Registration.MintToken(ctx, principal(ctx), registration.TokenRequest{
		WorkspaceID: workspaceOr(ctx, in.Body.WorkspaceID), ExpiresIn: life, Uses: in.Body.Uses, Profile: authz.ClientProfile(in.Body.Profile),
	})
	if err != nil {
		return nil, err
	}
	return answered(RegistrationToken{
		ID: t.ID, Token: text.Reveal(), WorkspaceID: string(t.WorkspaceID), Profile: string(t.Profile), Uses: t.Uses,
		CreatedAt: stamp(t.CreatedAt), ExpiresAt: stamp(t.ExpiresAt),
	}), nil
}

func (a *api) revokeRegistrationToken(ctx context.Context, in *registrationTokenPath) (*struct{}, error) {
	if a.cfg.Registration == nil {
		return nil, errRegistrationOff
	}
	return nil, a.cfg.Registration.RevokeToken(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.ID)
}
