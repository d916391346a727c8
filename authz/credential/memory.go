package credential

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Memory remembers what was read of the database under the epochs of the nodes
// it depends on. It is safe for use by many goroutines.
type Memory[V any] struct {
	epochs *Epochs
	lease  *Lease
	known  *cache[*remembered[V]]
}

type remembered[V any] struct {
	value V
	stamp stamp
}

// NewMemory returns a Memory of values whose weights add up to size at most; a
// nil weigh lets each count one.
func NewMemory[V any](epochs *Epochs, lease *Lease, size int, weigh func(V) int) *Memory[V] {
	m := &Memory[V]{epochs: epochs, lease: lease}
	if weigh == nil {
		m.known = newCache[*remembered[V]](size)
		return m
	}
	m.known = newWeighedCache(size, func(r *remembered[V]) int { return weigh(r.value) })
	return m
}

// Get returns the value of a key: the one remembered while nothing it depends on
// has moved, or what read returns, with the nodes it depends on. Failures are
// not remembered.
func (m *Memory[V]) Get(key [32]byte, read func() (V, []authz.NodeRef, error)) (V, error) {
	if known, ok := m.known.get(key); ok && m.lease.Fresh() {
		if m.epochs.current(&known.stamp) {
			return known.value, nil
		}
		m.known.drop(key)
	}
	before := m.epochs.mark()
	value, refs, err := read()
	if err != nil {
		var none V
		return none, err
	}
	if stamp, ok := m.epochs.stampSince(before, refs); ok {
		m.known.put(key, &remembered[V]{value, stamp})
	}
	return value, nil
}

// Within is Get for a context whose transaction may yet be undone: what is read
// there is good for it alone, and not remembered.
func (m *Memory[V]) Within(ctx context.Context, key [32]byte, read func() (V, []authz.NodeRef, error)) (V, error) {
	if !authz.Unsettled(ctx) {
		return m.Get(key, read)
	}
	if known, ok := m.Peek(key); ok {
		return known, nil
	}
	found, _, err := read()
	return found, err
}

// Peek returns the value of a key if it is remembered and nothing it depends on
// has moved.
func (m *Memory[V]) Peek(key [32]byte) (V, bool) {
	if known, ok := m.known.get(key); ok && m.lease.Fresh() && m.epochs.current(&known.stamp) {
		return known.value, true
	}
	var none V
	return none, false
}

// Move lets another key have what is remembered of one, changed as change says,
// which is no fresher for that.
func (m *Memory[V]) Move(from, to [32]byte, change func(V) V) {
	if known, ok := m.known.get(from); ok {
		m.known.put(to, &remembered[V]{change(known.value), known.stamp})
		m.known.drop(from)
	}
}

// Drop forgets the value of a key.
func (m *Memory[V]) Drop(key [32]byte) { m.known.drop(key) }
