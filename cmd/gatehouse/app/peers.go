package app

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/storage"
)

const (
	// presentEvery is how often a node says that it is there.
	presentEvery = 5 * time.Second
	// presentFor is how long it is believed.
	presentFor = 15 * time.Second
)

// peers are the nodes on one database, this one among them. Each says so by a
// lease of its own.
type peers struct {
	id   string
	live atomic.Int64
}

func newPeers() *peers {
	p := &peers{id: rand.Text()}
	p.live.Store(1)
	return p
}

// count is how many nodes were there lately. While the database is away it is
// what it was.
func (p *peers) count() int { return int(p.live.Load()) }

// meet says that this node is there, and counts.
func (a *App) meet(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, presentEvery)
	defer cancel()
	now := a.clock.Now()
	n, err := a.store.Present(ctx, a.peers.id, now.Add(presentFor), now)
	if err != nil {
		a.logFailure(ctx, "counting the nodes", err)
		return
	}
	a.peers.live.Store(int64(max(1, n)))
}

// meetOften keeps counting until ctx ends, and then says that this node left.
func (a *App) meetOften(ctx context.Context) {
	tick := time.NewTicker(presentEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			a.logFailure(ctx, "leaving the other nodes", a.store.Absent(ctx, a.peers.id))
			return
		case <-tick.C:
			a.meet(ctx)
		}
	}
}

// severalNodes reports whether there may be other nodes.
func (a *App) severalNodes() bool { return a.store.Driver() != storage.SQLite }
