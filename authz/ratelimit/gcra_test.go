package ratelimit_test

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
)

func newLimiter(t testing.TB, cfg ratelimit.Config) *ratelimit.Limiter {
	t.Helper()
	cfg.Clock = authz.SystemClock{}
	l, err := ratelimit.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestABurstThenTheSustainedRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, ratelimit.Config{PerSecond: 10, Burst: 5})
		allowed := 0
		for range 100 { // ten seconds, ten tries a second above a burst of five
			for range 20 {
				if l.Allow("a") == nil {
					allowed++
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
		if allowed < 104 || allowed > 105 {
			t.Errorf("%d passed in 10 s, want 5 + 10 a second", allowed)
		}
	})
}

func TestARefusalSaysWhenToComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, ratelimit.Config{PerSecond: 1, Burst: 2})
		_, _ = l.Allow("a"), l.Allow("a")
		err := l.Allow("a")
		e, ok := errors.AsType[*authz.Error](err)
		if !ok || e.Kind != authz.RateLimited || e.RetryAfter <= 0 || e.RetryAfter > time.Second {
			t.Fatalf("Allow = %v", err)
		}
		if l.Allow("b") != nil {
			t.Error("another key pays for it")
		}
		time.Sleep(e.RetryAfter)
		if err := l.Allow("a"); err != nil {
			t.Errorf("after the wait: %v", err)
		}
	})
}

func TestARefundedUseCountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(t, ratelimit.Config{PerSecond: 1, Burst: 1})
		for range 5 {
			if err := l.Allow("a"); err != nil {
				t.Fatal(err)
			}
			l.Refund("a")
		}
		_ = l.Allow("a")
		if l.Allow("a") == nil {
			t.Error("one too many was let through")
		}
	})
}

func TestALimitersClockThatStepsBackNeitherForgetsNorLocksOut(t *testing.T) {
	clock := &hand{time.Unix(1_800_000_000, 0)}
	l, err := ratelimit.New(ratelimit.Config{PerSecond: 1, Burst: 3, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_ = l.Allow("a")
	}
	clock.now = clock.now.Add(-time.Hour)
	if l.Allow("a") == nil {
		t.Error("what was used before the step is forgotten")
	}
	clock.now = clock.now.Add(time.Second)
	if err := l.Allow("a"); err != nil {
		t.Errorf("a second after the step: %v", err)
	}
}

func TestRL07_AMillionKeysStayWithinTheBound(t *testing.T) {
	l := newLimiter(t, ratelimit.Config{PerSecond: 1, Burst: 1, MaxKeys: 3200})
	for n := range 200_000 {
		_ = l.Allow(fmt.Sprint(n))
	}
	if n := l.Keys(); n > 3200 {
		t.Errorf("%d keys are kept", n)
	}
}

func BenchmarkAllow(b *testing.B) {
	l := newLimiter(b, ratelimit.Config{PerSecond: 1e9, Burst: 1e6})
	b.ReportAllocs()
	for b.Loop() {
		_ = l.Allow("127.0.0.1")
	}
}
