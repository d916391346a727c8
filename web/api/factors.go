package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Factor is a second factor of a member as the API tells of it.
type Factor struct {
	ID         string `json:"id"`
	Kind       string `json:"kind" enum:"totp,passkey"`
	Name       string `json:"name"`
	Status     string `json:"status" enum:"active,disabled" doc:"Disabled: a passkey that seems to have been copied."`
	Synced     bool   `json:"synced,omitempty" doc:"The passkey is backed up, and may be on several devices."`
	CreatedAt  string `json:"created_at"`
	LastUsedAt string `json:"last_used_at,omitempty"`
}

func viewFactor(f authz.Factor) Factor {
	return Factor{
		ID: string(f.ID), Kind: string(f.Kind), Name: f.Name, Status: string(f.State), Synced: f.Synced, CreatedAt: stamp(f.CreatedAt), LastUsedAt: stamp(f.LastUsedAt),
	}
}

// BreakGlass is an account for when the upstream is no way in. The link is in
// the answer that made it and nowhere else, ever.
type BreakGlass struct {
	UserID      string `json:"user_id"`
	WorkspaceID string `json:"workspace_id"`
	Login       string `json:"login"`
	Link        string `json:"link,omitempty" doc:"Where its person sets up what they sign in with, once, within 24 hours."`
	CreatedBy   string `json:"created_by"`
	CreatedAt   string `json:"created_at"`
}

func viewBreakGlass(l authz.LocalAccount) BreakGlass {
	return BreakGlass{UserID: string(l.UserID), WorkspaceID: string(l.WorkspaceID), Login: l.Login, CreatedBy: l.CreatedBy, CreatedAt: stamp(l.CreatedAt)}
}

// Factors are those of one member.
type Factors struct {
	Items []Factor `json:"items"`
}

// EnrolmentCode is in the answer that made it and nowhere else, ever.
type EnrolmentCode struct {
	Code string `json:"code" doc:"Good once, within 24 hours."`
}

// NewBreakGlass is what a new break-glass account is made of.
type NewBreakGlass struct {
	ForWorkspace
	Login string `json:"login" minLength:"1" maxLength:"100"`
	Role  string `json:"role,omitempty" maxLength:"64" doc:"Absent: owner."`
}

// BreakGlassAccounts are those of one workspace.
type BreakGlassAccounts struct {
	Items []BreakGlass `json:"items"`
}

func (a *api) factorRoutes(h huma.API) {
	const member, glass = "/v1/members/{id}", "/v1/break-glass-accounts"
	register(a, h, http.MethodGet, member+"/factors", "list-member-factors", "List the second factors that a member has with us", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Factors], error) {
			list, err := a.cfg.Admin.ListFactors(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(Factors{views(list, viewFactor)}), nil
		})
	register(a, h, http.MethodDelete, member+"/factors", "reset-member-factors", "Forget a member's second factors and recovery codes, and end their sessions", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.ResetFactors(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
		})
	register(a, h, http.MethodPost, member+"/enrolment-code", "permit-enrolment", "Give out a code to set up a first factor with during an outage; shown this once", http.StatusCreated,
		func(ctx context.Context, in *OneOf) (*answer[EnrolmentCode], error) {
			text, err := a.cfg.Admin.PermitEnrolment(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(EnrolmentCode{text.Reveal()}), nil
		})
	register(a, h, http.MethodPost, glass, "create-break-glass-account", "Make a break-glass account, or give one that is there a new link; shown this once", http.StatusCreated,
		func(ctx context.Context, in *create[NewBreakGlass]) (*answer[BreakGlass], error) {
			account, token, err := a.cfg.Admin.CreateBreakGlass(ctx, principal(ctx), in.Body.in(ctx), in.Body.Login, authz.RoleID(in.Body.Role))
			if err != nil {
				return nil, err
			}
			view := viewBreakGlass(account)
			view.Link = a.cfg.EnrolmentURL(token)
			return answered(view), nil
		})
	register(a, h, http.MethodGet, glass, "list-break-glass-accounts", "List break-glass accounts, at most a hundred; remove one as a member", http.StatusOK,
		func(ctx context.Context, in *struct{ InWorkspace }) (*answer[BreakGlassAccounts], error) {
			list, err := a.cfg.Admin.ListBreakGlass(ctx, principal(ctx), in.in(ctx))
			if err != nil {
				return nil, err
			}
			return answered(BreakGlassAccounts{views(list, viewBreakGlass)}), nil
		})
}
