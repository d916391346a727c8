package storage

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type replayRow struct {
	Digest    digest
	Issuer    authz.IssuerName
	ExpiresAt time.Time
}

// TableName is the row's table.
func (replayRow) TableName() string { return "replays" }

// UseOnce remembers an id, by a digest that also names its kind and issuer,
// until it is of no use any more. ErrConsumed says that it was used before, on
// whichever node (RFC 7519 section 4.1.7).
func (s *Store) UseOnce(ctx context.Context, issuer authz.IssuerName, id [32]byte, until time.Time) error {
	done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).
		Create(&replayRow{Digest: id, Issuer: issuer, ExpiresAt: utc(until)})
	return changed(ctx, "using an id once", done, authz.ErrConsumed)
}
