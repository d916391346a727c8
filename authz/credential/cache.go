package credential

import "sync"

const shardCount = 64

// cache is a bounded map of records by digest. When a shard is full a few
// arbitrary records make room: whoever still needs them pays one more look.
type cache[V any] struct {
	shards [shardCount]shard[V]
	limit  int // per shard
}

type shard[V any] struct {
	mu      sync.RWMutex
	records map[[32]byte]V
}

func newCache[V any](size int) *cache[V] {
	c := &cache[V]{limit: max(1, size/shardCount)}
	for i := range c.shards {
		c.shards[i].records = make(map[[32]byte]V)
	}
	return c
}

func (c *cache[V]) get(key [32]byte) (V, bool) {
	s := &c.shards[key[0]%shardCount]
	s.mu.RLock()
	v, ok := s.records[key]
	s.mu.RUnlock()
	return v, ok
}

func (c *cache[V]) put(key [32]byte, v V) {
	s := &c.shards[key[0]%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.records[key]; !known && len(s.records) >= c.limit {
		s.makeRoom()
	}
	s.records[key] = v
}

func (c *cache[V]) drop(key [32]byte) {
	s := &c.shards[key[0]%shardCount]
	s.mu.Lock()
	delete(s.records, key)
	s.mu.Unlock()
}

// makeRoom deletes a sixteenth of the shard, at least one record.
func (s *shard[V]) makeRoom() {
	n := max(1, len(s.records)/16)
	for key := range s.records {
		delete(s.records, key)
		if n--; n == 0 {
			return
		}
	}
}

func (c *cache[V]) len() int {
	n := 0
	for i := range c.shards {
		c.shards[i].mu.RLock()
		n += len(c.shards[i].records)
		c.shards[i].mu.RUnlock()
	}
	return n
}
