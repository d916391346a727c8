package api

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

type patchKey struct {
	KeyPath
	IfMatch
	Body struct {
		Name        *string              `json:"name,omitempty" minLength:"1" maxLength:"100"`
		Scopes      *[]string            `json:"scopes,omitempty" minItems:"1" maxItems:"64" doc:"Fewer at any time; more takes what creating such a key takes."`
		Resources   *authz.Resources     `json:"resources,omitempty" doc:"Replaces all restrictions."`
		IPAllowlist *[]string            `json:"ip_allowlist,omitempty" maxItems:"64"`
		ExpiresAt   Omittable[time.Time] `json:"expires_at,omitempty" doc:"null: never."`
		Rotation    Omittable[Rotation]  `json:"rotation,omitempty" doc:"null: no schedule of its own, and the old key claims the new text."`
		GraceUntil  *time.Time           `json:"grace_until,omitempty" doc:"When a replaced key stops, at most 30 days ahead; a moment that has passed is now."`
		Tier        *string              `json:"tier,omitempty" maxLength:"32"`
		Status      *string              `json:"status,omitempty" enum:"active,disabled" doc:"A disabled key is refused until it is active again; what was made from it stays dead."`
	}
}

// PATCH …/{id}: members that are absent stay as they are.
func (a *api) patchKey(ctx context.Context, in *patchKey) (*answer[Key], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	b := in.Body
	change := apikey.Change{
		Revision: revision, Name: b.Name, Scopes: b.Scopes, Resources: b.Resources, IPAllowlist: b.IPAllowlist,
		ExpiresAt: b.ExpiresAt.member(), GraceUntil: b.GraceUntil, Tier: b.Tier, State: (*authz.State)(b.Status),
	}
	if b.Rotation.Given {
		if change.RotateEvery, change.Delivery, err = b.Rotation.Value.changes(); err != nil {
			return nil, err
		}
	}
	key, err := a.cfg.Keys.Update(ctx, principal(ctx), authz.OriginFrom(ctx), workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID), change)
	return a.keyAnswer(key, err)
}
