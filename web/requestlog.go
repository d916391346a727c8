package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"
)

// requestLines writes the one line of each request of a route. What is the
// same in every line is rendered once, and a line has no source position: the
// logger would look for one every time.
type requestLines struct {
	handler slog.Handler
	attrs   attrsHandler // the handler, if it can
	room    *sync.Pool   // of *[]slog.Attr: where attributes are while a line is written
}

// attrsHandler is a handler of logs that writes a line without a record of it.
type attrsHandler interface {
	HandleAttrs(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error
}

// linesOf are the lines of a route. They name routes, not paths, as a path may
// hold what should not be kept.
func (s *server) linesOf(st *site, rt route) requestLines {
	h := s.cfg.Logger.Handler().WithAttrs([]slog.Attr{slog.String("issuer", st.name), slog.String("route", rt.pattern)})
	attrs, _ := h.(attrsHandler)
	return requestLines{h, attrs, &sync.Pool{New: func() any { a := make([]slog.Attr, 0, 16); return &a }}}
}

func (l requestLines) log(r *http.Request, p *passage, began time.Time, took time.Duration) {
	level := slog.LevelInfo
	if p.status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !l.handler.Enabled(p, level) {
		return
	}
	room, _ := l.room.Get().(*[]slog.Attr)
	defer l.room.Put(room)
	attrs := p.notes.attrs(append((*room)[:0],
		slog.String("request_id", p.Origin.RequestID), slog.String("method", r.Method), slog.Int("status", p.status()),
		slog.Int("bytes", p.size), slog.Int64("took_us", took.Microseconds()), slog.String("client_ip", p.Origin.IP)))
	*room = attrs
	// A log that cannot be written has nowhere to say so.
	if l.attrs != nil {
		_ = l.attrs.HandleAttrs(p, began.Add(took), level, "request", attrs)
		return
	}
	record := slog.NewRecord(began.Add(took), level, "request", 0)
	record.AddAttrs(attrs...)
	_ = l.handler.Handle(p, record)
}
