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

// observe adds outcomes of exchanges to a circuit, and reports whether that
// opened it. An open circuit is moved by probes alone.
func observe(c *authz.Circuit, now time.Time, ok, failed int) (opened bool) {
	if c.Open() {
		return false
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
	if failed == 0 || bad < minFailures || bad < good {
		return false
	}
	c.OpenedAt, c.ProbeAt, c.Good, c.Counts = now, nextProbe(now), 0, nil
	return true
}

// probed takes the outcome of a probe, and reports whether that closed the
// circuit.
func probed(c *authz.Circuit, now time.Time, ok bool) (closed bool) {
	if !c.Open() {
		return false
	}
	c.ProbeAt = nextProbe(now)
	if !ok {
		c.Good = 0
		return false
	}
	if c.Good++; c.Good < goodProbes {
		return false
	}
	c.OpenedAt, c.ProbeAt, c.Good, c.Counts = time.Time{}, time.Time{}, 0, nil
	return true
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
