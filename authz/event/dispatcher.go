package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is where deliveries wait. A claimed delivery is nobody else's for the
// visibility, and due again after it unless it was completed, put off or buried.
type Store interface {
	ClaimDeliveries(ctx context.Context, now time.Time, visibility time.Duration, limit int) ([]authz.Delivery, error)
	CompleteDelivery(ctx context.Context, id, sink string) error
	RetryDelivery(ctx context.Context, id, sink string, next time.Time, lastErr string) error
	BuryDelivery(ctx context.Context, id, sink string, lastErr string) error
}

// Config is what a Dispatcher needs. Store, Sinks, Clock and Logger are
// required; a zero number means what its comment says.
type Config struct {
	Store  Store
	Sinks  []Sink // of distinct names
	Clock  authz.Clock
	Logger *slog.Logger
	// Interval is how often due deliveries are looked for unasked; 1 s.
	Interval time.Duration
	// Concurrency is how many deliveries of one sink run at once; 4.
	Concurrency int
	// MaxAttempts is after how many failures a delivery is a dead letter; 16,
	// which is most of a day.
	MaxAttempts int
	// Timeout bounds one attempt; 10 s.
	Timeout time.Duration
	// FirstRetry is the distance to the second attempt; each next one is
	// twice as far, up to LongestRetry, less up to a half by chance; 5 s, 4 h.
	FirstRetry, LongestRetry time.Duration
	// Drain bounds how long Run works off what it claimed once its context
	// has ended; 10 s.
	Drain time.Duration
}

// batch is how many deliveries are claimed at once.
const batch = 64

// Dispatcher brings the outbox's deliveries to their sinks.
type Dispatcher struct {
	cfg        Config
	visibility time.Duration
	// patience is the least time MaxAttempts attempts take. Being put off
	// counts as an attempt in the store; an event younger than this was put
	// off, and has attempts left.
	patience time.Duration
	wake     chan struct{}
}

// NewDispatcher returns a Dispatcher, or says what its configuration lacks.
func NewDispatcher(cfg Config) (*Dispatcher, error) {
	if cfg.Store == nil || cfg.Clock == nil || cfg.Logger == nil {
		return nil, errors.New("event: store, clock and logger are required")
	}
	names := make(map[string]bool, len(cfg.Sinks))
	for _, s := range cfg.Sinks {
		if s.Name() == "" || names[s.Name()] {
			return nil, fmt.Errorf("event: the sinks' names must be distinct, %q is not", s.Name())
		}
		names[s.Name()] = true
	}
	cfg.Interval = or(cfg.Interval, time.Second)
	cfg.Concurrency = or(cfg.Concurrency, 4)
	cfg.MaxAttempts = or(cfg.MaxAttempts, 16)
	cfg.Timeout = or(cfg.Timeout, 10*time.Second)
	cfg.FirstRetry = or(cfg.FirstRetry, 5*time.Second)
	cfg.LongestRetry = or(cfg.LongestRetry, 4*time.Hour)
	cfg.Drain = or(cfg.Drain, 10*time.Second)
	d := &Dispatcher{cfg: cfg, visibility: 6 * cfg.Timeout, wake: make(chan struct{}, 1)}
	for n := 1; n < cfg.MaxAttempts; n++ {
		d.patience += d.distance(n) / 2
	}
	return d, nil
}

func or[T int | time.Duration](n, otherwise T) T {
	if n <= 0 {
		return otherwise
	}
	return n
}

// Wake makes the dispatcher look at once. It never blocks; call it after the
// commit of an event.
func (d *Dispatcher) Wake() {
	select {
	case d.wake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// Run delivers until ctx ends, then works off what it holds, for at most
// Config.Drain. What it could not bring away is due again after a while.
func (d *Dispatcher) Run(ctx context.Context) {
	working, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var workers sync.WaitGroup
	lanes := make(map[string]*lane, len(d.cfg.Sinks))
	for _, sink := range d.cfg.Sinks {
		l := newLane(sink)
		lanes[sink.Name()] = l
		for range d.cfg.Concurrency {
			workers.Go(func() { d.work(working, l) })
		}
	}
	d.dispatch(ctx, lanes)
	for _, l := range lanes {
		close(l.queue)
	}
	limit := time.AfterFunc(d.cfg.Drain, stop)
	defer limit.Stop()
	workers.Wait()
}

func (d *Dispatcher) dispatch(ctx context.Context, lanes map[string]*lane) {
	tick := time.NewTicker(d.cfg.Interval)
	defer tick.Stop()
	for {
		d.claim(ctx, lanes)
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-tick.C:
		}
	}
}

// claim takes everything that is due to the lanes of its sinks.
func (d *Dispatcher) claim(ctx context.Context, lanes map[string]*lane) {
	for ctx.Err() == nil {
		claimed, err := d.cfg.Store.ClaimDeliveries(ctx, d.cfg.Clock.Now(), d.visibility, batch)
		if err != nil {
			if ctx.Err() == nil {
				d.cfg.Logger.WarnContext(ctx, "claiming deliveries failed", "error", err.Error())
			}
			return
		}
		for _, delivery := range claimed {
			d.route(ctx, lanes[delivery.Sink], delivery)
		}
		if len(claimed) < batch {
			return
		}
	}
}

// route queues a delivery, or puts it off when its sink has enough to do: a
// slow sink must not keep the deliveries of the others from being claimed.
func (d *Dispatcher) route(ctx context.Context, l *lane, delivery authz.Delivery) {
	if l == nil { // another node may know this sink
		d.failed(ctx, delivery, errors.New("no such sink is configured"))
		return
	}
	if l.wait(len(l.queue), d.cfg.Concurrency) < d.visibility/2 && l.offer(delivery) {
		return
	}
	l.putOff++
	wait := l.wait(len(l.queue)+l.putOff, d.cfg.Concurrency)
	next := d.cfg.Clock.Now().Add(min(max(wait, d.cfg.Interval), longestWait))
	if err := d.cfg.Store.RetryDelivery(ctx, delivery.ID, delivery.Sink, next, "the sink is busy"); err != nil {
		d.unsettled(ctx, delivery, err)
	}
}
