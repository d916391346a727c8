package ratelimit

import (
	"errors"
	"hash/maphash"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// WindowConfig shapes a Window.
type WindowConfig struct {
	Length time.Duration // required
	Clock  authz.Clock   // required
	// MaxKeys bounds the memory; 0 means 50,000. A key takes 8 bytes for each
	// use within the window, at most its limit's worth.
	MaxKeys int
}

// Window is an exact sliding log: no stretch of its length ever holds more uses
// of a key than the limit, and none is refused that would not exceed it. It is
// safe for use by many goroutines.
//
// Time is counted from when the Window was made. A clock that steps back goes
// on from where it was: the step neither forgets uses nor keeps them longer.
type Window struct {
	length   time.Duration
	clock    authz.Clock
	began    time.Time
	perShard int
	seed     maphash.Seed
	shards   [shardCount]windowShard
}

type windowShard struct {
	mu   sync.Mutex
	logs map[string]*log
}

// log holds the instants of the last uses, oldest first, in a ring that grows
// to the limit.
type log struct {
	at    []int64 // nanoseconds since the Window was made
	first int
	n     int
	last  int64
	shift int64 // what the clock stepped back
}

// NewWindow returns a Window, or says what is wrong with cfg.
func NewWindow(cfg WindowConfig) (*Window, error) {
	if cfg.Length <= 0 || cfg.Clock == nil {
		return nil, errors.New("ratelimit: Length and Clock are required")
	}
	if cfg.MaxKeys == 0 {
		cfg.MaxKeys = 50_000
	}
	w := &Window{
		length: cfg.Length, clock: cfg.Clock, began: cfg.Clock.Now(), perShard: max(1, cfg.MaxKeys/shardCount), seed: maphash.MakeSeed(),
	}
	for i := range w.shards {
		w.shards[i].logs = make(map[string]*log)
	}
	return w, nil
}

// Take counts one use of the key unless it is one too many, which is not
// counted. A limit of zero or less allows nothing.
func (w *Window) Take(key string, limit int) authz.Quota { return w.use(key, limit, true) }

// Peek says what Take would, and counts nothing.
func (w *Window) Peek(key string, limit int) authz.Quota { return w.use(key, limit, false) }

func (w *Window) use(key string, limit int, count bool) authz.Quota {
	s := &w.shards[maphash.String(w.seed, key)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	// Under the lock: one who read the clock sooner and came later would look
	// like a clock that stepped back.
	now := int64(w.clock.Now().Sub(w.began))
	l, known := s.logs[key]
	if !known {
		l = &log{}
		if count && limit > 0 {
			s.makeRoom(w.perShard, now-int64(w.length))
			s.logs[key] = l
		}
	}
	at := l.advance(now, int64(w.length))
	q := authz.Quota{Limit: limit, Window: w.length, Allowed: l.n < limit}
	if q.Allowed && count {
		l.add(at, limit)
	}
	if q.Remaining = limit - l.n; q.Remaining <= 0 {
		q.Remaining = 0
	}
	if l.n > 0 {
		q.Reset = time.Duration(l.at[(l.first+l.n-1)%len(l.at)] + int64(w.length) - at)
	}
	if !q.Allowed {
		q.RetryAfter = w.length
		if limit > 0 { // of a limit that was cut, several must leave
			q.RetryAfter = time.Duration(l.at[(l.first+l.n-limit)%len(l.at)] + int64(w.length) - at)
		}
	}
	return q
}

// advance drops the uses that left the window and returns the present instant.
func (l *log) advance(now, length int64) int64 {
	at := now + l.shift
	if at < l.last {
		l.shift += l.last - at
		at = l.last
	}
	l.last = at
	for l.n > 0 && l.at[l.first] <= at-length {
		l.first = (l.first + 1) % len(l.at)
		l.n--
	}
	return at
}

// add appends a use; the ring doubles until it holds the limit.
func (l *log) add(at int64, limit int) {
	if l.n == len(l.at) {
		grown := make([]int64, min(max(8, 2*l.n), max(limit, l.n+1)))
		for i := range l.n {
			grown[i] = l.at[(l.first+i)%len(l.at)]
		}
		l.at, l.first = grown, 0
	}
	l.at[(l.first+l.n)%len(l.at)] = at
	l.n++
}

// makeRoom forgets keys that were quiet for a window and, if that was not
// enough, an eighth of the others: who has more keys in use than fit is limited
// less exactly.
func (s *windowShard) makeRoom(most int, quietSince int64) {
	if len(s.logs) < most {
		return
	}
	for key, l := range s.logs {
		if l.last-l.shift <= quietSince {
			delete(s.logs, key)
		}
	}
	drop := len(s.logs) - most + 1 + most/8
	if len(s.logs) < most {
		return
	}
	for key := range s.logs {
		if drop--; drop < 0 {
			return
		}
		delete(s.logs, key)
	}
}

// Keys is how many keys are remembered, for metrics and tests.
func (w *Window) Keys() int {
	n := 0
	for i := range w.shards {
		w.shards[i].mu.Lock()
		n += len(w.shards[i].logs)
		w.shards[i].mu.Unlock()
	}
	return n
}
