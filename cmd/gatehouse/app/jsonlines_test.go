package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
)

// FuzzALogLineIsTheOneSlogWouldWrite holds for plain lines and for those that
// are none.
func FuzzALogLineIsTheOneSlogWouldWrite(f *testing.F) {
	f.Add("request", "route", "GET /", int64(200), int64(1767225600123456789))
	f.Add("", "", "", int64(-1), int64(0))
	f.Add("a\"b", "k\\", "<&>\u2028\xff\x7f\n", int64(0), int64(-1))
	f.Fuzz(func(t *testing.T, message, key, value string, number, at int64) {
		var want, got bytes.Buffer
		for to, h := range map[*bytes.Buffer]slog.Handler{&want: slog.NewJSONHandler(&want, nil), &got: app.NewJSONHandler(&got, slog.LevelInfo)} {
			lines(h, time.Unix(0, at), message, slog.String(key, value), slog.Int64(value, number))
			if to.Len() == 0 {
				t.Fatal("nothing was written")
			}
		}
		if want.String() != got.String() {
			t.Errorf("slog writes\n%s\nand this\n%s", &want, &got)
		}
	})
}

func lines(h slog.Handler, at time.Time, message string, attrs ...slog.Attr) {
	others := []slog.Attr{
		slog.Bool("b", true), slog.Float64("f", 1.5), slog.Duration("d", time.Second), slog.Any("e", errors.New("x")), slog.Group("g", slog.Int("n", 1)), {},
	}
	handlers := []slog.Handler{h, h.WithAttrs(attrs), h.WithAttrs(attrs).WithAttrs(attrs), h.WithGroup("g").WithAttrs(attrs), h.WithAttrs(others), h.WithAttrs(nil)}
	for _, h := range handlers {
		for _, level := range []slog.Level{slog.LevelDebug, slog.LevelInfo, slog.LevelError, 9} {
			if !h.Enabled(context.Background(), level) {
				continue
			}
			for n := range len(attrs) + len(others) {
				r := slog.NewRecord(at, level, message, 0)
				r.AddAttrs(append(attrs[:len(attrs):len(attrs)], others[:max(0, n-len(attrs))]...)[:n]...)
				_ = h.Handle(context.Background(), r)
				again(h, r)
			}
		}
		_ = h.Handle(context.Background(), slog.Record{Message: message})
	}
}

// again writes a record once more, by its attributes where the handler can.
func again(h slog.Handler, r slog.Record) {
	direct, ok := h.(interface {
		HandleAttrs(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error
	})
	if !ok {
		_ = h.Handle(context.Background(), r)
		return
	}
	var attrs []slog.Attr
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	_ = direct.HandleAttrs(context.Background(), r.Time, r.Level, r.Message, attrs)
}
