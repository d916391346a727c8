package app

import (
	"context"
	"time"
)

// writeUsesEvery is how long the last use of a key may wait in memory, and be
// lost with the process.
const writeUsesEvery = 5 * time.Second

// writeUsesOften writes down when keys were used last: every node its own, and
// once more when it ends.
func (a *App) writeUsesOften(ctx context.Context) {
	tick := time.NewTicker(writeUsesEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeUsesEvery)
			defer cancel()
			a.writeUses(last)
			return
		case <-tick.C:
			a.writeUses(ctx)
		}
	}
}

func (a *App) writeUses(ctx context.Context) {
	for _, name := range a.issuerNames() {
		a.logFailure(ctx, "writing down uses of API keys", a.Issuers[name].Keys.WriteUses(ctx))
	}
}

// disableUnused disables the keys of workspaces that ask for it.
func (a *App) disableUnused(ctx context.Context) {
	for _, name := range a.issuerNames() {
		n, err := a.Issuers[name].Keys.DisableUnused(ctx)
		a.logFailure(ctx, "disabling unused API keys", err)
		if n > 0 {
			a.options.Logger.InfoContext(ctx, "unused API keys were disabled", "issuer", string(name), "count", n)
		}
	}
}
