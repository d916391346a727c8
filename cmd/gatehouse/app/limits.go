package app

import (
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/web"
)

// newLimits makes the limits of the endpoints; none when they are switched off.
func (a *App) newLimits() (web.Limits, error) {
	cfg := a.options.Config.Limits
	var limits web.Limits
	if !cfg.Enabled {
		return limits, nil
	}
	for _, l := range []struct {
		from config.Limit
		to   *web.Limit
	}{{cfg.Token, &limits.Token}, {cfg.Introspect, &limits.Introspect}, {cfg.Authorize, &limits.Authorize}, {cfg.Login, &limits.Login}, {cfg.Registration, &limits.Registration}, {cfg.Leaks, &limits.Leaks}} {
		var err error
		if l.to.PerAddress, err = a.newLimiter(l.from.PerAddress); err != nil {
			return limits, err
		}
		if l.to.PerClient, err = a.newLimiter(l.from.PerClient); err != nil {
			return limits, err
		}
	}
	return limits, nil
}

func (a *App) newLimiter(r config.Rate) (web.Limiter, error) {
	return ratelimit.New(ratelimit.Config{PerSecond: r.PerSecond, Burst: r.Burst, Clock: a.clock})
}
