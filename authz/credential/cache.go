package credential

import "sync"

const shardCount = 64

// cache is a bounded map of records by digest. When a shard is full a few
// arbitrary records make room: whoever still needs them pays one more look.
type cache[V any] struct {
	shards [shardCount]shard[V]
	limit  int         // per shard
	weigh  func(V) int // nil: every record counts one
}

type shard[V any] struct {
	mu      sync.RWMutex
	records map[[32]byte]V
	weight  int
}

func newCache[V any](size int) *cache[V] { return newWeighedCache[V](size, nil) }

// newWeighedCache bounds the sum of the records' weights, but for one record in
// each shard, which is kept whatever it weighs.
func newWeighedCache[V any](size int, weigh func(V) int) *cache[V] {
	c := &cache[V]{limit: max(1, size/shardCount), weigh: weigh}
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
	c.remove(s, key)
	if len(s.records) > 0 && s.weight+c.weightOf(v) > c.limit {
		c.makeRoom(s, v)
	}
	s.records[key] = v
	s.weight += c.weightOf(v)
}

func (c *cache[V]) weightOf(v V) int {
	if c.weigh == nil {
		return 1
	}
	return c.weigh(v)
}

func (c *cache[V]) remove(s *shard[V], key [32]byte) {
	if old, known := s.records[key]; known {
		s.weight -= c.weightOf(old)
		delete(s.records, key)
	}
}

func (c *cache[V]) drop(key [32]byte) {
	s := &c.shards[key[0]%shardCount]
	s.mu.Lock()
	c.remove(s, key)
	s.mu.Unlock()
}

// makeRoom deletes a sixteenth of the shard, at least one record, and goes on
// until v fits.
func (c *cache[V]) makeRoom(s *shard[V], v V) {
	n := max(1, len(s.records)/16)
	for key := range s.records {
		c.remove(s, key)
		if n--; n <= 0 && s.weight+c.weightOf(v) <= c.limit {
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
