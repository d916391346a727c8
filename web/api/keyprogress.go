package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// KeyInRotation is one of the two keys of a rotation.
type KeyInRotation struct {
	ID         string      `json:"id"`
	Prefix     string      `json:"prefix"`
	Status     string      `json:"status" enum:"active,grace,disabled,revoked,expired"`
	GraceUntil string      `json:"grace_until,omitempty"`
	LastUsedAt string      `json:"last_used_at,omitempty"`
	LastUsedIP string      `json:"last_used_ip,omitempty"`
	Callers    []KeyCaller `json:"callers,omitempty" doc:"From where a replaced key was used since it was, the latest first: at most 64 addresses."`
}

// KeyCaller is an address that a key is used from.
type KeyCaller struct {
	IP          string `json:"ip"`
	FirstSeenAt string `json:"first_seen_at"`
	LastSeenAt  string `json:"last_seen_at"`
}

// KeyDelivery is how far the new text is on its way to a destination.
type KeyDelivery struct {
	DestinationID string `json:"destination_id"`
	Status        string `json:"status" enum:"pending,delivered,dead"`
	Attempts      int    `json:"attempts"`
	NextAttemptAt string `json:"next_attempt_at,omitempty"`
	LastError     string `json:"last_error,omitempty"`
	DeliveredAt   string `json:"delivered_at,omitempty"`
	KeptUntil     string `json:"kept_until,omitempty" doc:"Until when what did not arrive can be brought again."`
}

// KeyProgress is how far the rotation of a key is.
type KeyProgress struct {
	Old       *KeyInRotation `json:"old,omitempty" doc:"The key that was replaced; absent once it was purged."`
	Successor *KeyInRotation `json:"successor,omitempty"`
	Text      string         `json:"text" enum:"none,waiting,handed_out,gone" doc:"Whether the new text waits for the old key to claim it, was given to somebody, or was given to nobody and is gone; none of a key that was not replaced and replaced none."`
	HandedTo  string         `json:"handed_to,omitempty" doc:"The key, subject or destination that was given the new text."`
	Delivery  *KeyDelivery   `json:"delivery,omitempty"`
}

func (a *api) progressRoutes(h huma.API, path string) {
	register(a, h, http.MethodGet, path+"/{id}/rotation", "get-key-rotation",
		"How far the rotation of an API key is: who was given the new text, and who still uses the old key", http.StatusOK, a.keyProgress)
	register(a, h, http.MethodPost, path+"/{id}/deliver", "deliver-key",
		"Bring the text of an API key that replaced another to its destination again, where it did not arrive", http.StatusOK, a.deliverKey)
}

func (a *api) keyProgress(ctx context.Context, in *KeyPath) (*answer[KeyProgress], error) {
	by := principal(ctx)
	p, err := a.cfg.Keys.Progress(ctx, by, workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID))
	if err != nil {
		return nil, err
	}
	view := KeyProgress{Old: a.viewInRotation(p.Old), Successor: a.viewInRotation(p.New), Text: "gone"}
	if view.Old != nil {
		view.Old.Callers = viewCallers(p.Callers)
	}
	if p.New != nil {
		view.HandedTo = p.New.HandedTo
		row, err := a.cfg.Deliveries.Of(ctx, by, p.New.WorkspaceID, p.New.ID)
		switch {
		case err == nil:
			view.Delivery = viewDelivery(row)
		case !errors.Is(err, authz.ErrNotFound) && authz.KindOf(err) != authz.Forbidden: // a key reads of itself what it may
			return nil, err
		}
	}
	switch {
	case p.Old == nil && p.New == nil:
		view.Text = "none"
	case p.Waits:
		view.Text = "waiting"
	case view.HandedTo != "":
		view.Text = "handed_out"
	}
	return answered(view), nil
}

func (a *api) viewInRotation(k *authz.APIKey) *KeyInRotation {
	if k == nil {
		return nil
	}
	return &KeyInRotation{
		ID: string(k.ID), Prefix: k.Prefix, Status: k.StatusAt(a.cfg.Clock.Now()), GraceUntil: stamp(k.GraceUntil),
		LastUsedAt: stamp(k.LastUsedAt), LastUsedIP: k.LastUsedIP,
	}
}

func viewDelivery(d authz.KeyDelivery) *KeyDelivery {
	view := &KeyDelivery{
		DestinationID: string(d.Destination), Status: string(d.State), Attempts: d.Attempts, LastError: d.LastError, DeliveredAt: stamp(d.DeliveredAt),
	}
	if d.State == authz.DeliveryPending {
		view.NextAttemptAt = stamp(d.NextAttempt)
	}
	if d.State != authz.DeliveryDelivered {
		view.KeptUntil = stamp(d.ExpiresAt)
	}
	return view
}

// POST …/{id}/deliver: the id is that of the new key.
func (a *api) deliverKey(ctx context.Context, in *KeyPath) (*answer[KeyDelivery], error) {
	row, err := a.cfg.Deliveries.Repeat(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), authz.KeyID(in.ID))
	if err != nil {
		return nil, err
	}
	return answered(*viewDelivery(row)), nil
}
