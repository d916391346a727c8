package app_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

// Connections that never finish a header, or a body, are cut, and meanwhile
// others are answered.
func TestDS_02_SlowConnectionsAreCut(t *testing.T) {
	cfg := config.Default()
	cfg.Database.Path = filepath.Join(t.TempDir(), "gatehouse.db")
	cfg.Secrets.GeneratedKeyFile = filepath.Join(t.TempDir(), "gatehouse.key")
	cfg.Server.ReadTimeout, cfg.Server.DrainDelay = time.Second, 0
	public, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	operator, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	i := config.NewIssuer("default")
	i.URL = "http://" + public.Addr().String()
	cfg.Issuers = []config.Issuer{i}
	a, err := app.Open(t.Context(), app.Options{
		Config: cfg, Logger: slog.New(slog.DiscardHandler), Listeners: []net.Listener{public}, Operator: operator,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- a.Serve(ctx) }()
	defer func() {
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		_ = a.Close()
	}()

	var group sync.WaitGroup
	for n := range 200 {
		conn, err := net.Dial("tcp", public.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		text := "GET / HTTP/1.1\r\nHost: slow"
		if n%2 == 0 {
			text = "POST /oauth2/token HTTP/1.1\r\nHost: " + public.Addr().String() + "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\ngrant"
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		group.Go(func() {
			defer conn.Close()
			_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
			if _, err := io.Copy(io.Discard, conn); err != nil {
				if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
					t.Error("a slow connection was kept for 10 seconds")
				}
			}
		})
		if n%20 == 0 {
			resp, err := http.Get(i.URL + "/.well-known/openid-configuration")
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("others are not answered: %v", err)
			}
			_ = resp.Body.Close()
		}
	}
	group.Wait()
}
