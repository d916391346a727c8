package app

import (
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// longAgo is how net/http stops a read.
var longAgo = time.Unix(1, 0)

func pipe(t *testing.T) (here, there net.Conn) {
	a, b := net.Pipe()
	t.Cleanup(func() { _, _ = a.Close(), b.Close() })
	return unhurriedConn(a), b
}

func ends(t *testing.T, c io.Reader, after time.Duration) {
	t.Helper()
	began := time.Now()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != after {
		t.Fatalf("after %v, want %v: %v", time.Since(began), after, err)
	}
}

func in(d time.Duration) time.Time { return time.Now().Add(d) }

func TestAReadEndsWhenTheLastDeadlineSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipe(t)
		_ = c.SetReadDeadline(in(5 * time.Second))
		_ = c.SetReadDeadline(in(10 * time.Second))
		ends(t, c, 10*time.Second)
		_ = c.SetReadDeadline(time.Time{})
		_ = c.SetReadDeadline(in(time.Minute))
		_ = c.SetReadDeadline(in(time.Second)) // sooner than before
		ends(t, c, time.Second)
		_ = c.SetReadDeadline(in(time.Hour))
		time.AfterFunc(time.Minute, func() { _ = c.SetReadDeadline(longAgo) })
		ends(t, c, time.Minute)
		_ = c.SetReadDeadline(time.Time{})
		_ = c.SetReadDeadline(in(3 * time.Second))
		ends(t, c, 3*time.Second)
	})
}

func TestAReadWithoutADeadlineWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, other := pipe(t)
		for _, before := range []time.Time{longAgo, in(5 * time.Second)} {
			_ = c.SetReadDeadline(before)
			_ = c.SetReadDeadline(time.Time{})
			time.AfterFunc(24*time.Hour, func() { _, _ = other.Write([]byte("x")) })
			if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestAWriteGoesOnPastATimerThatWasDueTooEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, other := pipe(t)
		read := func() { _, _ = other.Read(make([]byte, 4)) }
		_ = c.SetWriteDeadline(in(5 * time.Second))
		_ = c.SetWriteDeadline(in(10 * time.Second))
		time.AfterFunc(time.Second, read)
		time.AfterFunc(7*time.Second, read)
		if n, err := c.Write([]byte("12345678")); n != 8 || err != nil {
			t.Fatalf("%d written: %v", n, err)
		}
		time.AfterFunc(time.Second, read)
		if n, err := c.Write([]byte("12345678")); n != 4 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d written: %v", n, err)
		}
	})
}

// counting counts the timers that the connection beneath is given.
type counting struct {
	net.Conn
	timers *atomic.Int32
}

func (c counting) SetReadDeadline(t time.Time) error {
	c.timers.Add(1)
	return c.Conn.SetReadDeadline(t)
}

func (c counting) SetWriteDeadline(t time.Time) error {
	c.timers.Add(1)
	return c.Conn.SetWriteDeadline(t)
}

type countingListener struct {
	net.Listener
	timers *atomic.Int32
}

func (l countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return counting{c, l.timers}, err
}

func TestStoppingWhoDoesNotReadYetCostsNoTimer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var timers atomic.Int32
		a, b := net.Pipe()
		t.Cleanup(func() { _, _ = a.Close(), b.Close() })
		c := unhurriedConn(counting{a, &timers})
		go func() { _, _ = b.Write([]byte("xyz")) }()
		synctest.Wait()
		_ = c.SetReadDeadline(longAgo)
		ends(t, c, 0) // although there is something to read
		ends(t, c, 0)
		_ = c.SetReadDeadline(time.Time{})
		if n, err := c.Read(make([]byte, 1)); n != 1 || err != nil || timers.Load() != 0 {
			t.Fatalf("%d bytes, %d timers: %v", n, timers.Load(), err)
		}
		_ = c.SetReadDeadline(longAgo)
		_ = c.SetReadDeadline(in(time.Second))
		if n, err := c.Read(make([]byte, 2)); n != 2 || err != nil {
			t.Fatal(err)
		}
		ends(t, c, time.Second)
		_ = c.SetWriteDeadline(longAgo)
		if n, err := c.Write([]byte("x")); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Fatalf("%d written: %v", n, err)
		}
	})
}

func TestARequestCostsTwoTimersAtMost(t *testing.T) {
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var timers atomic.Int32
	server := &http.Server{
		ReadHeaderTimeout: time.Minute, ReadTimeout: time.Minute, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute,
		Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }),
	}
	defer server.Close()
	go func() { _ = server.Serve(unhurried{countingListener{plain, &timers}}) }()
	const requests = 50
	client := http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	defer client.CloseIdleConnections()
	for range requests {
		resp, err := client.Post("http://"+plain.Addr().String(), "text/plain", strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
	if n := timers.Load(); n > 2*requests+10 {
		t.Errorf("%d timers for %d requests", n, requests)
	}
}
