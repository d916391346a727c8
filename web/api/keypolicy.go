package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// KeyPolicy is what a workspace asks of all its keys.
type KeyPolicy struct {
	EnforceRotation    bool   `json:"enforce_rotation" doc:"Every key is replaced at the interval the issuer lets workspaces enforce."`
	DisableUnusedAfter string `json:"disable_unused_after,omitempty" doc:"A key that was not used for as long is disabled."`
	Revision           int64  `json:"revision"`
	UpdatedAt          string `json:"updated_at,omitempty"`
}

type getKeyPolicy struct {
	ID string `path:"id" maxLength:"64"`
}

type putKeyPolicy struct {
	ID string `path:"id" maxLength:"64"`
	IfMatch
	Body struct {
		EnforceRotation    bool              `json:"enforce_rotation"`
		DisableUnusedAfter Omittable[string] `json:"disable_unused_after,omitempty" maxLength:"20" doc:"Such as P90D; absent or null: never."`
	}
}

func (a *api) keyPolicyRoutes(h huma.API) {
	const path = "/v1/workspaces/{id}/key-policy"
	register(a, h, "GET", path, "get-key-policy", "What a workspace asks of all its keys", 200, a.getKeyPolicy)
	register(a, h, "PUT", path, "put-key-policy", "Decide what a workspace asks of all its keys", 200, a.putKeyPolicy)
}

func (a *api) getKeyPolicy(ctx context.Context, in *getKeyPolicy) (*answer[KeyPolicy], error) {
	return keyPolicyAnswer(a.cfg.Keys.Policy(ctx, principal(ctx), authz.WorkspaceID(in.ID)))
}

func (a *api) putKeyPolicy(ctx context.Context, in *putKeyPolicy) (*answer[KeyPolicy], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	want := authz.KeyPolicy{WorkspaceID: authz.WorkspaceID(in.ID), EnforceRotation: in.Body.EnforceRotation}
	if want.UnusedAfter, err = durationIn("disable_unused_after", in.Body.DisableUnusedAfter.Value); err != nil {
		return nil, err
	}
	return keyPolicyAnswer(a.cfg.Keys.SetPolicy(ctx, principal(ctx), authz.OriginFrom(ctx), want, revision))
}

func keyPolicyAnswer(p authz.KeyPolicy, err error) (*answer[KeyPolicy], error) {
	if err != nil {
		return nil, err
	}
	return tagged(KeyPolicy{
		EnforceRotation: p.EnforceRotation, DisableUnusedAfter: apikey.FormatDuration(p.UnusedAfter), Revision: p.Revision, UpdatedAt: stamp(p.UpdatedAt),
	}, p.Revision), nil
}

// durationIn reads the duration of a member; nothing is zero.
func durationIn(member, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := apikey.ParseDuration(text)
	if err != nil {
		return 0, authz.NewError(authz.Invalid, "invalid_request", member+": must be a duration such as P90D or PT72H.")
	}
	return d, nil
}
