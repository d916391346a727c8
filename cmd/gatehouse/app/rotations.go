package app

import (
	"context"
	"time"
)

// rotateEvery is how late a key may be replaced after it is due.
const rotateEvery = time.Minute

// rotationLease is how long one node replaces keys before another may take over
// from it.
const rotationLease = 5 * time.Minute

func (a *App) rotateOften(ctx context.Context) {
	tick := time.NewTicker(rotateEvery)
	defer tick.Stop()
	for {
		a.rotateKeys(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// rotateKeys replaces the API keys that are due, and disables those that are
// unused. One node at a time does it, so
// that the hashing is done once; were it two, each key had one successor all the
// same.
func (a *App) rotateKeys(ctx context.Context) {
	held, _, err := a.store.AcquireLease(ctx, "key rotation", a.holder(), rotationLease, a.clock.Now())
	if err != nil || !held {
		a.logFailure(ctx, "acquiring the lease of key rotation", err)
		return
	}
	for _, name := range a.issuerNames() {
		n, err := a.Issuers[name].Keys.RotateDue(ctx)
		a.logFailure(ctx, "rotating API keys", err)
		if n > 0 {
			a.options.Logger.InfoContext(ctx, "API keys were replaced", "issuer", string(name), "count", n)
		}
	}
	a.disableUnused(ctx)
	a.logFailure(ctx, "releasing the lease of key rotation", a.store.ReleaseLease(ctx, "key rotation", a.holder()))
}
