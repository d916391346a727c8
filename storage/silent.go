package storage

import (
	"context"
	"time"

	"gorm.io/gorm/logger"
)

// silent is GORM's logger: none, because GORM logs statements with the data in
// them. Errors are returned instead. It observes statements without their
// data; nil observes nothing.
type silent struct{ observe func(string) }

// What a query scans into GORM notes with a recorder of its own, whose filter is
// a variable of its package.
//
//nolint:gochecknoinits // the reason stands above
func init() { logger.RecorderParamsFilter = silent{}.ParamsFilter }

// LogMode keeps silent at every level.
func (s silent) LogMode(logger.LogLevel) logger.Interface { return s }

// Info does nothing.
func (silent) Info(context.Context, string, ...any) {}

// Warn does nothing.
func (silent) Warn(context.Context, string, ...any) {}

// Error does nothing.
func (silent) Error(context.Context, string, ...any) {}

// ParamsFilter keeps data out of what Trace is told.
func (silent) ParamsFilter(_ context.Context, sql string, _ ...any) (string, []any) { return sql, nil }

// Trace tells of a statement.
func (s silent) Trace(_ context.Context, _ time.Time, statement func() (string, int64), _ error) {
	if s.observe != nil {
		text, _ := statement()
		s.observe(text)
	}
}
