package event_test

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

// recorder is a sink that takes its time, notes when it was asked, and answers
// as told.
type recorder struct {
	name   string
	takes  time.Duration
	answer func(attempt int) error

	mu    sync.Mutex
	asked []time.Time
	ids   map[string]int
}

func (r *recorder) Name() string { return r.name }

func (r *recorder) Deliver(ctx context.Context, e authz.Event) error {
	r.mu.Lock()
	if r.ids == nil {
		r.ids = make(map[string]int)
	}
	r.asked = append(r.asked, time.Now())
	r.ids[e.ID]++
	attempt := len(r.asked)
	r.mu.Unlock()
	select {
	case <-time.After(r.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if r.answer == nil {
		return nil
	}
	return r.answer(attempt)
}

func (r *recorder) times() []time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]time.Time(nil), r.asked...)
}

// running starts a dispatcher that ends with the bubble.
func running(t *testing.T, cfg event.Config) (d *event.Dispatcher, stop func()) {
	t.Helper()
	cfg.Clock, cfg.Logger = authz.SystemClock{}, slog.New(slog.DiscardHandler)
	d, err := event.NewDispatcher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		d.Run(ctx)
	}()
	return d, func() {
		cancel()
		<-done
	}
}

func TestTheDistancesBetweenAttemptsDoubleUpToALimitAndEndInADeadLetter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{}, &recorder{name: "s", answer: func(int) error { return errors.New("no") }}
		store.add(t, sample(t), "s")
		_, stop := running(t, event.Config{
			Store: store, Sinks: []event.Sink{sink},
			MaxAttempts: 7, FirstRetry: 10 * time.Second, LongestRetry: 80 * time.Second,
		})
		defer stop()
		time.Sleep(time.Hour)
		asked := sink.times()
		if len(asked) != 7 {
			t.Fatalf("%d attempts, want 7", len(asked))
		}
		const poll = time.Second
		for i, longest := range []time.Duration{10, 20, 40, 80, 80, 80} {
			longest *= time.Second
			if d := asked[i+1].Sub(asked[i]); d < longest/2 || d > longest+poll {
				t.Errorf("distance %d is %v, want %v to %v", i, d, longest/2, longest)
			}
		}
		if r := store.only(); r.state != "dead" || r.lastErr != "no" {
			t.Errorf("the delivery is %s, last error %q", r.state, r.lastErr)
		}
	})
}

func TestWH_06_ASlowSinkDoesNotHoldUpAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		slow, fast := &recorder{name: "slow", takes: 10 * time.Minute}, &recorder{name: "fast", takes: 5 * time.Millisecond}
		const backlog = 2000
		for range backlog {
			store.add(t, sample(t), "slow")
		}
		d, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{slow, fast}})
		defer stop()
		for range 100 {
			asked := time.Now()
			store.add(t, sample(t), "fast")
			d.Wake()
			synctest.Wait()
			for store.count("fast", "pending") > 0 && time.Since(asked) < time.Second {
				time.Sleep(time.Millisecond)
			}
			if waited := time.Since(asked); waited > 10*time.Millisecond {
				t.Errorf("a delivery to the fast sink took %v", waited)
			}
			time.Sleep(5 * time.Second)
		}
		if n := store.count("slow", "pending"); n != backlog {
			t.Errorf("%d deliveries of the slow sink are pending, want all %d", n, backlog)
		}
	})
}

func TestBeingPutOffCostsNoneOfTheAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		began := time.Now()
		sink := &recorder{name: "s", takes: 9 * time.Second}
		sink.answer = func(int) error {
			if time.Since(began) < 10*time.Minute {
				return nil // slow, but it works
			}
			return errors.New("no")
		}
		for range 1000 {
			store.add(t, sample(t), "s")
		}
		_, stop := running(t, event.Config{
			Store: store, Sinks: []event.Sink{sink}, MaxAttempts: 4, FirstRetry: 10 * time.Minute, LongestRetry: 4 * time.Hour,
		})
		defer stop()
		time.Sleep(30 * time.Minute)
		if n := store.count("s", "dead"); n != 0 {
			t.Errorf("%d dead letters after half an hour, which is less than four attempts take", n)
		}
		const best = 4 * 600 / 9
		if n := store.count("s", "done"); n < best*3/4 {
			t.Errorf("%d delivered in the ten minutes the sink worked, at full pace it is %d", n, best)
		}
	})
}

func TestABurstIsDeliveredWholeAndOnceEach(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{}, &recorder{name: "s", takes: 20 * time.Millisecond}
		const burst = 3000
		for range burst {
			store.add(t, sample(t), "s")
		}
		began := time.Now()
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}})
		defer stop()
		for store.count("s", "done") < burst && time.Since(began) < 10*time.Minute {
			time.Sleep(100 * time.Millisecond)
		}
		if n := store.count("s", "done"); n != burst {
			t.Fatalf("%d of %d delivered", n, burst)
		}
		if best := burst / 4 * 20 * time.Millisecond; time.Since(began) > 4*best {
			t.Errorf("took %v, at full pace it is %v", time.Since(began), best)
		}
		for id, n := range sink.ids {
			if n != 1 {
				t.Errorf("%s was delivered %d times", id, n)
			}
		}
	})
}

func TestWakeDeliversAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{}, &recorder{name: "s"}
		d, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}, Interval: time.Hour})
		defer stop()
		synctest.Wait()
		store.add(t, sample(t), "s")
		d.Wake()
		d.Wake() // and never blocks
		synctest.Wait()
		if store.count("s", "done") != 1 {
			t.Error("not delivered")
		}
	})
}

func TestAPermanentFailureIsADeadLetterAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sink := &recorder{name: "s", answer: func(int) error { return &event.Failure{Permanent: true, Err: errors.New("gone")} }}
		store.add(t, sample(t), "s")
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}})
		defer stop()
		synctest.Wait()
		if r := store.only(); r.state != "dead" || r.Attempts != 1 {
			t.Errorf("the delivery is %s after %d attempts", r.state, r.Attempts)
		}
	})
}

func TestWhatTheOtherSideAsksForIsObeyedWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		sink := &recorder{name: "s", answer: func(n int) error {
			return &event.Failure{RetryAfter: []time.Duration{0, 10 * time.Minute, 1000 * time.Hour, 0}[min(n, 3)], Err: errors.New("later")}
		}}
		store.add(t, sample(t), "s")
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}})
		defer stop()
		time.Sleep(2 * time.Hour)
		asked := sink.times()
		if d := asked[1].Sub(asked[0]); d < 10*time.Minute || d > 10*time.Minute+time.Second {
			t.Errorf("asked again after %v, want 10 min", d)
		}
		if d := asked[2].Sub(asked[1]); d < time.Hour || d > time.Hour+time.Second {
			t.Errorf("asked again after %v, want the bound of 1 h", d)
		}
	})
}

func TestTheEndOfTheContextDrains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{}, &recorder{name: "s", takes: 2 * time.Second}
		for range 12 {
			store.add(t, sample(t), "s")
		}
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}, Concurrency: 4})
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if d := time.Since(began); d != 5*time.Second {
			t.Errorf("drained in %v, want 5 s: three rounds of 2 s, the first half done", d)
		}
		if n := store.count("s", "done"); n != 12 {
			t.Errorf("%d of 12 delivered", n)
		}
	})
}

func TestTheDrainEndsAndCostsNoAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{}, &recorder{name: "s", takes: 9 * time.Second}
		for range 12 {
			store.add(t, sample(t), "s")
		}
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}, Drain: 3 * time.Second})
		time.Sleep(time.Second)
		began := time.Now()
		stop()
		if d := time.Since(began); d != 3*time.Second {
			t.Errorf("drained in %v, want 3 s", d)
		}
		if n := store.count("s", "pending"); n != 12 {
			t.Errorf("%d of 12 pending", n)
		}
	})
}

func TestAStoreThatIsAwayIsAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store, sink := &memory{away: true}, &recorder{name: "s"}
		store.add(t, sample(t), "s")
		_, stop := running(t, event.Config{Store: store, Sinks: []event.Sink{sink}})
		defer stop()
		time.Sleep(time.Minute)
		store.mu.Lock()
		store.away = false
		store.mu.Unlock()
		time.Sleep(2 * time.Second)
		if store.count("s", "done") != 1 {
			t.Error("not delivered after the store came back")
		}
	})
}

func TestADeliveryToAnUnknownSinkWaitsForSomeoneWhoKnowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{}
		store.add(t, sample(t), "unknown")
		_, stop := running(t, event.Config{Store: store})
		time.Sleep(time.Minute)
		stop()
		if store.count("unknown", "pending") != 1 {
			t.Error("given up at once")
		}
		sink := &recorder{name: "unknown"}
		_, stop = running(t, event.Config{Store: store, Sinks: []event.Sink{sink}})
		defer stop()
		time.Sleep(5 * time.Minute)
		if store.count("unknown", "done") != 1 {
			t.Error("not delivered once the sink is known")
		}
	})
}

func TestSinksNeedNamesOfTheirOwn(t *testing.T) {
	cfg := event.Config{Store: &memory{}, Clock: authz.SystemClock{}, Logger: slog.New(slog.DiscardHandler)}
	for name, sinks := range map[string][]event.Sink{
		"none":  {&recorder{}},
		"twice": {&recorder{name: "a"}, &recorder{name: "a"}},
	} {
		cfg.Sinks = sinks
		if _, err := event.NewDispatcher(cfg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
