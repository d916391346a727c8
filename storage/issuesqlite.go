package storage

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var (
	// errLost is an issuance of which nothing was written: it is tried alone, to
	// learn whether a race was lost or the grant is gone.
	errLost = errors.New("storage: nothing was issued")
	// errTorn is one of which a part was written and the rest could not be.
	errTorn = errors.New("storage: a part of an issuance was not written")
)

// issueGrouped writes an issuance together with what others write. It sets no
// savepoint, which would copy each page it touches: only its first statement
// ever meets nothing, as whatever would take its grant away waits for the same
// writer.
func (s *Store) issueGrouped(ctx context.Context, i authz.Issuance) error {
	return s.writes.do(ctx, &write{ctx: ctx, whole: true, run: func(ctx context.Context, on *batchPool) error { return on.issue(ctx, &i) }})
}

func (p *batchPool) issue(ctx context.Context, i *authz.Issuance) error {
	steps := issuing(i)
	if i.Decision != nil {
		steps = append(steps, deciding(i.Decision))
	}
	for n, s := range append(steps, auditing(&i.Audit)) {
		met, err := p.exec(ctx, s)
		switch {
		case err == nil && met > 0:
		case n > 0:
			return errors.Join(errTorn, err)
		case err != nil:
			return err
		default:
			return errLost
		}
	}
	return nil
}
