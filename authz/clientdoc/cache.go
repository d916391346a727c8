package clientdoc

import (
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxCached bounds the documents, good and bad, that are remembered.
const maxCached = 1000

// cache remembers documents, and that there was none, and lets those who ask
// for one at the same time wait for one fetch.
type cache struct {
	mu      sync.Mutex
	entries map[string]*entry
}

// entry is a fetch and what came of it.
type entry struct {
	done   chan struct{} // closed when the rest is there
	client authz.Client
	err    error
	until  time.Time
}

func newCache() *cache { return &cache{entries: make(map[string]*entry)} }

// at returns the entry of an id that is good at now, or a new one that the
// caller must fill.
func (c *cache) at(id string, now time.Time) (e *entry, mine bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.entries[id]
	if ok && (e.underway() || now.Before(e.until)) {
		return e, false
	}
	if !ok && len(c.entries) >= maxCached {
		c.makeRoom(now)
	}
	e = &entry{done: make(chan struct{})}
	c.entries[id] = e
	return e, true
}

func (e *entry) underway() bool {
	select {
	case <-e.done:
		return false
	default:
		return true
	}
}

// fill ends a fetch.
func (c *cache) fill(e *entry, client authz.Client, err error, until time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.client, e.err, e.until = client, err, until
	close(e.done)
}

// makeRoom drops what has expired, or else what comes first, but no fetch that
// is under way: those are few.
func (c *cache) makeRoom(now time.Time) {
	spare := ""
	for id, e := range c.entries {
		if e.underway() {
			continue
		}
		if !now.Before(e.until) {
			delete(c.entries, id)
		} else {
			spare = id
		}
	}
	if len(c.entries) >= maxCached {
		delete(c.entries, spare)
	}
}
