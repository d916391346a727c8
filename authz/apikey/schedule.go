package apikey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// scheduler is who replaces and disables keys when their time has come.
const scheduler = "schedule"

// Reasons why a key is replaced or disabled that nobody asked for.
const (
	reasonSchedule = "scheduled"
	reasonPolicy   = "workspace_policy"
	reasonProfile  = "issuer_rule"
	reasonUnused   = "unused"
)

// Bounds of a key's own schedule.
const (
	minInterval = day
	maxInterval = 3660 * day
)

var errInterval = invalid("rotation.interval", "must be a day or more, longer than the grace, and at most 3660 days, such as P90D")

// validInterval checks a schedule; zero is none. A key is not due again while
// the one it replaced is valid.
func (k *Keys) validInterval(d time.Duration) error {
	if d != 0 && (d < minInterval || d > maxInterval || d <= k.cfg.Grace || d%time.Second != 0) {
		return errInterval
	}
	return nil
}

// scheduled is the key with a schedule of its own, counted from when it was made.
func scheduled(key authz.APIKey, every time.Duration) authz.APIKey {
	key.RotateEvery, key.RotateAt = every, time.Time{}
	if every > 0 && key.Successor == "" {
		key.RotateAt = key.CreatedAt.Add(every)
	}
	return key
}

// dueAt is when a key is replaced: by its own schedule, the policy of its
// workspace or the rule of the issuer, whichever comes first. Zero for never.
func (k *Keys) dueAt(key authz.APIKey, enforced bool) time.Time {
	if key.Successor != "" || !key.State.Usable() {
		return time.Time{}
	}
	due := key.RotateAt
	soonest := func(every time.Duration) {
		if at := key.CreatedAt.Add(every); every > 0 && (due.IsZero() || at.Before(due)) {
			due = at
		}
	}
	soonest(k.cfg.RotateAll)
	if enforced {
		soonest(k.cfg.Enforceable)
	}
	return due
}

const (
	dueBatch = 100
	// dueBatches bounds one step of the job; what is left is the next one's.
	dueBatches = 50
)

// RotateDue replaces every key whose time has come, of the issuer, and says how
// many. Nobody is given the new texts: they wait, sealed, for the old keys to
// claim them while those are valid. It is one step of a job, and may run on
// several nodes at once: of those who replace one key one succeeds.
func (k *Keys) RotateDue(ctx context.Context) (int, error) {
	lists := []struct {
		reason string
		every  time.Duration
		list   func(ctx context.Context, now time.Time) ([]authz.APIKey, error)
	}{
		{reasonSchedule, -1, func(ctx context.Context, now time.Time) ([]authz.APIKey, error) {
			return k.cfg.Store.KeysDueAcrossWorkspaces(ctx, k.cfg.Issuer, now, dueBatch)
		}},
		{reasonPolicy, k.cfg.Enforceable, func(ctx context.Context, now time.Time) ([]authz.APIKey, error) {
			return k.cfg.Store.KeysEnforcedAcrossWorkspaces(ctx, k.cfg.Issuer, now, now.Add(-k.cfg.Enforceable), dueBatch)
		}},
		{reasonProfile, k.cfg.RotateAll, func(ctx context.Context, now time.Time) ([]authz.APIKey, error) {
			return k.cfg.Store.KeysOlderAcrossWorkspaces(ctx, k.cfg.Issuer, now, now.Add(-k.cfg.RotateAll), dueBatch)
		}},
	}
	total := 0
	var errs []error
	for _, l := range lists {
		if l.every == 0 {
			continue // not asked for
		}
		n, err := k.rotateListed(ctx, l.reason, l.list)
		total, errs = total+n, append(errs, err)
	}
	return total, errors.Join(errs...)
}

// rotateListed replaces keys of a list, until it is empty or nothing of it can
// be replaced.
func (k *Keys) rotateListed(ctx context.Context, reason string, list func(context.Context, time.Time) ([]authz.APIKey, error)) (int, error) {
	total := 0
	for range dueBatches {
		now := k.cfg.Clock.Now()
		keys, err := list(ctx, now)
		if err != nil {
			return total, fmt.Errorf("rotating API keys: %w", err)
		}
		done := 0
		var failed error
		for _, key := range keys {
			switch err := k.rotateOne(ctx, key, reason, now); {
			case err == nil:
				done++
			case ctx.Err() != nil:
				return total + done, fmt.Errorf("rotating API keys: %w", ctx.Err())
			case !passing(err):
				failed = err
			}
		}
		if total += done; done == 0 || len(keys) < dueBatch {
			return total, failed
		}
	}
	return total, nil
}

func (k *Keys) rotateOne(ctx context.Context, key authz.APIKey, reason string, now time.Time) error {
	by := authz.Principal{Issuer: k.cfg.Issuer, Subject: scheduler}
	_, err := k.replace(ctx, plan{by: by, old: key, now: now, reason: reason})
	return err
}

// passing reports whether a key was merely changed, replaced or suspended since
// it was listed.
func passing(err error) bool {
	kind := authz.KindOf(err)
	return kind == authz.Stale || kind == authz.Conflict || kind == authz.NotFound
}
