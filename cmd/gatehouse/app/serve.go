package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/web"
)

// Serve listens and answers until ctx ends; then it says it is not ready,
// waits for balancers to notice, finishes what is under way, and returns.
func (a *App) Serve(ctx context.Context) error {
	tuneRuntime()
	listeners, err := a.listen(ctx)
	if err != nil {
		return err
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	jobs := a.startJobs(work)
	servers, group := a.start(listeners)
	a.options.Logger.Info("ready", "version", a.options.Version, "issuers", a.issuerURLs(), "listening", addresses(listeners))

	defer time.AfterFunc(settled, giveBack).Stop()
	failed := make(chan error, 1)
	go func() { failed <- group.Wait() }()
	select {
	case err = <-failed: // a listener broke
	case <-ctx.Done():
		err = a.drain(ctx, servers)
	}
	stop()
	jobs()
	return err
}

// opened is a listener and what answers on it.
type opened struct {
	net.Listener
	handler http.Handler
}

func (a *App) listen(ctx context.Context) ([]opened, error) {
	var all []opened
	for _, l := range a.options.Listeners {
		all = append(all, opened{unhurried{l}, a.handler})
	}
	if len(all) == 0 {
		for _, cfg := range a.options.Config.Server.Public {
			l, err := listenPublic(ctx, cfg)
			if err != nil {
				return nil, errors.Join(err, closeAll(all))
			}
			handler := a.handler
			if cfg.TrustedGateways {
				handler = web.Trusted(handler)
			}
			all = append(all, opened{l, handler})
		}
	}
	operator := a.options.Operator
	if operator == nil {
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", a.options.Config.Server.Operator.Address)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("the operator listener (server.operator.address): %w", err), closeAll(all))
		}
		operator = l
	}
	return append(all, opened{operator, a.operator.Handler()}), nil
}

func closeAll(all []opened) error {
	var errs []error
	for _, l := range all {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}

func listenPublic(ctx context.Context, cfg config.Listener) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", cfg.Address)
	if err != nil {
		return nil, fmt.Errorf("a public listener (server.public): %w", err)
	}
	l = unhurried{l}
	if !cfg.TLS.Enabled() {
		return l, nil
	}
	certificate, err := tls.LoadX509KeyPair(cfg.TLS.CertFile, cfg.TLS.KeyFile)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("the certificate of %s: %w", cfg.Address, err), l.Close())
	}
	conf := tlsConfig(cfg.TLS.MinVersion, certificate)
	if cfg.TLS.ClientCertificates {
		conf.ClientAuth = tls.RequestClientCert // who issued it is looked at where a client is
	}
	return tls.NewListener(l, conf), nil
}

// tlsConfig speaks TLS 1.3, or also 1.2 with the six suites that BCP 195 (RFC
// 9325 section 4.2) recommends; Go's own list still holds CBC ones.
func tlsConfig(minVersion string, certificate tls.Certificate) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{certificate}, NextProtos: []string{"h2", "http/1.1"}}
	if minVersion == "1.2" {
		c.MinVersion = tls.VersionTLS12
		c.CipherSuites = []uint16{
			tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
			tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
			tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
		}
	}
	return c
}

func (a *App) start(listeners []opened) ([]*http.Server, *errgroup.Group) {
	cfg := a.options.Config.Server
	group := &errgroup.Group{}
	servers := make([]*http.Server, 0, len(listeners))
	for _, l := range listeners {
		srv := &http.Server{
			Handler: l.handler, ReadHeaderTimeout: min(5*time.Second, cfg.ReadTimeout), ReadTimeout: cfg.ReadTimeout,
			WriteTimeout: cfg.WriteTimeout, IdleTimeout: cfg.IdleTimeout, MaxHeaderBytes: 64 << 10,
			ErrorLog: slog.NewLogLogger(a.options.Logger.Handler(), slog.LevelDebug),
		}
		servers = append(servers, srv)
		group.Go(func() error {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return fmt.Errorf("serving %s: %w", l.Addr(), err)
			}
			return nil
		})
	}
	return servers, group
}

// drain stops in the order balancers need: not ready, a pause, no new
// connections, the end of what is under way.
func (a *App) drain(ctx context.Context, servers []*http.Server) error {
	cfg := a.options.Config.Server
	a.options.Logger.Info("draining", "delay", cfg.DrainDelay.String())
	a.operator.Drain()
	time.Sleep(cfg.DrainDelay)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.ShutdownTimeout)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Shutdown(ctx))
	}
	return errors.Join(errs...)
}

// addresses are where the listeners are, the operator's last.
func addresses(listeners []opened) []string {
	all := make([]string, 0, len(listeners))
	for _, l := range listeners {
		all = append(all, l.Addr().String())
	}
	return all
}

func (a *App) issuerURLs() []string {
	urls := make([]string, 0, len(a.Issuers))
	for _, name := range a.issuerNames() {
		urls = append(urls, a.Issuers[name].Config.URL)
	}
	return urls
}
