package event

import (
	"context"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxLastError bounds what is kept of an attempt's error, in bytes.
const maxLastError = 500

// work delivers what comes down the lane until it is closed.
func (d *Dispatcher) work(ctx context.Context, l *lane) {
	for c := range l.queue {
		// What waited too long may be another node's by the time it is
		// delivered: it is left to whoever claims it next.
		if ctx.Err() != nil || time.Since(c.at) > d.visibility-d.cfg.Timeout {
			continue
		}
		began := time.Now()
		err := d.attempt(ctx, l.sink, c.Event)
		l.took(time.Since(began))
		if ctx.Err() != nil {
			continue // cut off by the end of the drain, which is no failure of the sink
		}
		d.settle(ctx, c.Delivery, err)
	}
}

func (d *Dispatcher) attempt(ctx context.Context, sink Sink, e authz.Event) error {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timeout)
	defer cancel()
	return sink.Deliver(ctx, e)
}

func (d *Dispatcher) settle(ctx context.Context, delivery authz.Delivery, err error) {
	if err != nil {
		d.failed(ctx, delivery, err)
		return
	}
	if err := d.cfg.Store.CompleteDelivery(ctx, delivery.ID, delivery.Sink); err != nil {
		d.unsettled(ctx, delivery, err)
	}
}

// failed puts a delivery off, or buries it when there is no sense in another attempt.
func (d *Dispatcher) failed(ctx context.Context, delivery authz.Delivery, cause error) {
	permanent, after := verdict(cause)
	log := d.cfg.Logger.With("event_id", delivery.ID, "sink", delivery.Sink, "attempts", delivery.Attempts, "error", told(cause))
	if permanent || d.exhausted(delivery) {
		log.WarnContext(ctx, "delivery is a dead letter")
		if err := d.cfg.Store.BuryDelivery(ctx, delivery.ID, delivery.Sink, told(cause)); err != nil {
			d.unsettled(ctx, delivery, err)
		}
		return
	}
	log.DebugContext(ctx, "delivery failed")
	next := d.cfg.Clock.Now().Add(max(after, d.backoff(delivery.Attempts)))
	if err := d.cfg.Store.RetryDelivery(ctx, delivery.ID, delivery.Sink, next, told(cause)); err != nil {
		d.unsettled(ctx, delivery, err)
	}
}

// unsettled says that the store did not hear how an attempt went: it will be
// made again.
func (d *Dispatcher) unsettled(ctx context.Context, delivery authz.Delivery, err error) {
	d.cfg.Logger.WarnContext(ctx, "settling a delivery failed",
		"event_id", delivery.ID, "sink", delivery.Sink, "error", err.Error())
}

// exhausted reports whether a delivery had all its attempts.
func (d *Dispatcher) exhausted(delivery authz.Delivery) bool {
	age := d.cfg.Clock.Now().Sub(delivery.CreatedAt)
	return delivery.Attempts >= d.cfg.MaxAttempts && age >= d.patience
}

// distance is the longest time to the next attempt after so many.
func (d *Dispatcher) distance(attempts int) time.Duration {
	distance := d.cfg.FirstRetry
	for i := 1; i < attempts && distance < d.cfg.LongestRetry; i++ {
		distance *= 2
	}
	return min(distance, d.cfg.LongestRetry)
}

// backoff is the time to the next attempt: the distance, shortened by up to a
// half so that what failed together does not come back together.
func (d *Dispatcher) backoff(attempts int) time.Duration {
	distance := d.distance(attempts)
	return distance - rand.N(distance/2+1) //nolint:gosec // spreads load, hides nothing
}

// told is the error's text as it is kept: bounded, on one line, valid UTF-8.
func told(err error) string {
	s := strings.ToValidUTF8(err.Error(), "?")
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	for len(s) > maxLastError {
		_, size := utf8.DecodeLastRuneInString(s)
		s = s[:len(s)-size]
	}
	return s
}
