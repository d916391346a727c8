package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	gatehouse string
	summary   string
	dsn       string
	issuer    string
	workloads string
	conns     int
	rounds    int
	tokens    int
	stored    int
	length    time.Duration
	server    int
	client    int
}

func main() {
	var o options
	floor := flag.Bool("floor", false, "be the floor: print an address and serve until standard input ends")
	flag.StringVar(&o.gatehouse, "gatehouse", "bin/gatehouse", "the binary to measure")
	flag.StringVar(&o.summary, "summary", "", "measure the running demo that wrote this summary instead")
	flag.StringVar(&o.dsn, "postgres", "", "address of a PostgreSQL to measure on, instead of SQLite; its database must be empty")
	flag.StringVar(&o.issuer, "issuer", "", "name of the issuer in the summary; the first one if empty")
	flag.StringVar(&o.workloads, "workloads", "W1,W2,W3,W4,W5,W6,verify,forward-auth", "which to run; also W4-RS256, W5-RS256, W7, W8, verify, forward-auth")
	flag.IntVar(&o.conns, "conns", 32, "connections")
	flag.IntVar(&o.rounds, "rounds", 5, "rounds of each workload")
	flag.IntVar(&o.tokens, "tokens", 10_000, "distinct tokens of W2")
	flag.IntVar(&o.stored, "stored", 1_000_000, "tokens in the table during W8")
	flag.DurationVar(&o.length, "length", 3*time.Second, "length of one measurement")
	flag.IntVar(&o.server, "server-core", 0, "core of the servers")
	flag.IntVar(&o.client, "client-core", 1, "core of the load generator")
	flag.Parse()
	if *floor {
		exit(serveFloor(os.Stdin, os.Stdout))
	}
	exit(bench(o))
}

func exit(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

func bench(o options) error {
	if o.conns < 1 || o.rounds < 1 || o.tokens < o.conns || o.length <= 0 {
		return errors.New("-conns, -rounds and -length must be positive, -tokens at least -conns")
	}
	pinned, err := pinSelf(o.client)
	if err != nil {
		return err
	}
	if !pinned {
		fmt.Println("taskset or a second core is missing: server and client share what there is, ratios mean little")
		o.server = -1
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	floor, stopFloor, err := startFloor(ctx, o)
	if err != nil {
		return err
	}
	defer stopFloor()
	start := startGatehouse
	if o.dsn != "" || strings.Contains(o.workloads, "W4") || strings.Contains(o.workloads, "W5") {
		start = startServed
	}
	target, stopTarget, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer stopTarget()
	rows, err := compare(ctx, o, floor, target)
	if err != nil {
		return err
	}
	return report(os.Stdout, o, rows)
}

// compare runs all workloads, round by round.
func compare(ctx context.Context, o options, floor, target *server) ([]row, error) {
	if err := refuses(ctx, target); err != nil {
		return nil, err
	}
	tokens, err := mint(ctx, o, target)
	if err != nil {
		return nil, err
	}
	base := introspection(floor, []string{"a-token-the-floor-does-not-look-at"})
	var rows []row
	for name := range strings.SplitSeq(o.workloads, ",") {
		load, err := workloadOf(name, target, tokens)
		if err != nil {
			return nil, err
		}
		if name == "W8" {
			progress("\rW8 fills the table ")
			if err := grow(ctx, target, o.stored); err != nil {
				return nil, err
			}
		}
		r := row{name: name}
		for n := range o.rounds {
			progress("\r%s round %d of %d ", name, n+1, o.rounds)
			if err := r.round(ctx, o, n, run{floor, base}, run{target, load}); err != nil {
				return nil, err
			}
		}
		rows = append(rows, r)
	}
	progress("\r%40s\r", "")
	return rows, nil
}

// progress tells a person who watches how far the bench is, and nobody else.
func progress(format string, args ...any) {
	if info, err := os.Stderr.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		fmt.Fprintf(os.Stderr, format, args...)
	}
}
