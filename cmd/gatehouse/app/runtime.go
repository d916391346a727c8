package app

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// gcPercent lets garbage grow to three times what is live before it is
// collected: most of what lives are remembered credentials, and looking through
// all of them for every few thousand requests is a tenth of the processor's
// time. GOGC in the environment overrides it.
const gcPercent = 300

// tuneRuntime sets what is better for this program than Go's defaults.
func tuneRuntime() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// settled is how long after its start a server has done what a start takes.
const settled = 2 * time.Second

// giveBack returns to the system the memory that only the start needed.
func giveBack() {
	debug.FreeOSMemory()
	unmap()
}

// aside is a second thread for Go code where there is one processor, for as long
// as there is something to commit: while a thread waits for the disk, which Go
// takes for a moment of its own work, the other one answers. Who only reads is
// quicker with one. GOMAXPROCS in the environment leaves both as it says.
type aside struct {
	wanted bool        // there is one processor
	used   atomic.Bool // since the last look
	there  atomic.Bool
	mu     sync.Mutex // orders what is told to the runtime
}

// asideLasts is how long the second thread stays without a commit, at least.
const asideLasts = time.Second

func newAside() *aside {
	return &aside{wanted: os.Getenv("GOMAXPROCS") == "" && runtime.GOMAXPROCS(0) == 1}
}

// committing is called before each commit.
func (a *aside) committing() {
	if !a.wanted {
		return
	}
	if a.used.Store(true); !a.there.Load() {
		a.have(true)
	}
}

func (a *aside) have(it bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.there.Load() == it {
		return
	}
	a.there.Store(it)
	if it {
		runtime.GOMAXPROCS(2)
	} else {
		runtime.GOMAXPROCS(1)
	}
}

// watch takes the second thread away when nothing was committed for a while,
// until ctx ends.
func (a *aside) watch(ctx context.Context) {
	if !a.wanted {
		return
	}
	tick := time.NewTicker(asideLasts)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !a.used.Swap(false) {
			a.have(false)
		}
	}
}
