package api

import (
	"cmp"
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// Rotation is a schedule, and what becomes of the new text.
type Rotation struct {
	Interval string `json:"interval,omitempty" minLength:"3" maxLength:"20" doc:"Such as P90D: longer than the grace, at least a day; absent: no schedule of its own."`
	Delivery string `json:"delivery,omitempty" maxLength:"64" doc:"How the new text reaches whoever uses the key. claim, or absent: the old key claims it at …/{id}/rotate while it is valid. The id of a key destination: it is brought there, and can be claimed until it has arrived."`
}

// claimed is the delivery of a key whose successor waits for the old key.
const claimed = "claim"

func viewRotation(k authz.APIKey) *Rotation {
	if k.RotateEvery == 0 && k.Delivery == "" {
		return nil
	}
	return &Rotation{Interval: apikey.FormatDuration(k.RotateEvery), Delivery: cmp.Or(string(k.Delivery), claimed)}
}

// delivery is where the text is brought; empty for nowhere.
func (r *Rotation) delivery() authz.DestinationID {
	if r == nil || r.Delivery == claimed {
		return ""
	}
	return authz.DestinationID(r.Delivery)
}

// every is the interval; zero without a schedule.
func (r *Rotation) every() (time.Duration, error) {
	if r == nil {
		return 0, nil
	}
	return durationIn("rotation.interval", r.Interval)
}

// changes are what a change of a key says of its rotation: what is absent stays,
// and without any member both are taken away.
func (r *Rotation) changes() (every *time.Duration, to *authz.DestinationID, err error) {
	interval, err := r.every()
	if err != nil {
		return nil, nil, err
	}
	nothing := *r == (Rotation{})
	if nothing || r.Interval != "" {
		every = &interval
	}
	if nothing || r.Delivery != "" {
		named := r.delivery()
		to = &named
	}
	return every, to, nil
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
