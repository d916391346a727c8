package app_test

import (
	"bytes"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
)

type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *sink) state() (string, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String(), s.writes
}

func TestLogLinesAreWrittenTogetherAndSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &sink{}
		w := app.NewLogWriter(s)
		for range 3 {
			_, _ = w.Write([]byte("line\n"))
		}
		time.Sleep(300 * time.Millisecond)
		if text, writes := s.state(); text != "line\nline\nline\n" || writes != 1 {
			t.Errorf("%q in %d writes", text, writes)
		}
		_, _ = w.Write([]byte("last\n"))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if text, _ := s.state(); text != "line\nline\nline\nlast\n" {
			t.Errorf("after Close: %q", text)
		}
	})
}
