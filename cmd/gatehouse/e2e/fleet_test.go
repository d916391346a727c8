package e2e_test

import (
	"fmt"
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
	first         atomic.Pointer[string] // what the first refusal said
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
		f.uses.Add(2)
		if !f.active(t, key) {
			f.refusal("the key is not active")
		} else if a := f.tokenOfKey(t, key); a.status != http.StatusOK {
			f.refusal(fmt.Sprintf("a token: %d %s", a.status, a.body))
		}
	}
}

func (f *fleet) refusal(why string) {
	f.refused.Add(1)
	f.first.CompareAndSwap(nil, &why)
}

// nothingRefused fails a test whose fleets were refused anything.
func nothingRefused(t testing.TB, fleets ...*fleet) {
	t.Helper()
	var uses int64
	for _, f := range fleets {
		uses += f.uses.Load()
		if n := f.refused.Load(); n != 0 {
			t.Errorf("%d of %d uses were refused; the first: %s", n, f.uses.Load(), *f.first.Load())
		}
	}
	if uses < 100 {
		t.Errorf("%d uses prove nothing", uses)
	}
	t.Logf("%d uses through 72 hours", uses)
}

// during lets the fleet go on while something happens.
func (f *fleet) during() {
	for seen := f.uses.Load(); f.uses.Load() < seen+int64(4*len(f.backends)); {
		time.Sleep(time.Millisecond)
	}
}

func (f *fleet) end() { f.once.Do(func() { close(f.stop); f.group.Wait() }) }
