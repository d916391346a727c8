package app

import (
	"crypto/tls"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit/shared"
	"github.com/gatehouse-auth/gatehouse/config"
)

// newShared makes what counts the uses of keys for all nodes; nil without a
// server for it.
func (a *App) newShared(cfg config.SharedLimits) (*shared.Server, error) {
	if cfg.Address == "" {
		return nil, nil //nolint:nilnil // each node counts by itself
	}
	var transport *tls.Config
	if cfg.TLS {
		pool, err := authorities("limits.shared.ca_file", cfg.CAFile)
		if err != nil {
			return nil, err
		}
		transport = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: pool}
	}
	return shared.NewServer(shared.ServerConfig{
		Address: cfg.Address, TLS: transport, Username: cfg.Username, Password: authz.Secret(cfg.Password.Reveal()),
		KeyPrefix: cfg.KeyPrefix, Length: keyWindow, Clock: windowClock(a.clock), Logger: a.options.Logger,
	})
}

// measureLimits lets operators see who counts the uses of keys.
func (a *App) measureLimits() {
	a.metrics.Gauge("gatehouse_live_nodes", "Nodes that share one database.", func() float64 { return float64(a.peers.count()) })
	a.metrics.Gauge("gatehouse_shared_limits_connected", "Whether the uses of keys are counted for all nodes together.", func() float64 {
		if a.together != nil && a.together.Connected() {
			return 1
		}
		return 0
	})
	a.metrics.Counter("gatehouse_key_uses_counted_together_total", "Uses of keys that were counted for all nodes.",
		a.sumOfLimits((*shared.Window).Together))
	a.metrics.Counter("gatehouse_key_uses_counted_alone_total", "Uses of keys that this node counted by itself, against its share of the limit.",
		a.sumOfLimits((*shared.Window).Alone))
}

func (a *App) sumOfLimits(of func(*shared.Window) uint64) func() float64 {
	return func() float64 {
		var n uint64
		for _, i := range a.Issuers {
			n += of(i.limits.window)
		}
		return float64(n)
	}
}
