package app

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
)

// NewJSONHandler writes what slog.NewJSONHandler(w, &slog.HandlerOptions{Level:
// level}) writes, byte for byte, and sooner: a line of plain texts and whole
// numbers, which the line of a request is, is put together here, and every
// other is left to slog. The writer must be safe for use by many goroutines.
func NewJSONHandler(w io.Writer, level slog.Leveler) slog.Handler {
	buffers := &sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}
	return &jsonLines{Handler: slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level}), out: w, buffers: buffers}
}

type jsonLines struct {
	slog.Handler // for every line that is not plain
	out          io.Writer
	buffers      *sync.Pool // of *[]byte
	given        []byte     // the attributes of WithAttrs
}

// WithAttrs renders the attributes once.
func (h *jsonLines) WithAttrs(attrs []slog.Attr) slog.Handler {
	given := append([]byte(nil), h.given...)
	for _, a := range attrs {
		var plain bool
		if given, plain = appendPlain(given, a); !plain {
			return h.Handler.WithAttrs(attrs)
		}
	}
	return &jsonLines{Handler: h.Handler.WithAttrs(attrs), out: h.out, buffers: h.buffers, given: given}
}

// Handle writes one line.
func (h *jsonLines) Handle(ctx context.Context, r slog.Record) error {
	attrs := make([]slog.Attr, 0, 16)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	if plain, err := h.write(r.Time, r.Level, r.Message, attrs); plain {
		return err
	}
	return h.Handler.Handle(ctx, r)
}

// HandleAttrs writes the line of a record that was not made: what it would hold
// is copied twice otherwise.
func (h *jsonLines) HandleAttrs(ctx context.Context, at time.Time, level slog.Level, message string, attrs []slog.Attr) error {
	if plain, err := h.write(at, level, message, attrs); plain {
		return err
	}
	r := slog.NewRecord(at, level, message, 0)
	r.AddAttrs(attrs...)
	return h.Handler.Handle(ctx, r)
}

// write writes a line that is plain.
func (h *jsonLines) write(at time.Time, level slog.Level, message string, attrs []slog.Attr) (plain bool, err error) {
	if at.IsZero() || !isPlain(message) {
		return false, nil
	}
	buffer, _ := h.buffers.Get().(*[]byte)
	defer h.buffers.Put(buffer)
	line := append((*buffer)[:0], `{"time":"`...)
	line = at.AppendFormat(line, time.RFC3339Nano)
	line = append(append(append(line, `","level":"`...), level.String()...), `","msg":"`...)
	line = append(append(append(line, message...), '"'), h.given...)
	for _, a := range attrs {
		if line, plain = appendPlain(line, a); !plain {
			return false, nil
		}
	}
	*buffer = append(line, '}', '\n')
	_, err = h.out.Write(*buffer)
	return true, err
}

// appendPlain appends an attribute that looks in JSON as it does in Go, or
// reports that it does not.
func appendPlain(line []byte, a slog.Attr) ([]byte, bool) {
	if !isPlain(a.Key) {
		return line, false
	}
	line = append(append(append(line, ',', '"'), a.Key...), '"', ':')
	switch a.Value.Kind() {
	case slog.KindString:
		text := a.Value.String()
		return append(append(append(line, '"'), text...), '"'), isPlain(text)
	case slog.KindInt64:
		return strconv.AppendInt(line, a.Value.Int64(), 10), true
	default:
		return line, false
	}
}

// isPlain reports whether JSON needs no escape for any byte of the text.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
