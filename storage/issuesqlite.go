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
	// errTorn is one whose tokens are written and whose records are not.
	errTorn = errors.New("storage: tokens were issued without their audit entry")
	// errHalf is one that would be half written.
	errHalf = errors.New("storage: a grant went while tokens of it were issued")
)

// issueGrouped writes an issuance together with what others write.
func (s *Store) issueGrouped(ctx context.Context, i authz.Issuance) error {
	return s.writes.do(ctx, &write{ctx: ctx, whole: i.Code == nil && i.Rotation == nil && i.Refresh == nil,
		run: func(ctx context.Context, on *batchPool) error { return on.issue(ctx, &i) }})
}

func (p *batchPool) issue(ctx context.Context, i *authz.Issuance) error {
	first, once := consuming(i)
	if once {
		if n, err := p.exec(ctx, first); err != nil || n == 0 {
			return lost(err)
		}
	}
	for step, s := range creating(i) {
		n, err := p.exec(ctx, s)
		switch {
		case err != nil:
			return err
		case n == 0 && (once || step > 0):
			return errHalf
		case n == 0:
			return errLost
		}
	}
	if d := i.Decision; d != nil {
		if _, err := p.exec(ctx, deciding(d)); err != nil {
			return errors.Join(errTorn, err)
		}
	}
	if _, err := p.exec(ctx, auditing(&i.Audit)); err != nil {
		return errors.Join(errTorn, err)
	}
	return nil
}

func lost(err error) error {
	if err != nil {
		return err
	}
	return errLost
}
