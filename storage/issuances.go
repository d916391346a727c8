package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Issue writes an answer of the token endpoint in one transaction, which may
// be that of other answers too. ErrConsumed says that the code or refresh token
// was used before, ErrNotFound that the grant, or what it was exchanged from, is
// not there any more, ErrConflict that it came of too many exchanges.
func (s *Store) Issue(ctx context.Context, i authz.Issuance) error {
	if i.Grant != nil || i.Device != nil || s.transaction(ctx) != nil {
		return s.issueAlone(ctx, i)
	}
	i.Audit = s.named(i.Audit)
	err := s.issueNow(ctx, i)
	if err == nil || ctx.Err() != nil || away(err) || authz.KindOf(err) == authz.Unavailable {
		return failure(ctx, "issuing", err)
	}
	return s.issueAlone(ctx, i) // which says what was wrong
}

func (s *Store) issueNow(ctx context.Context, i authz.Issuance) error {
	if s.driver == SQLite {
		return s.issueGrouped(ctx, i)
	}
	return s.issuing.do(ctx, &i)
}

// issueAlone writes an issuance in a transaction of its own, or the context's.
func (s *Store) issueAlone(ctx context.Context, i authz.Issuance) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.consume(ctx, i); err != nil {
			return err
		}
		if err := s.createIssued(ctx, i); err != nil {
			return err
		}
		if i.Decision != nil {
			if err := s.RecordDecision(ctx, *i.Decision); err != nil {
				return err
			}
		}
		return s.AppendAudit(ctx, i.Audit)
	})
}

func (s *Store) consume(ctx context.Context, i authz.Issuance) error {
	if i.Code != nil {
		if err := s.ConsumeAuthorizationCode(ctx, i.Issuer, *i.Code, authz.Used); err != nil {
			return err
		}
	}
	if i.Device != nil {
		if err := s.ConsumeDeviceCode(ctx, i.Issuer, *i.Device); err != nil {
			return err
		}
	}
	if r := i.Rotation; r != nil {
		return s.ConsumeRefreshToken(ctx, i.Issuer, r.Digest, r.Successor, r.Sealed, r.At)
	}
	return nil
}

func (s *Store) createIssued(ctx context.Context, i authz.Issuance) error {
	if g := i.Grant; g != nil {
		create := s.CreateGrant
		if g.ParentID != "" {
			create = s.CreateExchangedGrant
		}
		if err := create(ctx, *g); err != nil {
			return err
		}
	}
	if err := s.CreateAccessToken(ctx, i.Access); err != nil {
		return err
	}
	if i.Refresh == nil {
		return nil
	}
	return s.CreateRefreshToken(ctx, *i.Refresh)
}
