package storage

import (
	"context"
	"time"

	"gorm.io/gorm/logger"
)

// silent is GORM's logger: none, because GORM logs statements with the data in
// them. Errors are returned instead.
type silent struct{}

// LogMode keeps silent at every level.
func (s silent) LogMode(logger.LogLevel) logger.Interface { return s }

// Info does nothing.
func (silent) Info(context.Context, string, ...any) {}

// Warn does nothing.
func (silent) Warn(context.Context, string, ...any) {}

// Error does nothing.
func (silent) Error(context.Context, string, ...any) {}

// Trace does nothing.
func (silent) Trace(context.Context, time.Time, func() (string, int64), error) {}
