package storage

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type onceRow struct {
	Digest      digest
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Request     digest
	Attempt     string
	Done        bool
	Status      int
	Answer      []byte
	Target      string
	CreatedAt   time.Time
	ExpiresAt   time.Time
}

// TableName is the row's table.
func (onceRow) TableName() string { return "onces" }

func (r onceRow) once() authz.Once {
	return authz.Once{
		Digest: r.Digest, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Request: r.Request, Attempt: r.Attempt, Done: r.Done,
		Status: r.Status, Answer: r.Answer, Target: r.Target, CreatedAt: r.CreatedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(),
	}
}

// countOnces counts no further than it has to.
const countOnces = `SELECT count(*) FROM (SELECT 1 FROM onces WHERE issuer = ? AND workspace_id = ? LIMIT ?) AS few`

// BeginOnce makes want the attempt that carries the act out, and answers with
// true, unless another did, does or is asked to do something else under the
// same key: then that one is returned. An attempt that has done nothing since
// stale is given up for the new one, and one that is over is forgotten.
// ErrConflict says that the workspace has limit acts remembered already, and
// this is none of them.
func (s *Store) BeginOnce(ctx context.Context, want authz.Once, stale time.Time, limit int) (found authz.Once, mine bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		var counted int
		if err := s.reader(ctx).Raw(countOnces, want.Issuer, want.WorkspaceID, limit).Scan(&counted).Error; err != nil {
			return failure(ctx, "counting acts", err)
		}
		if counted < limit {
			made := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(&onceRow{
				Digest: want.Digest, Issuer: want.Issuer, WorkspaceID: want.WorkspaceID, Request: want.Request, Attempt: want.Attempt,
				CreatedAt: utc(want.CreatedAt), ExpiresAt: utc(want.ExpiresAt),
			})
			if mine = made.RowsAffected == 1; made.Error != nil || mine {
				found = want
				return failure(ctx, "beginning an act", made.Error)
			}
		}
		err := s.takeOver(ctx, want, stale, &found, &mine)
		if counted >= limit && errors.Is(err, authz.ErrNotFound) {
			return authz.ErrConflict // a new one would be one too many
		}
		return err
	})
	return found, mine && err == nil, err
}

func (s *Store) takeOver(ctx context.Context, want authz.Once, stale time.Time, found *authz.Once, mine *bool) error {
	taken := s.writer(ctx).Model(&onceRow{}).
		Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(want.Digest), want.Issuer, want.WorkspaceID).
		Where("(expires_at <= ? OR NOT done AND created_at < ? AND request = ?)", utc(want.CreatedAt), utc(stale), digest(want.Request)).
		UpdateColumns(map[string]any{
			"request": digest(want.Request), "attempt": want.Attempt, "done": false, "status": 0, "answer": nil, "target": "",
			"created_at": utc(want.CreatedAt), "expires_at": utc(want.ExpiresAt),
		})
	if *mine = taken.RowsAffected == 1; taken.Error != nil || *mine {
		*found = want
		return failure(ctx, "taking an act over", taken.Error)
	}
	var r onceRow
	err := s.reader(ctx).Where("digest = ? AND issuer = ? AND workspace_id = ?", digest(want.Digest), want.Issuer, want.WorkspaceID).Take(&r).Error
	*found = r.once()
	return failure(ctx, "reading an act", err)
}

// FinishOnce keeps the answer of an act that was carried out by this attempt.
func (s *Store) FinishOnce(ctx context.Context, o authz.Once) error {
	done := s.ofAttempt(ctx, o).UpdateColumns(map[string]any{"done": true, "status": o.Status, "answer": o.Answer, "target": o.Target})
	return failure(ctx, "keeping the answer of an act", done.Error)
}

// ForgetOnce lets an act be tried again that this attempt did not carry out.
func (s *Store) ForgetOnce(ctx context.Context, o authz.Once) error {
	done := s.ofAttempt(ctx, o).Where("NOT done").Delete(&onceRow{})
	return failure(ctx, "forgetting an act", done.Error)
}

func (s *Store) ofAttempt(ctx context.Context, o authz.Once) *gorm.DB {
	return s.writer(ctx).Model(&onceRow{}).
		Where("digest = ? AND issuer = ? AND workspace_id = ? AND attempt = ?", digest(o.Digest), o.Issuer, o.WorkspaceID, o.Attempt)
}

// carriedOut ends a transaction that carries an act out. An attempt that was
// given up for another changes nothing any more.
func (s *Store) carriedOut(ctx context.Context, fn func(context.Context) error) func(context.Context) error {
	o, ok := authz.OnceFrom(ctx)
	if !ok {
		return fn
	}
	return func(ctx context.Context) error {
		if err := fn(ctx); err != nil {
			return err
		}
		done := s.ofAttempt(ctx, o).UpdateColumns(map[string]any{"done": true})
		return changed(ctx, "carrying an act out", done, authz.ErrConflict)
	}
}
