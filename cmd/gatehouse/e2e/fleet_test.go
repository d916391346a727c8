package e2e_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// backend is one process of a customer's, which uses the key it has.
type backend struct{ key atomic.Pointer[string] }

func (b *backend) uses(key string) { b.key.Store(&key) }

// fleet are the processes of a customer's: each asks without a pause whether its
// key is active, and for a token.
type fleet struct {
	issuer
	backends      []*backend
	uses, refused atomic.Int64
	stop          chan struct{}
	group         sync.WaitGroup
	once          sync.Once
}

// startFleet starts processes that use the key, until end or the test ends.
func startFleet(t testing.TB, i issuer, key string, processes int) *fleet {
	t.Helper()
	f := &fleet{issuer: i, stop: make(chan struct{})}
	for range processes {
		b := &backend{}
		b.uses(key)
		f.backends = append(f.backends, b)
	}
	t.Cleanup(f.end)
	for _, b := range f.backends {
		f.group.Go(func() { f.work(t, b) })
	}
	f.during()
	return f
}

func (f *fleet) work(t testing.TB, b *backend) {
	for {
		select {
		case <-f.stop:
			return
		default:
		}
		key := *b.key.Load()
		if f.uses.Add(2); !f.active(t, key) || f.tokenOfKey(t, key).status != http.StatusOK {
			f.refused.Add(1)
		}
	}
}

// during lets the fleet go on while something happens.
func (f *fleet) during() {
	for seen := f.uses.Load(); f.uses.Load() < seen+int64(4*len(f.backends)); {
		time.Sleep(time.Millisecond)
	}
}

func (f *fleet) end() { f.once.Do(func() { close(f.stop); f.group.Wait() }) }
