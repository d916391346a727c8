package ratelimit_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

// hand is a clock that is set.
type hand struct{ now time.Time }

func (h *hand) Now() time.Time { return h.now }

func window(t testing.TB, clock authz.Clock, keys int) *ratelimit.Window {
	t.Helper()
	w, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: time.Minute, Clock: clock, MaxKeys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestS16_The1200thIsAllowedAndThe1201stIsNot(t *testing.T) {
	clock := &hand{time.Unix(1_800_000_000, 0)}
	w := window(t, clock, 0)
	for n := range 1200 {
		clock.now = clock.now.Add(time.Millisecond)
		if q := w.Take("k", 1200); !q.Allowed || q.Remaining != 1199-n || q.Limit != 1200 || q.Window != time.Minute {
			t.Fatalf("use %d: %+v", n+1, q)
		}
	}
	q := w.Take("k", 1200)
	if q.Allowed || q.Remaining != 0 || q.RetryAfter != time.Minute-1199*time.Millisecond || q.Reset != time.Minute {
		t.Fatalf("the 1,201st: %+v", q)
	}
	if q := w.Take("another", 1200); !q.Allowed {
		t.Error("another key is affected")
	}
	clock.now = clock.now.Add(q.RetryAfter - time.Nanosecond)
	if w.Take("k", 1200).Allowed {
		t.Error("a nanosecond too early")
	}
	clock.now = clock.now.Add(time.Nanosecond)
	if w.Peek("k", 1200); !w.Peek("k", 1200).Allowed {
		t.Error("a look counted, or the wait was too short")
	}
	if !w.Take("k", 1200).Allowed || w.Take("k", 1200).Allowed {
		t.Error("one left the window: one fits")
	}
}

// The model keeps every instant and counts those within the window.
func TestS16_NoStretchOfAMinuteEverHoldsMore(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 16))
		clock := &hand{time.Unix(1_800_000_000, 0)}
		w := window(t, clock, 0)
		limit := 1 + random.IntN(40)
		var allowed []time.Time
		for range 3000 {
			clock.now = clock.now.Add(time.Duration(random.Int64N(int64(3 * time.Minute / time.Duration(limit)))))
			fits := 0
			for _, at := range allowed {
				if at.After(clock.now.Add(-time.Minute)) {
					fits++
				}
			}
			q := w.Take("k", limit)
			if q.Allowed != (fits < limit) {
				t.Fatalf("seed %d: %d of %d in the window, allowed %v", seed, fits, limit, q.Allowed)
			}
			if q.Allowed {
				allowed = append(allowed, clock.now)
			}
		}
	}
}

func TestAClockThatStepsBackNeitherForgetsNorLocksOut(t *testing.T) {
	clock := &hand{time.Unix(1_800_000_000, 0)}
	w := window(t, clock, 0)
	for range 10 {
		w.Take("k", 10)
	}
	clock.now = clock.now.Add(-time.Hour)
	if w.Take("k", 10).Allowed {
		t.Error("the step forgot the uses")
	}
	clock.now = clock.now.Add(time.Minute)
	if !w.Take("k", 10).Allowed {
		t.Error("a minute after the step the key is still locked out")
	}
}

func TestALimitThatIsCutHoldsAtOnce(t *testing.T) {
	clock := &hand{time.Unix(1_800_000_000, 0)}
	w := window(t, clock, 0)
	for range 10 {
		clock.now = clock.now.Add(time.Second)
		w.Take("k", 10)
	}
	q := w.Take("k", 3)
	if q.Allowed || q.RetryAfter != 58*time.Second { // the eighth must leave
		t.Errorf("%+v", q)
	}
	if q := w.Take("k", 0); q.Allowed || q.RetryAfter <= 0 {
		t.Errorf("a limit of nothing: %+v", q)
	}
	if q := w.Take("k", 12); !q.Allowed || q.Remaining != 1 {
		t.Errorf("a limit that is raised: %+v", q)
	}
}

func TestRL_07_MoreKeysThanFitStayWithinTheBound(t *testing.T) {
	clock := &hand{time.Unix(1_800_000_000, 0)}
	w := window(t, clock, 10_000)
	for n := range 200_000 {
		w.Take(fmt.Sprint(n), 1200)
	}
	if n := w.Keys(); n > 10_000 {
		t.Errorf("%d keys are remembered", n)
	}
}

func TestManyAtOnceGetExactlyTheLimit(t *testing.T) {
	w := window(t, &hand{time.Unix(1_800_000_000, 0)}, 0)
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				if w.Take("k", 1200).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if allowed.Load() != 1200 {
		t.Errorf("%d were allowed", allowed.Load())
	}
}

func BenchmarkWindowTake(b *testing.B) {
	w := window(b, authz.SystemClock{}, 0)
	b.ReportAllocs()
	for b.Loop() {
		w.Take("key_0123456789abcdef", 1200)
	}
}

// ticking is a clock that moves on a microsecond each time it is read.
type ticking struct{ n atomic.Int64 }

func (c *ticking) Now() time.Time {
	return time.Unix(1_800_000_000, 0).Add(time.Duration(c.n.Add(1)) * time.Microsecond)
}

// Callers who read the clock in one order and come to the log in another must
// not move its time ahead: each such step would let more through for good.
func TestRL_01_ACrowdGetsNoMoreThanTheClockGives(t *testing.T) {
	const windows, limit, callers = 40, 100, 8
	w, err := ratelimit.NewWindow(ratelimit.WindowConfig{Length: time.Millisecond, Clock: &ticking{}})
	if err != nil {
		t.Fatal(err)
	}
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range windows * 1000 / callers {
				if w.Take("k", limit).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	group.Wait()
	if allowed.Load() > windows*limit {
		t.Errorf("%d were allowed in %d windows of %d", allowed.Load(), windows, limit)
	}
}
