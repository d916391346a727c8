package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// warnBefore is how long before the end of a grace its people are told.
const warnBefore = day

// toldOfEnd is what an event says of a key whose grace is about to end.
type toldOfEnd struct {
	told
	// Claimed says that the successor's text was fetched.
	Claimed    bool   `json:"claimed"`
	LastUsedAt string `json:"last_used_at,omitempty"`
	LastUsedIP string `json:"last_used_ip,omitempty"`
}

// WarnOfEnds tells, once and a day before, of every grace that is about to end:
// whether the successor was claimed, and when and from where the old key was
// used last. It says how many, and is one step of a job.
func (k *Keys) WarnOfEnds(ctx context.Context) (int, error) {
	total := 0
	for range dueBatches {
		now := k.cfg.Clock.Now()
		keys, err := k.cfg.Store.KeysEndingAcrossWorkspaces(ctx, k.cfg.Issuer, now, now.Add(warnBefore), dueBatch)
		if err != nil {
			return total, fmt.Errorf("warning of the ends of API keys: %w", err)
		}
		done := 0
		for _, key := range keys {
			moved, err := k.warn(ctx, key, now)
			if err != nil {
				return total + done, fmt.Errorf("warning of the ends of API keys: %w", err)
			}
			if moved {
				done++
			}
		}
		if total += done; done == 0 || len(keys) < dueBatch {
			break
		}
	}
	return total, nil
}

func (k *Keys) warn(ctx context.Context, key authz.APIKey, now time.Time) (moved bool, err error) {
	claimed, err := k.isClaimed(ctx, key, now)
	if err != nil {
		return false, err
	}
	err = k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if moved, err = k.cfg.Store.WarnOfKey(ctx, key); err != nil || !moved {
			return err
		}
		entry := k.entry(key, authz.Origin{}, typeEnding, now)
		entry.Result, entry.Actor, entry.Details["claimed"] = authz.Success, scheduler, claimed
		if err := k.cfg.Store.AppendAudit(ctx, entry); err != nil {
			return err
		}
		event := toldOfEnd{told: toldOf(key, scheduler, now), Claimed: claimed, LastUsedAt: moment(key.LastUsedAt), LastUsedIP: key.LastUsedIP}
		event.SuccessorID, event.GraceUntil = key.Successor, moment(key.GraceUntil)
		return k.cfg.Outbox.Append(ctx, key.WorkspaceID, typeEnding, now, event)
	})
	return moved && err == nil, err
}

// isClaimed reports whether the text of a key's successor was fetched: it does
// not wait any more.
func (k *Keys) isClaimed(ctx context.Context, key authz.APIKey, now time.Time) (bool, error) {
	waiting, err := k.cfg.Store.GetKeyClaim(ctx, key.Issuer, key.WorkspaceID, key.Successor, now)
	if errors.Is(err, authz.ErrNotFound) {
		return true, nil
	}
	return waiting.ClaimedBy != "", err
}
