package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// row gathers the rounds of one workload.
type row struct {
	name                      string
	perSecond, floorPerSecond []float64
	ratio                     []float64
	p50, p99                  []time.Duration
	cpuPerOp, floorCPUPerOp   []time.Duration
	cpuRatio                  []float64
	operations                uint64
	errors                    int
	first                     error
}

// round measures floor and target once. Who goes first alternates, so that a
// machine that slows down or speeds up favours neither.
func (r *row) round(ctx context.Context, o options, n int, floor, target run) error {
	until := func(_ uint64, passed time.Duration) bool { return passed >= o.length }
	order := []run{floor, target}
	if n%2 == 1 {
		slices.Reverse(order)
	}
	results := map[*server]result{}
	for _, one := range order {
		got, err := measure(ctx, one, o.conns, until)
		if err != nil {
			return err
		}
		results[one.server] = got
	}
	base, got := results[floor.server], results[target.server]
	if base.errors > 0 {
		return fmt.Errorf("the floor made %d errors, first: %w", base.errors, base.first)
	}
	r.add(base, got)
	return nil
}

func (r *row) add(base, got result) {
	speed, floor := got.perSecond(), base.perSecond()
	r.perSecond = append(r.perSecond, speed)
	r.floorPerSecond = append(r.floorPerSecond, floor)
	r.ratio = append(r.ratio, speed/floor)
	r.p50 = append(r.p50, got.latency.quantile(0.50))
	r.p99 = append(r.p99, got.latency.quantile(0.99))
	r.cpuPerOp = append(r.cpuPerOp, got.cpuPerOp())
	r.floorCPUPerOp = append(r.floorCPUPerOp, base.cpuPerOp())
	r.cpuRatio = append(r.cpuRatio, float64(base.cpuPerOp())/float64(max(got.cpuPerOp(), 1)))
	r.operations += got.latency.count
	r.errors += got.errors
	if r.first == nil {
		r.first = got.first
	}
}

func (r result) perSecond() float64 { return float64(r.latency.count) / r.took.Seconds() }

func (r result) cpuPerOp() time.Duration {
	return r.cpu / time.Duration(max(r.latency.count, 1))
}

// median of at least one value; of an even number the greater of the middle two.
func median[T ~int64 | float64](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

// report prints medians over the rounds, and fails if an answer was wrong.
func report(w io.Writer, o options, rows []row) error {
	fmt.Fprintf(w, "%d connections, %d rounds of %s, medians; ratio is to the floor of the same round.\n"+
		"µs/op is the server's processor time, which other work on the machine disturbs least; cpu is the ratio by it.\n", o.conns, o.rounds, o.length)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "work\tops/s\tfloor ops/s\tratio\tmin\tmax\tp50 ms\tp99 ms\tµs/op\tfloor µs/op\tcpu\toperations\terrors\t")
	var wrong []error
	for _, r := range rows {
		fmt.Fprintf(t, "%s\t%.0f\t%.0f\t%.3f\t%.3f\t%.3f\t%.2f\t%.2f\t%.1f\t%.1f\t%.3f\t%d\t%d\t\n", r.name,
			median(r.perSecond), median(r.floorPerSecond), median(r.ratio), slices.Min(r.ratio), slices.Max(r.ratio),
			milliseconds(median(r.p50)), milliseconds(median(r.p99)),
			microseconds(median(r.cpuPerOp)), microseconds(median(r.floorCPUPerOp)), median(r.cpuRatio), r.operations, r.errors)
		if r.errors > 0 {
			wrong = append(wrong, fmt.Errorf("%s: %d wrong answers, first: %w", r.name, r.errors, r.first))
		}
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if few, many := find(rows, "W2"), find(rows, "W8"); few != nil && many != nil {
		fmt.Fprintf(w, "W2 among %d stored tokens is %.3f of W2 among %d; by processor time %.3f.\n", o.stored,
			median(many.ratio)/median(few.ratio), o.tokens, median(many.cpuRatio)/median(few.cpuRatio))
	}
	return errors.Join(wrong...)
}

func find(rows []row, name string) *row {
	for i := range rows {
		if rows[i].name == name {
			return &rows[i]
		}
	}
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
