package web

import (
	"log/slog"
	"net/http"
	"time"
)

// requestLines writes the one line of each request of a route. What is the
// same in every line is rendered once, and a line has no source position: the
// logger would look for one every time.
type requestLines struct{ handler slog.Handler }

// linesOf are the lines of a route. They name routes, not paths, as a path may
// hold what should not be kept.
func (s *server) linesOf(st *site, rt route) requestLines {
	return requestLines{s.cfg.Logger.Handler().WithAttrs([]slog.Attr{slog.String("issuer", st.name), slog.String("route", rt.pattern)})}
}

func (l requestLines) log(r *http.Request, p *passage, began time.Time, took time.Duration) {
	level := slog.LevelInfo
	if p.status() >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	if !l.handler.Enabled(p, level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 12),
		slog.String("request_id", p.Origin.RequestID), slog.String("method", r.Method), slog.Int("status", p.status()),
		slog.Int("bytes", p.size), slog.Int64("took_us", took.Microseconds()), slog.String("client_ip", p.Origin.IP))
	record := slog.NewRecord(began.Add(took), level, "request", 0)
	record.AddAttrs(p.notes.attrs(attrs)...)
	_ = l.handler.Handle(p, record) // a log that cannot be written has nowhere to say so
}
