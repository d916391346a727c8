package app

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/leakreport"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/web"
)

// leakPolicies is what happens to the leaked keys of an issuer.
func leakPolicies(cfg config.KeyLeaks) map[authz.Environment]apikey.LeakPolicy {
	return map[authz.Environment]apikey.LeakPolicy{
		authz.Live: {Action: apikey.LeakAction(cfg.Live.Action), Fuse: cfg.Live.Fuse},
		authz.Test: {Action: apikey.LeakAction(cfg.Test.Action), Fuse: cfg.Test.Fuse},
	}
}

// newLeakPartner checks the reports of GitHub; nil where none are taken.
func (a *App) newLeakPartner(cfg config.Leaks) (web.LeakVerifier, error) {
	if cfg.GitHubKeysURL == "" {
		return nil, nil //nolint:nilnil // none of its reports are taken
	}
	return leakreport.NewPartner(leakreport.PartnerConfig{URL: cfg.GitHubKeysURL, HTTP: a.outside, Clock: a.clock})
}

// reportLeak acts on a leaked key of whichever issuer of this process: who finds
// one does not know where it belongs.
func (a *App) reportLeak(ctx context.Context, text authz.Secret, src apikey.LeakSource) (bool, error) {
	for _, name := range a.issuerNames() {
		known, err := a.Issuers[name].Keys.ReportLeak(ctx, authz.OriginFrom(ctx), text, src)
		if known || err != nil {
			return known, err
		}
	}
	return false, nil
}

// burnEvery is how long after its time a leaked key may still be enabled.
const burnEvery = 10 * time.Second

// burnOften disables leaked keys when their fuse has burnt, and tells of invented
// ones that come in numbers.
func (a *App) burnOften(ctx context.Context) {
	tick := time.NewTicker(burnEvery)
	defer tick.Stop()
	for {
		a.burnFuses(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (a *App) burnFuses(ctx context.Context) {
	for _, name := range a.issuerNames() {
		_, err := a.Issuers[name].Keys.BurnFuses(ctx)
		a.logFailure(ctx, "disabling leaked keys", err)
		a.logFailure(ctx, "telling of invented keys", a.Issuers[name].Keys.TellOfGuesses(ctx))
	}
}
