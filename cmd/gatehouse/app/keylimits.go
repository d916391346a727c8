package app

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit/shared"
	"github.com/gatehouse-auth/gatehouse/config"
)

// keyWindow is what the limits of tiers count within.
const keyWindow = time.Minute

// keyLimits counts the uses of an issuer's keys against their tiers.
type keyLimits struct {
	window *shared.Window
	tiers  map[string]int
}

func (a *App) newKeyLimits(name authz.IssuerName, cfg config.Keys) (*keyLimits, error) {
	local, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: keyWindow, Clock: a.clock})
	if err != nil {
		return nil, err
	}
	window, err := shared.NewWindow(shared.WindowConfig{Server: a.together, Name: string(name), Local: local, Nodes: a.peers.count})
	if err != nil {
		return nil, err
	}
	return &keyLimits{window: window, tiers: cfg.Tiers}, nil
}

// Take counts one use of the key.
func (l *keyLimits) Take(ctx context.Context, key authz.KeyID, tier string) authz.Quota {
	return l.window.Take(ctx, string(key), l.of(tier))
}

// Peek says what Take would, and counts nothing.
func (l *keyLimits) Peek(ctx context.Context, key authz.KeyID, tier string) authz.Quota {
	return l.window.Peek(ctx, string(key), l.of(tier))
}

// of is the limit of a tier; one that was taken out of the configuration is the
// default one.
func (l *keyLimits) of(tier string) int {
	if limit, ok := l.tiers[tier]; ok {
		return limit
	}
	return l.tiers[defaultTier]
}

// counted refuses one use too many of a key at the API.
func (l *keyLimits) counted(ctx context.Context, key authz.KeyID, tier string) error {
	if key == "" {
		return nil
	}
	if q := l.Take(ctx, key, tier); !q.Allowed {
		return q.Exceeded()
	}
	return nil
}
