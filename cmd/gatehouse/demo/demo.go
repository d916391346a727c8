package demo

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

// Options say how to run the demo.
type Options struct {
	Dir     string // empty: a temporary directory, removed at the end
	Summary string // file for the summary as JSON; empty for none
	Bench   bool
	// Suite is the address of a conformance suite of the OpenID Foundation's; with
	// it one issuer for the suite's plans is served in place of the products.
	Suite   string
	Version string
}

// Run runs the demo until ctx ends.
func Run(ctx context.Context, o Options) (err error) {
	if o.Dir == "" {
		if o.Dir, err = os.MkdirTemp("", "gatehouse-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.Dir)) }()
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return err
	}
	if o.Suite != "" {
		return runSuite(ctx, o)
	}
	ports, err := listen(ctx)
	if err != nil {
		return err
	}
	logger, closeLog, err := openLog(o.Dir)
	if err != nil {
		return err
	}
	defer closeLog()
	a, err := app.Open(ctx, app.Options{
		Config: configuration(o, ports), Logger: logger, Version: o.Version,
		Listeners: []net.Listener{ports.up, ports.upAPI, ports.sp}, Operator: ports.operator,
	})
	if err != nil {
		return err
	}
	return errors.Join(run(ctx, o, a, ports), a.Close())
}

func run(ctx context.Context, o Options, a *app.App, ports *ports) error {
	up, err := startUpstream(ports)
	if err != nil {
		return err
	}
	defer func() { _ = up.server.Close() }()
	sample := newSample(ports.sample)
	defer sample.close()
	s, err := populate(ctx, a, up, ports, sample)
	if err != nil {
		return err
	}
	if o.Summary != "" {
		if err := s.write(o.Summary); err != nil {
			return err
		}
	}
	if o.Bench {
		fmt.Fprintln(os.Stderr, "warning: --bench lifts the limits per address and client; only for load tests on this machine")
	}
	sample.serve()
	s.print(os.Stdout, sample.url(), filepath.Join(o.Dir, logFile))
	return a.Serve(ctx)
}

const logFile = "gatehouse.log"

// openLog keeps the log out of the terminal, where the summary stands.
func openLog(dir string) (*slog.Logger, func(), error) {
	f, err := os.OpenFile(filepath.Join(dir, logFile), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600) //nolint:gosec // the directory is the caller's
	if err != nil {
		return nil, nil, err
	}
	lines := app.NewLogWriter(f)
	return slog.New(app.NewJSONHandler(lines, slog.LevelInfo)), func() { _, _ = lines.Close(), f.Close() }, nil
}

// configuration is what an operator would write for the two products.
func configuration(o Options, p *ports) config.Config {
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(o.Dir, "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(o.Dir, "gatehouse.key")
	cfg.Outbound.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	cfg.Limits.Enabled = !o.Bench
	cfg.Server.DrainDelay = 0
	up, sp := config.NewIssuer("uptimepulse"), config.NewIssuer("statuspulse")
	up.URL, up.APIURL = "http://"+p.up.Addr().String(), "http://"+p.upAPI.Addr().String()
	sp.URL = "http://" + p.sp.Addr().String()
	cfg.Issuers = []config.Issuer{up, sp}
	return cfg
}

// ports are the listeners of the demo, open before anything is configured, so
// that every URL is known.
type ports struct{ up, upAPI, sp, operator, sample, upstream net.Listener }

// preferred ports make the demo's URLs the same every time; one that is taken
// is replaced by any that is free.
func listen(ctx context.Context) (*ports, error) {
	p := &ports{}
	var opened []net.Listener
	for _, want := range []struct {
		to   *net.Listener
		port int
	}{{&p.up, 8081}, {&p.upAPI, 8082}, {&p.sp, 8083}, {&p.sample, 8085}, {&p.upstream, 8086}, {&p.operator, 9090}} {
		l, err := listenAt(ctx, want.port)
		if err != nil {
			for _, o := range opened {
				_ = o.Close()
			}
			return nil, err
		}
		*want.to = l
		opened = append(opened, l)
	}
	return p, nil
}

func listenAt(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		return l, nil
	}
	return lc.Listen(ctx, "tcp", "127.0.0.1:0")
}
