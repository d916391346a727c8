package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// patience bounds the wait for one answer.
const patience = 20 * time.Second

// mintTime bounds how long getting the tokens may take.
const mintTime = 5 * time.Minute

// run is a workload at a server.
type run struct {
	server *server
	load   workload
}

// result is one measurement.
type result struct {
	latency histogram
	errors  int
	first   error // the first of the errors, as an example
	took    time.Duration
	cpu     time.Duration // of the server
}

// measure keeps conns connections asking until enough says so, each with at
// most one request under way.
func measure(ctx context.Context, r run, conns int, enough func(done uint64, passed time.Duration) bool) (result, error) {
	u, err := url.Parse(r.server.Issuer)
	if err != nil {
		return result{}, fmt.Errorf("address of the server: %w", err)
	}
	var total result
	var mu sync.Mutex
	var wg sync.WaitGroup
	started, cpu := time.Now(), r.server.cpu()
	for i := range conns {
		wg.Go(func() {
			c := newConnection(u.Host, patience)
			defer c.close()
			part := ask(ctx, c, r.load(i, conns), started, enough)
			mu.Lock()
			defer mu.Unlock()
			total.latency.merge(&part.latency)
			total.errors += part.errors
			if total.first == nil {
				total.first = part.first
			}
		})
	}
	wg.Wait()
	total.took, total.cpu = time.Since(started), r.server.cpu()-cpu
	return total, ctx.Err()
}

// ask is the closed loop of one connection.
func ask(ctx context.Context, c *connection, operation func(*connection) error, started time.Time, enough func(uint64, time.Duration) bool) *result {
	r := &result{}
	now := time.Now()
	for ctx.Err() == nil && !enough(r.latency.count, now.Sub(started)) {
		err := operation(c)
		end := time.Now()
		if err == nil {
			r.latency.add(end.Sub(now))
		} else if r.errors++; r.first == nil {
			r.first = err
		}
		if r.errors > 1000 {
			return r // a server that only fails needs no more load
		}
		now = end
	}
	return r
}

// mint issues o.tokens access tokens and introspects each once, which proves
// them and warms the server up.
func mint(ctx context.Context, o options, s *server) ([]string, error) {
	var mu sync.Mutex
	tokens := make([]string, 0, o.tokens)
	each := uint64((o.tokens + o.conns - 1) / o.conns)
	until := func(done uint64, passed time.Duration) bool { return done >= each || passed > mintTime }
	keep := func(token string) { mu.Lock(); tokens = append(tokens, token); mu.Unlock() }
	issued, err := measure(ctx, run{s, issuance(s, keep)}, o.conns, until)
	if err := errors.Join(err, issued.first); err != nil {
		return nil, fmt.Errorf("minting %d tokens: %d errors, first: %w", o.tokens, issued.errors, err)
	}
	if len(tokens) < o.tokens {
		return nil, fmt.Errorf("minting %d tokens took over %s", o.tokens, mintTime)
	}
	tokens = tokens[:o.tokens]
	proven, err := measure(ctx, run{s, introspection(s, tokens)}, o.conns, until)
	if err := errors.Join(err, proven.first); err != nil {
		return nil, fmt.Errorf("proving the tokens: %d errors, first: %w", proven.errors, err)
	}
	return tokens, nil
}

// refuses makes sure that s answers quickly for the right reasons: an unknown
// token is inactive, and a caller without the right secret is told nothing.
func refuses(ctx context.Context, s *server) error {
	u, err := url.Parse(s.Introspection)
	if err != nil {
		return fmt.Errorf("introspection endpoint: %w", err)
	}
	c := newConnection(u.Host, patience)
	defer c.close()
	form := url.Values{"token": {"no-such-token"}}
	if err := expect(c, post(s.Introspection, s.introspector, form), `"active":false`); err != nil {
		return fmt.Errorf("an unknown token is not inactive: %w", err)
	}
	wrong := client{ID: s.introspector.ID, Secret: "wrong"}
	status, _, err := c.do(post(s.Introspection, wrong, form))
	if err != nil {
		return fmt.Errorf("trying a wrong client secret: %w", err)
	}
	if status != http.StatusUnauthorized {
		return fmt.Errorf("a wrong client secret is answered with %d", status)
	}
	return ctx.Err()
}
