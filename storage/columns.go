package storage

import (
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"time"
)

// text is a value kept as JSON in a text column.
type text[T any] struct{ V T }

func asText[T any](v T) text[T] { return text[T]{v} }

// Value returns the JSON.
func (t text[T]) Value() (driver.Value, error) {
	raw, err := json.Marshal(t.V)
	if err != nil {
		return nil, fmt.Errorf("writing a column as JSON: %w", err)
	}
	return string(raw), nil
}

// Scan reads the JSON; NULL is the zero value.
func (t *text[T]) Scan(src any) error {
	var zero T
	t.V = zero
	var raw []byte
	switch v := src.(type) {
	case nil:
		return nil
	case string:
		raw = []byte(v)
	case []byte:
		raw = v
	default:
		return fmt.Errorf("reading a JSON column: unexpected %T", src)
	}
	if err := json.Unmarshal(raw, &t.V); err != nil {
		return fmt.Errorf("reading a JSON column: %w", err)
	}
	return nil
}

// GormDataType tells GORM that this is text.
func (text[T]) GormDataType() string { return "text" }

// list is a list of strings kept as JSON; "null" and "[]" are the same.
type list[S ~string] = text[[]S]

// digest is 32 bytes; all zero is kept as NULL.
type digest [32]byte

// Value returns the bytes.
func (d digest) Value() (driver.Value, error) {
	if d == (digest{}) {
		return nil, nil
	}
	return d[:], nil
}

// Scan reads the bytes; NULL is all zero.
func (d *digest) Scan(src any) error {
	*d = digest{}
	if src == nil {
		return nil
	}
	raw, ok := src.([]byte)
	if !ok || len(raw) != len(d) {
		return fmt.Errorf("reading a digest: not 32 bytes but %T of another length", src)
	}
	copy(d[:], raw)
	return nil
}

// GormDataType tells GORM that this is bytes.
func (digest) GormDataType() string { return "bytes" }

// utc is the time as both databases keep it.
func utc(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// optional keeps the zero time as NULL.
func optional(t time.Time) sql.NullTime {
	return sql.NullTime{Time: utc(t), Valid: !t.IsZero()}
}

// instant is the inverse of optional.
func instant(t sql.NullTime) time.Time {
	if !t.Valid {
		return time.Time{}
	}
	return t.Time.UTC()
}

// raw is JSON as it came, kept as text; nothing is kept as the empty text.
type raw json.RawMessage

func (r raw) json() json.RawMessage {
	if len(r) == 0 {
		return nil
	}
	return json.RawMessage(r)
}

// Value returns the text.
func (r raw) Value() (driver.Value, error) { return string(r), nil }

// Scan reads the text; NULL and the empty text are nothing.
func (r *raw) Scan(src any) error {
	*r = nil
	switch v := src.(type) {
	case nil:
	case string:
		*r = raw(v)
	case []byte:
		*r = append(raw(nil), v...)
	default:
		return fmt.Errorf("reading a JSON column: unexpected %T", src)
	}
	return nil
}

// GormDataType tells GORM that this is text.
func (raw) GormDataType() string { return "text" }

// mapped is f of every row.
func mapped[R, T any](rows []R, f func(R) T) []T {
	out := make([]T, len(rows))
	for i, r := range rows {
		out[i] = f(r)
	}
	return out
}
