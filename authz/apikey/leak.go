package apikey

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// LeakAction is what happens to a key that is known to have leaked.
type LeakAction string

// The actions. Its people are told in any case.
const (
	NotifyOfLeak LeakAction = "notify"
	// DisableLeaked makes the key one that can be enabled again.
	DisableLeaked LeakAction = "disable"
	RevokeLeaked  LeakAction = "revoke"
)

// LeakPolicy is what happens to the leaked keys of an environment.
type LeakPolicy struct {
	Action LeakAction // empty means NotifyOfLeak
	// Fuse is how long after the first report a key is disabled; 0 for at once.
	Fuse time.Duration
}

// LeakSource is how a leak became known.
type LeakSource struct {
	// Kind is "report", "github", "url" or "browser".
	Kind string
	// URL is where the key was seen, if somebody said so.
	URL string
}

const (
	// tellLeakEvery is how often the people of a key are told of the same leak.
	tellLeakEvery = time.Hour
	maxLeakURL    = 500
	leakActor     = "leak_policy"
)

// ReportLeak records that whoever calls holds the text of a key, tells its
// people and does what the policy says. It reports whether the text is a key of
// this issuer, whatever its state. Of one key only the first report, and one an
// hour after, says anything new. Too many wrong secrets for one id are
// RateLimited; inability to decide is Unavailable.
func (k *Keys) ReportLeak(ctx context.Context, from authz.Origin, text authz.Secret, src LeakSource) (known bool, err error) {
	key, err := k.proven(ctx, text)
	if err != nil {
		if kind := authz.KindOf(err); kind == authz.Unauthenticated || kind == authz.NotFound {
			return false, nil // what is no key has not leaked
		}
		return false, err
	}
	for range changeTries {
		if err = k.leaked(ctx, from, key, src); !errors.Is(err, authz.ErrStale) {
			return true, err
		}
	}
	return true, errBusy
}

// proven finds the key in any state whose text it is.
func (k *Keys) proven(ctx context.Context, text authz.Secret) (authz.APIKey, error) {
	now := k.cfg.Clock.Now()
	t, err := Parse(text)
	if err != nil {
		l := k.layout(text)
		if l == nil {
			return authz.APIKey{}, errInactive
		}
		imported, key, _, err := k.findImported(ctx, l, text)
		if err != nil {
			return authz.APIKey{}, err
		}
		return key, k.proveImported(ctx, key, imported, text, now)
	}
	if t.Brand != k.cfg.Prefix || !t.Tagged(k.cfg.TagKeys) {
		return authz.APIKey{}, errInactive
	}
	key, _, err := k.cfg.Store.GetAPIKeyAcrossWorkspaces(ctx, k.cfg.Issuer, t.KeyID)
	if err != nil {
		return authz.APIKey{}, err
	}
	if key.Environment != t.Environment {
		return authz.APIKey{}, errInactive
	}
	return key, k.prove(ctx, key, text, now)
}

// leaked writes what is new about a leak, and acts on it, in one transaction.
func (k *Keys) leaked(ctx context.Context, from authz.Origin, key authz.APIKey, src LeakSource) error {
	now := k.cfg.Clock.Now()
	policy := k.cfg.Leaks[key.Environment]
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		key, err := k.cfg.Store.GetAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID)
		if err != nil {
			return err
		}
		live := key.UsableAt(now)
		leak := authz.KeyLeak{
			Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, KeyID: key.ID, Source: src.Kind, FirstAt: now, ToldAt: now, Reports: 1,
		}
		if live && policy.Action == DisableLeaked && policy.Fuse > 0 {
			leak.DisableAt = whole(now.Add(policy.Fuse))
		}
		leak, fresh, err := k.cfg.Store.RecordKeyLeak(ctx, leak, now.Add(-tellLeakEvery))
		if err != nil || !fresh {
			return err
		}
		if err := k.recordLeak(ctx, from, key, leak, src, now); err != nil || !live {
			return err
		}
		switch {
		case policy.Action == RevokeLeaked:
			_, err = k.revoke(ctx, k.leakPrincipal(), from, key)
		case policy.Action == DisableLeaked && policy.Fuse <= 0:
			err = k.disableLeaked(ctx, from, key, now)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("recording the leak of an API key: %w", err)
	}
	return nil
}

func (k *Keys) leakPrincipal() authz.Principal {
	return authz.Principal{Issuer: k.cfg.Issuer, Subject: leakActor}
}

// disableLeaked disables a key unless it is dead already. It belongs into a
// transaction; ErrStale says that the key changed meanwhile.
func (k *Keys) disableLeaked(ctx context.Context, from authz.Origin, key authz.APIKey, now time.Time) error {
	if !key.UsableAt(now) {
		return nil
	}
	after := key
	after.State = authz.Disabled
	_, err := k.settleChange(ctx, act{by: k.leakPrincipal(), from: from, now: now}, key, after)
	return err
}

// toldOfLeak is what an event says of a leaked key.
type toldOfLeak struct {
	told
	Source    string     `json:"source"`
	SeenAt    string     `json:"seen_at,omitempty"`
	Reports   int64      `json:"reports"`
	Action    LeakAction `json:"action"`
	DisableAt string     `json:"disable_at,omitempty"`
}

func (k *Keys) recordLeak(ctx context.Context, from authz.Origin, key authz.APIKey, leak authz.KeyLeak, src LeakSource, now time.Time) error {
	entry := k.entry(key, from, typeLeaked, now)
	entry.Result, entry.Reason = authz.Success, src.Kind
	data := toldOfLeak{
		told: toldOf(key, "", now), Source: src.Kind, SeenAt: seenAt(src.URL), Reports: leak.Reports, Action: k.cfg.Leaks[key.Environment].action(),
	}
	if !leak.DisableAt.IsZero() {
		data.DisableAt = leak.DisableAt.Format(time.RFC3339)
		entry.Details["disable_at"] = data.DisableAt
	}
	entry.Details["action"], entry.Details["status"] = string(data.Action), data.Status
	if data.SeenAt != "" {
		entry.Details["seen_at"] = data.SeenAt
	}
	if err := k.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return fmt.Errorf("auditing a leak: %w", err)
	}
	if err := k.cfg.Outbox.Append(ctx, key.WorkspaceID, typeLeaked, now, data); err != nil {
		return fmt.Errorf("telling of a leak: %w", err)
	}
	return nil
}

func (p LeakPolicy) action() LeakAction {
	if p.Action == "" {
		return NotifyOfLeak
	}
	return p.Action
}

// seenAt is where a key was seen, without a query or a user, which may hold a
// secret as well; nothing if the rest holds one.
func seenAt(raw string) string {
	u, err := url.Parse(raw)
	if raw == "" || len(raw) > maxLeakURL || err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return ""
	}
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	if len(Pick(u.Path)) > 0 || len(Pick(clean.String())) > 0 {
		return ""
	}
	return clean.String()
}

// fusesAtOnce bounds a round of BurnFuses.
const fusesAtOnce = 200

// BurnFuses disables the leaked keys whose time has come and returns how many.
// It is one step of a job: what is left is the next step's. Nodes that do it at
// once each disable what the others did not.
func (k *Keys) BurnFuses(ctx context.Context) (int, error) {
	now := k.cfg.Clock.Now()
	due, err := k.cfg.Store.ListKeyLeaksDueAcrossWorkspaces(ctx, k.cfg.Issuer, now, fusesAtOnce)
	if err != nil {
		return 0, fmt.Errorf("listing leaked keys: %w", err)
	}
	burnt := 0
	for _, leak := range due {
		moved := false
		err := k.cfg.Store.InTx(ctx, func(ctx context.Context) (err error) {
			moved, err = k.cfg.Store.ClearFuse(ctx, leak.Issuer, leak.WorkspaceID, leak.KeyID, now)
			if err != nil || !moved {
				return err
			}
			key, err := k.cfg.Store.GetAPIKey(ctx, leak.Issuer, leak.WorkspaceID, leak.KeyID)
			if errors.Is(err, authz.ErrNotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			return k.disableLeaked(ctx, authz.Origin{}, key, now)
		})
		if errors.Is(err, authz.ErrStale) {
			continue // the next step finds it as it then is
		}
		if err != nil {
			return burnt, fmt.Errorf("disabling a leaked key: %w", err)
		}
		if moved {
			burnt++
		}
	}
	return burnt, nil
}
