package storage

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// issueTogether writes the issuances of many requests. If they cannot be
// written together, each is tried alone by its own caller.
func (s *Store) issueTogether(batch []*job[*authz.Issuance]) {
	ctx, cancel := context.WithTimeout(context.Background(), commitTime)
	defer cancel()
	outcomes, err := s.issueOnPostgres(ctx, batch)
	for n, j := range batch {
		switch {
		case err == nil:
			j.done <- outcomes[n]
		case len(batch) > 1:
			j.done <- errLost
		default:
			j.done <- err
		}
	}
}

// issueOnPostgres sends a batch in one round trip and one transaction: each
// issuance is a single statement, whose parts happen together or not at all.
func (s *Store) issueOnPostgres(ctx context.Context, batch []*job[*authz.Issuance]) (outcomes []error, err error) {
	conn, err := s.raw.Conn(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	err = conn.Raw(func(of any) error {
		c, ok := of.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("storage: a connection of type %T", of)
		}
		outcomes, err = s.sendTogether(ctx, c.Conn(), batch)
		return err
	})
	return outcomes, err
}

func (s *Store) sendTogether(ctx context.Context, conn *pgx.Conn, batch []*job[*authz.Issuance]) ([]error, error) {
	var queue pgx.Batch
	for _, j := range batch {
		sql, args := together(j.what)
		s.observe(sql)
		queue.Queue(sql, args...)
	}
	results := conn.SendBatch(ctx, &queue) // of statements alone: one implicit transaction
	outcomes := make([]error, len(batch))
	for n := range batch {
		var written bool
		if err := results.QueryRow().Scan(&written); err != nil {
			return nil, errors.Join(err, results.Close())
		}
		if !written {
			outcomes[n] = errLost
		}
	}
	return outcomes, results.Close()
}

// together makes one statement of an issuance: nothing is created unless what
// is single-use was consumed by it, and the answer says whether it was written.
func together(i *authz.Issuance) (string, []any) {
	var b strings.Builder
	var args []any
	used, after := 0, ""
	part := func(name string, s step, condition string) {
		if used == 0 {
			b.WriteString("WITH ")
		} else {
			b.WriteString(", ")
		}
		b.WriteString(name + " AS (")
		used = numbered(&b, s.sql, used)
		b.WriteString(condition + " RETURNING 1)")
		args = append(args, s.args...)
	}
	if first, ok := consuming(i); ok {
		part("consumed", first, "")
		after = " AND EXISTS (SELECT 1 FROM consumed)"
	}
	for n, s := range creating(i) {
		name := [...]string{"access", "refresh"}[n]
		part(name, s, after)
		after = " AND EXISTS (SELECT 1 FROM access)"
	}
	if d := i.Decision; d != nil {
		part("decided", step{decisionFrom, decisionArgs(d)}, "")
	}
	last := auditing(&i.Audit)
	last.sql = auditFrom
	part("audited", last, "")
	b.WriteString(" SELECT EXISTS (SELECT 1 FROM audited)")
	return b.String(), args
}

// decisionFrom records the decision if the access token was created.
const decisionFrom = insertPolicyDecision + ` SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM access)`

// auditFrom writes the entry if the access token was created.
const auditFrom = auditColumns + ` SELECT ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM access)`
