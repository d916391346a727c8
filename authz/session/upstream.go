package session

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxRounds bounds the lists of sessions that one word ends, and the lists of
// grants of one session.
const maxRounds = 100

// inRounds does a list at a time until one is empty; each round ends what it
// lists, so that the next one lists other things.
func inRounds(what string, round func() (listed int, err error)) error {
	for range maxRounds {
		if listed, err := round(); err != nil || listed == 0 {
			return err
		}
	}
	return errors.New("session: the list of " + what + " has no end")
}

// EndUpstream ends the sessions that the upstream means. It joins the context's
// transaction.
func (s *Sessions) EndUpstream(ctx context.Context, e authz.UpstreamEnd) error {
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		account, err := s.accountOf(ctx, e.Of.WorkspaceID)
		if err != nil {
			return err
		}
		return inRounds("an upstream's sessions", func() (int, error) {
			sessions, err := s.cfg.Store.SessionsByUpstream(ctx, e.Of)
			if err != nil {
				return 0, err
			}
			for _, v := range sessions {
				if err := s.endOne(ctx, e, v, account); err != nil {
					return 0, err
				}
			}
			return len(sessions), nil
		})
	})
}

func (s *Sessions) endOne(ctx context.Context, e authz.UpstreamEnd, v authz.Session, account authz.AccountID) error {
	if _, err := s.Revoke(ctx, Revocation{Session: v, AccountID: account, Reason: e.Reason}); err != nil || !e.Grants {
		return err
	}
	return inRounds("a session's grants", func() (int, error) {
		ids, err := s.cfg.Store.GrantsOfSession(ctx, s.cfg.Issuer, v.WorkspaceID, v.ID)
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			ref := authz.NodeRef{Kind: authz.GrantNode, ID: string(id)}
			if _, err := s.cfg.Store.KillNode(ctx, s.cfg.Issuer, v.WorkspaceID, ref, authz.Revoked); err != nil {
				return 0, err
			}
		}
		return len(ids), nil
	})
}
