package storage

import (
	"context"
	"time"
)

const (
	// The fence goes up whenever the lease changes hands or was let lapse, so
	// that what a holder of old writes late can be told from the new one's.
	acquireLease = `INSERT INTO leases (name, holder, fence, expires_at) VALUES (?, ?, 1, ?)
		ON CONFLICT (name) DO UPDATE SET
			fence = CASE WHEN leases.holder = excluded.holder AND leases.expires_at > ? THEN leases.fence ELSE leases.fence + 1 END,
			holder = excluded.holder, expires_at = excluded.expires_at
		WHERE leases.holder = excluded.holder OR leases.expires_at <= ?
		RETURNING fence`
	releaseLease = `UPDATE leases SET expires_at = ? WHERE name = ? AND holder = ?`

	// A process that is there holds a lease that nobody else wants.
	keepPresent = `INSERT INTO leases (name, holder, fence, expires_at) VALUES (?, ?, 1, ?)
		ON CONFLICT (name) DO UPDATE SET expires_at = excluded.expires_at`
	deletePresent = `DELETE FROM leases WHERE name = ?`
	deleteGone    = `DELETE FROM leases WHERE name LIKE 'process %' AND expires_at <= ?`
	countPresent  = `SELECT count(*) FROM leases WHERE name LIKE 'process %' AND expires_at > ?`
)

func presence(id string) string { return "process " + id }

// AcquireLease takes the lease for ttl from now, or keeps it for longer when
// holder has it. held is false while somebody else does; fence tells the
// holders apart in time.
func (s *Store) AcquireLease(ctx context.Context, name, holder string, ttl time.Duration, now time.Time) (held bool, fence int64, err error) {
	var fences []int64
	err = s.writer(ctx).Raw(acquireLease, name, holder, utc(now.Add(ttl)), utc(now), utc(now)).Scan(&fences).Error
	if err != nil || len(fences) == 0 {
		return false, 0, failure(ctx, "acquiring a lease", err)
	}
	return true, fences[0], nil
}

// ReleaseLease lets others have the lease at once, if holder has it.
func (s *Store) ReleaseLease(ctx context.Context, name, holder string) error {
	err := s.writer(ctx).Exec(releaseLease, time.Unix(0, 0).UTC(), name, holder).Error
	return failure(ctx, "releasing a lease", err)
}

// Present says that the process id is there until a time, and returns how many
// processes are there at now.
func (s *Store) Present(ctx context.Context, id string, until, now time.Time) (int, error) {
	var n int
	err := s.writer(ctx).Exec(keepPresent, presence(id), id, utc(until)).Error
	if err == nil {
		err = s.writer(ctx).Exec(deleteGone, utc(now)).Error
	}
	if err == nil {
		err = s.writer(ctx).Raw(countPresent, utc(now)).Scan(&n).Error
	}
	return n, failure(ctx, "counting the processes", err)
}

// Absent says that the process id has gone.
func (s *Store) Absent(ctx context.Context, id string) error {
	err := s.writer(ctx).Exec(deletePresent, presence(id)).Error
	return failure(ctx, "leaving the other processes", err)
}
