package federation

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// When a circuit opens and closes.
const (
	window      = 60 * time.Second
	bucket      = 5 // seconds
	minFailures = 5
	openFor     = 30 * time.Second
	goodProbes  = 3
	maxCounted  = 1_000_000 // per bucket; beyond it more of the same tells nothing
)

// observe adds outcomes of exchanges to a circuit, and asks for a probe at once
// when too many failed. They open nothing by themselves: a stranger chooses the
// codes of exchanges, and may know one that an upstream stumbles over. A probe's
// code is ours.
func observe(c *authz.Circuit, now time.Time, ok, failed int) {
	if c.Open() {
		return
	}
	at := now.Unix() / bucket * bucket
	c.Counts = slices.DeleteFunc(c.Counts, func(n authz.CircuitCount) bool {
		return n.At <= now.Add(-window).Unix()-bucket || n.At > at
	})
	if len(c.Counts) == 0 || c.Counts[len(c.Counts)-1].At != at {
		c.Counts = append(c.Counts, authz.CircuitCount{At: at})
	}
	last := &c.Counts[len(c.Counts)-1]
	last.OK, last.Failed = min(last.OK+ok, maxCounted), min(last.Failed+failed, maxCounted)
	var good, bad int
	for _, n := range c.Counts {
		good, bad = good+n.OK, bad+n.Failed
	}
	if failed > 0 && bad >= minFailures && bad >= good && c.ProbeAt.IsZero() {
		c.ProbeAt = now
	}
}

// probed takes the outcome of a probe that was asked for, and says what that
// changed: the circuit opened, closed, or "" for neither.
func probed(c *authz.Circuit, now time.Time, ok bool) (event string) {
	switch {
	case c.ProbeAt.IsZero():
		return ""
	case !c.Open() && ok: // it answers: what failed was not its fault
		c.ProbeAt, c.Counts = time.Time{}, nil
		return ""
	case !c.Open():
		c.OpenedAt, c.ProbeAt, c.Good, c.Counts = now, nextProbe(now), 0, nil
		return opened
	case !ok:
		c.ProbeAt, c.Good = nextProbe(now), 0
		return ""
	}
	c.ProbeAt = nextProbe(now)
	if c.Good++; c.Good < goodProbes {
		return ""
	}
	c.OpenedAt, c.ProbeAt, c.Good, c.Counts = time.Time{}, time.Time{}, 0, nil
	return closed
}

// nextProbe is half a minute away, give or take a tenth, so that the probes of
// many connections at one vendor do not march in step.
func nextProbe(now time.Time) time.Time {
	return now.Add(openFor*9/10 + rand.N(openFor/5)) //nolint:gosec // it spreads load, nothing else
}

// alerts reports whether opening is worth an alert: at most one in a window.
func alerts(c *authz.Circuit, now time.Time) bool {
	if !c.AlertedAt.IsZero() && now.Sub(c.AlertedAt) < window {
		return false
	}
	c.AlertedAt = now
	return true
}
