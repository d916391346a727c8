package storage

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	// nodeEventLife is how long a node event is kept; a reader must come back
	// well before.
	nodeEventLife = time.Hour
	positionLife  = nodeEventLife / 2
	// nodeEventPage bounds the events of one answer, and maxSeen the events a
	// position remembers while an old transaction is open.
	nodeEventPage = 10_000
	maxSeen       = 10 * nodeEventPage
)

// EventPosition is a reader's place in the log of node events. The zero value
// is no place yet. A position belongs to one process and is not kept.
type EventPosition struct {
	known bool
	// after is SQLite's: the last row seen.
	after int64
	// horizon is PostgreSQL's: every transaction before it had ended. Those
	// after it may have been seen, by seq, or are still to come.
	horizon int64
	seen    map[int64]int64 // seq to xid
	at      time.Time       // with the monotonic clock: positions age like leases
}

// NodeEventsSince returns the nodes that moved since pos, none missed and none
// twice, and the position to ask from next; at most 10,000 at once. The first
// call, with the zero position, returns no nodes and the present position.
// ErrStale says that the position is too old to go on from, or the database
// was set back: start anew, with nothing remembered.
func (s *Store) NodeEventsSince(ctx context.Context, pos EventPosition) ([]authz.NodeRef, EventPosition, error) {
	asked := time.Now()
	if pos.known && asked.Sub(pos.at) > positionLife {
		return nil, pos, fmt.Errorf("reading what moved since %s ago: %w", asked.Sub(pos.at), authz.ErrStale)
	}
	read := s.nodeEventsByTransaction
	if s.driver == SQLite {
		read = s.nodeEventsBySeq
	}
	refs, next, err := read(ahead(ctx), pos)
	if err != nil {
		return nil, pos, err
	}
	next.known, next.at = true, asked
	return refs, next, nil
}

const (
	lastSeq     = `SELECT coalesce(max(seq), 0) FROM node_events`
	eventsAfter = `SELECT seq, kind, id FROM node_events WHERE seq > ? ORDER BY seq LIMIT ?`
)

// nodeEventsBySeq reads in the order of commits, which on SQLite is the order
// of rows.
func (s *Store) nodeEventsBySeq(ctx context.Context, pos EventPosition) ([]authz.NodeRef, EventPosition, error) {
	var next EventPosition
	if !pos.known {
		err := s.reader(ctx).Raw(lastSeq).Row().Scan(&next.after)
		return nil, next, failure(ctx, "finding the present position", err)
	}
	var rows []nodeEventRow
	if err := s.reader(ctx).Raw(eventsAfter, pos.after, nodeEventPage).Scan(&rows).Error; err != nil {
		return nil, pos, failure(ctx, "reading what moved", err)
	}
	next.after = pos.after
	refs := make([]authz.NodeRef, len(rows))
	for i, r := range rows {
		refs[i] = authz.NodeRef{Kind: r.Kind, ID: r.ID}
		next.after = r.Seq
	}
	return refs, next, nil
}

// nodeEventRow is a row read back; kind and id go without their time.
type nodeEventRow struct {
	Seq  int64
	Kind authz.NodeKind
	ID   string
}

const (
	presentHorizon = `SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint`
	// The horizon and the rows come of one snapshot; without rows, it is alone.
	eventsFrom = `
		SELECT h.xmin, e.seq, e.xid, e.kind, e.id
		FROM (SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xmin) h
		LEFT JOIN (SELECT seq, xid, kind, id FROM node_events WHERE xid >= ? ORDER BY xid, seq LIMIT ?) e ON true
		ORDER BY e.xid, e.seq`
)

type snapshotRow struct {
	Xmin int64
	Seq  sql.NullInt64
	Xid  sql.NullInt64
	Kind authz.NodeKind
	ID   string
}

// nodeEventsByTransaction reads what could have become visible since pos.
// Sequence numbers are given before commits and so leave gaps that fill later;
// transaction ids together with the snapshot's oldest open transaction say
// which rows can still appear.
func (s *Store) nodeEventsByTransaction(ctx context.Context, pos EventPosition) ([]authz.NodeRef, EventPosition, error) {
	var next EventPosition
	if !pos.known {
		begin := EventPosition{known: true}
		if err := s.reader(ctx).Raw(presentHorizon).Row().Scan(&begin.horizon); err != nil {
			return nil, next, failure(ctx, "finding the present position", err)
		}
		// What is visible already, behind a transaction open anywhere in the
		// cluster, belongs to the past too.
		_, next, err := s.nodeEventsByTransaction(ctx, begin)
		return nil, next, err
	}
	limit := len(pos.seen) + nodeEventPage
	var rows []snapshotRow
	if err := s.reader(ctx).Raw(eventsFrom, pos.horizon, limit).Scan(&rows).Error; err != nil {
		return nil, pos, failure(ctx, "reading what moved", err)
	}
	next.horizon = rows[0].Xmin
	if next.horizon < pos.horizon {
		return nil, pos, fmt.Errorf("reading what moved in a database set back: %w", authz.ErrStale)
	}
	if last := rows[len(rows)-1]; len(rows) == limit {
		next.horizon = min(next.horizon, last.Xid.Int64)
	}
	next.seen = make(map[int64]int64)
	var refs []authz.NodeRef
	for _, r := range rows {
		if !r.Seq.Valid {
			break
		}
		if _, ok := pos.seen[r.Seq.Int64]; !ok {
			refs = append(refs, authz.NodeRef{Kind: r.Kind, ID: r.ID})
		}
		if r.Xid.Int64 >= next.horizon {
			next.seen[r.Seq.Int64] = r.Xid.Int64
		}
	}
	if len(next.seen) > maxSeen {
		return nil, pos, unavailable(fmt.Errorf("%d nodes moved behind an open transaction", len(next.seen)))
	}
	return refs, next, nil
}

// The time is asked for twice, so that a planner who knows of few rows reads a
// part of an index, not one from end to end.
const purgeNodeEvents = `DELETE FROM node_events WHERE at <= ? AND seq IN (SELECT seq FROM node_events WHERE at <= ? ORDER BY at LIMIT ?)`

// PurgeNodeEvents deletes at most limit events older than an hour and returns
// how many.
func (s *Store) PurgeNodeEvents(ctx context.Context, now time.Time, limit int) (int64, error) {
	before := utc(now.Add(-nodeEventLife))
	done := s.writer(ctx).Exec(purgeNodeEvents, before, before, limit)
	return done.RowsAffected, failure(ctx, "purging node events", done.Error)
}
