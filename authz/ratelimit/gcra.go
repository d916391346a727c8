package ratelimit

import (
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Config shapes a Limiter.
type Config struct {
	PerSecond float64     // sustained; required
	Burst     int         // at once; required
	Clock     authz.Clock // required
	// MaxKeys bounds the memory; 0 means 100,000.
	MaxKeys int
}

const shardCount = 32

// Limiter limits each of many keys. It is safe for use by many goroutines.
type Limiter struct {
	clock    authz.Clock
	interval time.Duration // between two, sustained
	window   time.Duration // what a burst may run ahead
	perShard int
	seed     maphash.Seed
	shards   [shardCount]shard
}

// shard holds, for each key, the instant by which what it used is used up.
type shard struct {
	mu sync.Mutex
	at map[string]time.Time
}

// New returns a Limiter, or says what is wrong with cfg.
func New(cfg Config) (*Limiter, error) {
	if cfg.PerSecond <= 0 || cfg.Burst <= 0 || cfg.Clock == nil {
		return nil, errors.New("ratelimit: PerSecond, Burst and Clock are required")
	}
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = 100_000
	}
	interval := time.Duration(float64(time.Second) / cfg.PerSecond)
	l := &Limiter{
		clock: cfg.Clock, interval: interval, window: interval * time.Duration(cfg.Burst),
		perShard: max(1, cfg.MaxKeys/shardCount), seed: maphash.MakeSeed(),
	}
	for i := range l.shards {
		l.shards[i].at = make(map[string]time.Time)
	}
	return l, nil
}

// Allow counts one use of the key. One too many is an authz.Error of kind
// RateLimited that says when to come back; it is not counted.
func (l *Limiter) Allow(key string) error {
	now := l.clock.Now()
	s := &l.shards[maphash.String(l.seed, key)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	at, known := s.at[key]
	if most := now.Add(l.window); at.After(most) { // the clock stepped back: nobody waits for it to come round again
		at = most
		s.at[key] = at
	}
	if err := l.refusal(at, now); err != nil {
		return err
	}
	if !known && len(s.at) >= l.perShard {
		s.makeRoom(now)
	}
	if at.Before(now) {
		at = now
	}
	s.at[key] = at.Add(l.interval)
	return nil
}

// Refund takes back one use of the key: it turned out to be none.
func (l *Limiter) Refund(key string) {
	s := &l.shards[maphash.String(l.seed, key)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, known := s.at[key]; known {
		s.at[key] = at.Add(-l.interval)
	}
}

// refusal is the error for one use too many, or nil.
func (l *Limiter) refusal(at, now time.Time) error {
	if at.Before(now) {
		at = now
	}
	wait := at.Add(l.interval).Sub(now) - l.window
	if wait <= 0 {
		return nil
	}
	e := authz.NewError(authz.RateLimited, "rate_limited", "Too many requests; slow down.")
	e.RetryAfter = wait
	return e
}

// makeRoom forgets keys that have nothing used up, then, if that was not
// enough, arbitrary ones.
func (s *shard) makeRoom(now time.Time) {
	for key, at := range s.at {
		if !at.After(now) {
			delete(s.at, key)
		}
	}
	drop := len(s.at) / 8
	for key := range s.at {
		if drop <= 0 {
			return
		}
		delete(s.at, key)
		drop--
	}
}

// Keys is how many keys are remembered, for metrics and tests.
func (l *Limiter) Keys() int {
	n := 0
	for i := range l.shards {
		l.shards[i].mu.Lock()
		n += len(l.shards[i].at)
		l.shards[i].mu.Unlock()
	}
	return n
}
