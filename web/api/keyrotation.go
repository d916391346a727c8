package api

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// Rotation is a schedule.
type Rotation struct {
	Interval string `json:"interval" minLength:"3" maxLength:"20" doc:"Such as P90D: longer than the grace, at least a day."`
	Delivery string `json:"delivery,omitempty" enum:"claim" doc:"How the new text reaches whoever uses the key: the old key claims it at …/{id}/rotate while it is valid."`
}

func viewRotation(k authz.APIKey) *Rotation {
	if k.RotateEvery == 0 {
		return nil
	}
	return &Rotation{Interval: apikey.FormatDuration(k.RotateEvery), Delivery: "claim"}
}

// every is the interval; zero without a schedule.
func (r *Rotation) every() (time.Duration, error) {
	if r == nil {
		return 0, nil
	}
	return durationIn("rotation.interval", r.Interval)
}

// Replaced is a key that has a successor, and how long it is still valid.
type Replaced struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	GraceUntil string `json:"grace_until"`
}

// RotatedKey is a key that replaces another. Its text is in the answers to
// whoever rotated the old one, for some minutes, and nowhere else.
type RotatedKey struct {
	Key
	Replaces Replaced `json:"replaces"`
}

type rotateKey struct {
	KeyPath
	Body *struct {
		Grace string `json:"grace,omitempty" maxLength:"20" doc:"How long the old key stays valid, such as PT24H, at most P30D; absent: the issuer's default."`
	}
}

// POST …/{id}/rotate: by whoever could mint the key, or by the key itself.
func (a *api) rotateKey(ctx context.Context, in *rotateKey) (*answer[RotatedKey], error) {
	var rotation apikey.Rotation
	if in.Body != nil && in.Body.Grace != "" {
		grace, err := durationIn("grace", in.Body.Grace)
		if err != nil {
			return nil, err
		}
		rotation.Grace = &grace
	}
	done, err := a.cfg.Keys.Rotate(ctx, principal(ctx), authz.OriginFrom(ctx), workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID), rotation)
	if err != nil {
		return nil, err
	}
	old := a.viewKey(done.Replaced)
	view := RotatedKey{Key: a.viewKey(done.Key), Replaces: Replaced{ID: old.ID, Status: old.Status, GraceUntil: old.GraceUntil}}
	view.Key.Key = done.Text.Reveal()
	return tagged(view, done.Key.Revision), nil
}
