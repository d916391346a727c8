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
	// tellLeakEvery is how often the people of a key are told of one source.
	tellLeakEvery = time.Hour
	maxLeakURL    = 500
	leakActor     = "leak_policy"
)

// ReportLeak records that whoever calls holds the text of a key, tells its
// people and does what the policy says to a key that is live. It reports whether
// the text is a key of this issuer, whatever its state. Its people are told of
// each source once, and once an hour after. Too many wrong secrets for one id are
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
// How often its people are told is bounded; what is done is not: it goes by the
// state of the key alone, or a report while it was disabled would hush up the
// next one.
func (k *Keys) leaked(ctx context.Context, from authz.Origin, key authz.APIKey, src LeakSource) error {
	now := k.cfg.Clock.Now()
	policy := k.cfg.Leaks[key.Environment]
	err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		key, err := k.cfg.Store.HoldAPIKey(ctx, key.Issuer, key.WorkspaceID, key.ID)
		if err != nil {
			return err
		}
		live := key.UsableAt(now)
		fused := policy.Action == DisableLeaked && policy.Fuse > 0
		leak := authz.KeyLeak{
			Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, KeyID: key.ID, Source: src.Kind, FirstAt: now, ToldAt: now, Reports: 1,
		}
		if live && fused {
			leak.DisableAt = whole(now.Add(policy.Fuse))
		}
		leak, tell, err := k.cfg.Store.RecordKeyLeak(ctx, leak, now.Add(-tellLeakEvery))
		if err != nil {
			return err
		}
		if tell {
			if err := k.recordLeak(ctx, from, key, leak, src, now); err != nil {
				return err
			}
		}
		if !live || fused {
			return nil
		}
		return k.contain(ctx, from, key, policy.action(), now)
	})
	if err != nil {
		return fmt.Errorf("recording the leak of an API key: %w", err)
	}
	return nil
}

// reasonHeir is why a key is ended that did not leak itself.
const reasonHeir = "predecessor_leaked"

// contain ends a key that leaked, and the keys that whoever found it may hold:
// a key makes its one successor, so that of a key whose text was handed to the
// one that leaked nobody knows who else has it. A successor that waits for the
// key to claim it waits no more. It belongs into a transaction that holds the
// key; ErrStale says that another changed it meanwhile.
func (k *Keys) contain(ctx context.Context, from authz.Origin, key authz.APIKey, action LeakAction, now time.Time) error {
	if action == NotifyOfLeak {
		return nil
	}
	a := act{by: authz.Principal{Issuer: k.cfg.Issuer, Subject: leakActor}, from: from, now: now}
	for range maxSuccessors {
		if err := k.endLeaked(ctx, a, key, action); err != nil || key.Successor == "" {
			return err
		}
		next, err := k.cfg.Store.HoldAPIKey(ctx, key.Issuer, key.WorkspaceID, key.Successor)
		if errors.Is(err, authz.ErrNotFound) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the successor of a leaked API key: %w", err)
		}
		handed := next.HandedTo == string(key.ID)
		if handed || next.HandedTo == "" {
			if err := k.cfg.Store.DropKeyClaim(ctx, next.Issuer, next.WorkspaceID, next.ID); err != nil {
				return err
			}
		}
		if !handed {
			return nil
		}
		key, a.reason = next, reasonHeir
	}
	return nil
}

// endLeaked revokes or disables a key that is not dead already.
func (k *Keys) endLeaked(ctx context.Context, a act, key authz.APIKey, action LeakAction) error {
	var err error
	switch {
	case action == RevokeLeaked && key.State != authz.Revoked && key.StatusAt(a.now) != authz.StatusExpired:
		_, err = k.revoke(ctx, a, key)
	case action == DisableLeaked && key.UsableAt(a.now):
		after := key
		after.State = authz.Disabled
		_, err = k.settleChange(ctx, a, key, after)
	}
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
	data.SuccessorID, data.Severity = key.Successor, severityLeak
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
		err := k.cfg.Store.InTx(ctx, func(ctx context.Context) error {
			key, err := k.cfg.Store.HoldAPIKey(ctx, leak.Issuer, leak.WorkspaceID, leak.KeyID)
			gone := errors.Is(err, authz.ErrNotFound)
			if err != nil && !gone {
				return err
			}
			moved, err = k.cfg.Store.ClearFuse(ctx, leak.Issuer, leak.WorkspaceID, leak.KeyID, now)
			if err != nil || !moved || gone {
				return err
			}
			return k.contain(ctx, authz.Origin{}, key, DisableLeaked, now)
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
