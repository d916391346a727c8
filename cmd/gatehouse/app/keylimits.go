package app

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/config"
)

// keyWindow is what the limits of tiers count within.
const keyWindow = time.Minute

// keyLimits counts the uses of an issuer's keys against their tiers.
type keyLimits struct {
	window *ratelimit.Window
	tiers  map[string]int
}

func (a *App) newKeyLimits(cfg config.Keys) (*keyLimits, error) {
	window, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: keyWindow, Clock: a.clock})
	if err != nil {
		return nil, err
	}
	return &keyLimits{window: window, tiers: cfg.Tiers}, nil
}

// Take counts one use of the key. A tier that was taken out of the
// configuration is the default one.
func (l *keyLimits) Take(_ context.Context, key authz.KeyID, tier string) authz.Quota {
	limit, ok := l.tiers[tier]
	if !ok {
		limit = l.tiers[defaultTier]
	}
	return l.window.Take(string(key), limit)
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
