package federation

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	writeTries   = 8
	flushEvery   = 2 * time.Second
	flushTime    = 5 * time.Second
	maxPending   = 10_000 // connections
	probeEvery   = time.Second
	probeTime    = 10 * time.Second
	probesAtOnce = 20
)

// counts are outcomes on this node that are not written yet.
type counts struct {
	connection authz.Connection
	ok, failed int
}

// Observed takes the outcome of one exchange of ours with the OpenID provider of
// a connection. A failure is written before it returns; what went well is
// written with it, or by Run a moment later.
func (f *Federation) Observed(ctx context.Context, c authz.Connection, ok bool) {
	if !c.Uses(authz.OIDCSide) || !c.Uses(authz.SAMLSide) || c.Fallback.Mode != authz.FallbackAsk && c.Fallback.Mode != authz.FallbackAuto {
		return // nothing to fall back on
	}
	f.mu.Lock()
	n := f.pending[c.ID]
	if n == nil {
		if len(f.pending) >= maxPending {
			f.mu.Unlock()
			return
		}
		n = &counts{}
		f.pending[c.ID] = n
	}
	n.connection = c
	if ok {
		n.ok++
	} else {
		n.failed++
	}
	f.mu.Unlock()
	if ok {
		return
	}
	// Whoever waited for the upstream may be gone; what was seen was seen.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
	defer cancel()
	f.log(ctx, "recording how an upstream answers", f.flush(ctx, c.ID))
}

// Flush writes what went well on this node since the last time.
func (f *Federation) Flush(ctx context.Context) error {
	f.mu.Lock()
	ids := make([]authz.ConnectionID, 0, len(f.pending))
	for id := range f.pending {
		ids = append(ids, id)
	}
	f.mu.Unlock()
	var errs []error
	for _, id := range ids {
		errs = append(errs, f.flush(ctx, id))
	}
	return errors.Join(errs...)
}

// flush writes the outcomes at one connection. They are lost when that fails:
// an old count is worth little.
func (f *Federation) flush(ctx context.Context, id authz.ConnectionID) error {
	f.mu.Lock()
	n := f.pending[id]
	delete(f.pending, id)
	f.mu.Unlock()
	if n == nil {
		return nil
	}
	return f.change(ctx, n.connection, func(circuit *authz.Circuit, now time.Time) (event string) {
		observe(circuit, now, n.ok, n.failed)
		return ""
	})
}

// What happens to a circuit: the types of audit entries and events.
const (
	opened = "connection.circuit_opened"
	closed = "connection.circuit_closed"
)

// change reads a circuit, changes it and writes it, again when another node was
// faster; what happened to it is recorded in the same transaction.
func (f *Federation) change(ctx context.Context, c authz.Connection, do func(*authz.Circuit, time.Time) (event string)) error {
	for try := 1; ; try++ {
		err := f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
			_, circuit, err := f.cfg.Store.FallbackOf(ctx, c.Issuer, c.WorkspaceID, c.ID)
			if err != nil {
				return err
			}
			now := f.cfg.Clock.Now()
			circuit.Issuer, circuit.WorkspaceID, circuit.ConnectionID = c.Issuer, c.WorkspaceID, c.ID
			event := do(&circuit, now)
			alert := event == opened && alerts(&circuit, now)
			if err := f.cfg.Store.PutCircuit(ctx, circuit); err != nil || event == "" {
				return err
			}
			return f.record(ctx, c, event, now, alert)
		})
		if !errors.Is(err, authz.ErrConflict) || try == writeTries {
			return err
		}
	}
}

func (f *Federation) record(ctx context.Context, c authz.Connection, event string, now time.Time, alert bool) error {
	err := f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Time: now, Type: event, Result: authz.Success, Actor: "health", Target: string(c.ID),
		Details: map[string]any{"side": authz.OIDCSide, "mode": c.Fallback.Mode},
	})
	if err != nil || event == opened && !alert {
		return err
	}
	data := map[string]any{"connection_id": c.ID, "side": authz.OIDCSide, "mode": c.Fallback.Mode}
	if alert {
		data["severity"] = "P1"
	}
	return f.cfg.Outbox.Append(ctx, c.WorkspaceID, event, now, data)
}

// Run writes counts and probes upstreams that are taken for away, or may be,
// until ctx ends. Neither waits for the other: an upstream takes its time.
func (f *Federation) Run(ctx context.Context) {
	var jobs sync.WaitGroup
	jobs.Go(func() { f.every(ctx, flushEvery, "recording how upstreams answer", f.Flush) })
	jobs.Go(func() { f.every(ctx, probeEvery, "probing upstreams", f.ProbeDue) })
	jobs.Wait()
}

func (f *Federation) every(ctx context.Context, d time.Duration, doing string, do func(context.Context) error) {
	tick := time.NewTicker(d)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			f.log(ctx, doing, do(ctx))
		}
	}
}

// ProbeDue asks the upstreams that it is time to ask whether they are there, all
// of a list at once. Of several nodes one asks.
func (f *Federation) ProbeDue(ctx context.Context) error {
	due, err := f.cfg.Store.CircuitsToProbeAcrossWorkspaces(ctx, f.cfg.Issuer, f.cfg.Clock.Now(), probesAtOnce)
	if err != nil {
		return err
	}
	errs := make([]error, len(due))
	var probes sync.WaitGroup
	for n, circuit := range due {
		probes.Go(func() { errs[n] = f.probe(ctx, circuit) })
	}
	probes.Wait()
	return errors.Join(errs...)
}

// probe claims a probe by moving its time, which one node can do, and makes it.
func (f *Federation) probe(ctx context.Context, circuit authz.Circuit) error {
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, circuit.Issuer, circuit.ConnectionID)
	if err != nil {
		return err
	}
	circuit.ProbeAt = nextProbe(f.cfg.Clock.Now())
	if err := f.cfg.Store.PutCircuit(ctx, circuit); err != nil {
		if errors.Is(err, authz.ErrConflict) {
			return nil // another node's
		}
		return err
	}
	gone := !c.Uses(authz.OIDCSide) || !c.State.Usable()
	good := gone // nobody waits for it: it starts afresh when it is used again
	if !gone {
		within, cancel := context.WithTimeout(ctx, probeTime)
		good = f.cfg.Probe(within, c) == nil
		cancel()
	}
	return f.change(ctx, c, func(circuit *authz.Circuit, now time.Time) string {
		return probed(circuit, now, good)
	})
}

func (f *Federation) log(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil && f.cfg.Logger != nil {
		f.cfg.Logger.ErrorContext(ctx, "a background job failed", "doing", doing, "error", err.Error())
	}
}
