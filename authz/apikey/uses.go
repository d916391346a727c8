package apikey

import (
	"context"
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	useShards = 64
	// maxUses bounds the keys whose last use waits to be written.
	maxUses = 50_000
	// maxUseCallers bounds the addresses of one key that wait to be written.
	maxUseCallers = 8
	// useBatch bounds what is written in one transaction.
	useBatch = 500
)

// uses remembers when keys were used last, until it is written down: no request
// writes for it. When it is full, keys that are not in it yet are passed over
// until it has been written; each is used again.
type uses struct {
	seed   maphash.Seed
	shards [useShards]useShard
}

type useShard struct {
	mu   sync.Mutex
	last map[authz.KeyID]authz.KeyUse
}

func newUses() *uses {
	u := &uses{seed: maphash.MakeSeed()}
	for i := range u.shards {
		u.shards[i].last = make(map[authz.KeyID]authz.KeyUse)
	}
	return u
}

func (u *uses) shard(id authz.KeyID) *useShard {
	return &u.shards[maphash.String(u.seed, string(id))%useShards]
}

// note keeps the later of two uses. Where a use does not say where it came from,
// the last one that did still does.
func (u *uses) note(use authz.KeyUse) {
	s := u.shard(use.KeyID)
	s.mu.Lock()
	defer s.mu.Unlock()
	before, known := s.last[use.KeyID]
	switch {
	case !known && len(s.last) >= maxUses/useShards:
		return
	case known && before.At.After(use.At):
		before, use = use, before
	}
	use.Callers = calling(before, use)
	if use.IP == "" || use.IP == before.IP {
		use.IP = before.IP
	} else {
		use.IP = strings.Clone(use.IP) // it may be part of a whole request
	}
	s.last[use.KeyID] = use
}

// calling are the addresses that both uses know of.
func calling(before, use authz.KeyUse) []authz.KeyCaller {
	known := before.Callers
	for _, c := range use.Callers {
		known = seen(known, c)
	}
	for _, u := range [...]authz.KeyUse{before, use} {
		if u.IP != "" {
			known = seen(known, authz.KeyCaller{IP: u.IP, FirstAt: u.At, LastAt: u.At})
		}
	}
	return known
}

func seen(known []authz.KeyCaller, c authz.KeyCaller) []authz.KeyCaller {
	for i := range known {
		if k := &known[i]; k.IP == c.IP {
			if c.FirstAt.Before(k.FirstAt) {
				k.FirstAt = c.FirstAt
			}
			if c.LastAt.After(k.LastAt) {
				k.LastAt = c.LastAt
			}
			return known
		}
	}
	if len(known) >= maxUseCallers {
		return known // the next round has room again
	}
	c.IP = strings.Clone(c.IP)
	return append(known, c)
}

// take empties it.
func (u *uses) take() []authz.KeyUse {
	var all []authz.KeyUse
	for i := range u.shards {
		s := &u.shards[i]
		s.mu.Lock()
		for _, use := range s.last {
			all = append(all, use)
		}
		clear(s.last)
		s.mu.Unlock()
	}
	// In one order everywhere: nodes that write the same rows do not wait for each
	// other in a circle.
	slices.SortFunc(all, func(a, b authz.KeyUse) int { return strings.Compare(string(a.KeyID), string(b.KeyID)) })
	return all
}

// Used notes that a key, or a token of it, was used a moment ago, from an address
// that may be unknown. It is cheap, and lost if the process dies before
// WriteUses.
func (k *Keys) Used(id authz.KeyID, ip string) {
	if id != "" {
		k.uses.note(authz.KeyUse{KeyID: id, At: k.cfg.Clock.Now(), IP: ip})
	}
}

// WriteUses writes down the uses that were noted since the last time. It is one
// step of a job; what could not be written is kept for the next.
func (k *Keys) WriteUses(ctx context.Context) error {
	all := k.uses.take()
	for batch := range slices.Chunk(all, useBatch) {
		if err := k.cfg.Store.NoteAPIKeyUses(ctx, k.cfg.Issuer, batch); err != nil {
			for _, use := range all {
				k.uses.note(use) // those that were written are written again
			}
			return fmt.Errorf("writing down uses of API keys: %w", err)
		}
	}
	return nil
}

// DisableUnused disables the active keys of the workspaces that ask for it, once
// they were not used for as long, and says how many. It is one step of a job.
func (k *Keys) DisableUnused(ctx context.Context) (int, error) {
	total := 0
	var after authz.WorkspaceID
	for {
		policies, err := k.cfg.Store.UnusedKeyPoliciesAcrossWorkspaces(ctx, k.cfg.Issuer, after, dueBatch)
		if err != nil {
			return total, fmt.Errorf("disabling unused API keys: %w", err)
		}
		for _, p := range policies {
			n, err := k.disableUnused(ctx, p)
			if total += n; err != nil {
				return total, fmt.Errorf("disabling unused API keys: %w", err)
			}
			after = p.WorkspaceID
		}
		if len(policies) < dueBatch {
			return total, nil
		}
	}
}

func (k *Keys) disableUnused(ctx context.Context, p authz.KeyPolicy) (int, error) {
	total := 0
	for range dueBatches {
		now := k.cfg.Clock.Now()
		keys, err := k.cfg.Store.ListAPIKeys(ctx, p.Issuer, p.WorkspaceID, unusedFor(p.UnusedAfter, now), authz.Page{Limit: dueBatch})
		if err != nil {
			return total, err
		}
		done := 0
		for _, key := range keys {
			off := key
			off.State = authz.Disabled
			a := act{by: authz.Principal{Issuer: k.cfg.Issuer, Subject: scheduler}, now: now, reason: reasonUnused}
			if _, err := k.settleChange(ctx, a, key, off); err != nil && !passing(err) {
				return total + done, err
			} else if err == nil {
				done++
			}
		}
		if total += done; done == 0 || len(keys) < dueBatch {
			return total, nil
		}
	}
	return total, nil
}

// unusedFor finds the active keys that nobody used for as long.
func unusedFor(d time.Duration, now time.Time) authz.KeyFilter {
	return authz.KeyFilter{Now: now, Status: string(authz.Active), UnusedSince: now.Add(-d)}
}
