package app

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// pollEvery is how often a node of several asks what moved elsewhere.
const pollEvery = 250 * time.Millisecond

// startJobs starts what runs beside requests and returns what waits for its end.
func (a *App) startJobs(ctx context.Context) (wait func()) {
	var group sync.WaitGroup
	for _, name := range a.issuerNames() {
		set := a.Issuers[name].set
		group.Go(func() { set.Run(ctx) })
		group.Go(func() { a.Issuers[name].federation.Run(ctx) })
		group.Go(func() { a.pollUpstreamsOften(ctx, name) })
		group.Go(func() { a.lookAtMetadataOften(ctx, name) })
		group.Go(func() { a.Issuers[name].carrying.Run(ctx) })
	}
	group.Go(func() { a.dispatcher.Run(ctx) })
	group.Go(func() { a.aside.watch(ctx) })
	group.Go(func() { a.purgeOften(ctx) })
	group.Go(func() { a.rotateOften(ctx) })
	group.Go(func() { a.writeUsesOften(ctx) })
	group.Go(func() { a.burnOften(ctx) })
	if a.together != nil {
		group.Go(func() { a.together.Run(ctx) })
	}
	if a.severalNodes() {
		a.meet(ctx)
		group.Go(func() { a.meetOften(ctx) })
		group.Go(func() {
			credential.Follow[storage.EventPosition](ctx, a.store, a.epochs, a.lease, pollEvery)
		})
	}
	return group.Wait
}

// purgeEvery bounds how long what has expired lies around: a flood of
// authorization requests is gone as soon as it is dead.
const purgeEvery = 5 * time.Minute

// purgeBatch bounds what one statement deletes.
const purgeBatch = 1000

func (a *App) purgeOften(ctx context.Context) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		a.purge(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// purge deletes what nobody may use any more: expired rows, and revoked keys
// whose quarantine is over. One node at a time does it.
func (a *App) purge(ctx context.Context) {
	const lease = "purge"
	held, _, err := a.store.AcquireLease(ctx, lease, a.holder(), 10*time.Minute, a.clock.Now())
	if err != nil || !held {
		a.logFailure(ctx, "acquiring the purge lease", err)
		return
	}
	for {
		n, err := a.store.DeleteExpiredAcrossWorkspaces(ctx, a.clock.Now(), purgeBatch)
		if err != nil || n < purgeBatch {
			a.logFailure(ctx, "purging expired rows", err)
			break
		}
	}
	if _, err := a.store.PurgeNodeEvents(ctx, a.clock.Now(), purgeBatch*10); err != nil {
		a.logFailure(ctx, "purging node events", err)
	}
	for _, name := range a.issuerNames() {
		_, err := a.Issuers[name].Keys.Purge(ctx)
		a.logFailure(ctx, "purging revoked keys", err)
		a.purgeClients(ctx, a.Issuers[name])
	}
}

func (a *App) logFailure(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil {
		a.options.Logger.ErrorContext(ctx, "a background job failed", "doing", doing, "error", err.Error())
	}
}
