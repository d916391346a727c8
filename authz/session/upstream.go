package session

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxRounds bounds the lists of sessions that one word ends, and the lists of
// grants of one session.
const maxRounds = 100

// EndUpstream ends the sessions that the upstream means, a list at a time, each
// of which is over when the next is read. It joins the context's transaction.
func (s *Sessions) EndUpstream(ctx context.Context, e authz.UpstreamEnd) error {
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		workspace, err := s.cfg.Store.GetWorkspace(ctx, s.cfg.Issuer, e.Of.WorkspaceID)
		if err != nil {
			return err
		}
		for range maxRounds {
			sessions, err := s.cfg.Store.SessionsByUpstream(ctx, e.Of)
			if err != nil || len(sessions) == 0 {
				return err
			}
			for _, v := range sessions {
				if err := s.endOne(ctx, e, v, workspace.AccountID); err != nil {
					return err
				}
			}
		}
		return errors.New("session: an upstream names sessions without end")
	})
}

func (s *Sessions) endOne(ctx context.Context, e authz.UpstreamEnd, v authz.Session, account authz.AccountID) error {
	if _, err := s.Revoke(ctx, Revocation{Session: v, AccountID: account, Reason: e.Reason}); err != nil || !e.Grants {
		return err
	}
	for range maxRounds {
		ids, err := s.cfg.Store.GrantsOfSession(ctx, s.cfg.Issuer, v.WorkspaceID, v.ID)
		if err != nil || len(ids) == 0 {
			return err
		}
		for _, id := range ids {
			ref := authz.NodeRef{Kind: authz.GrantNode, ID: string(id)}
			if _, err := s.cfg.Store.KillNode(ctx, s.cfg.Issuer, v.WorkspaceID, ref, authz.Revoked); err != nil {
				return err
			}
		}
	}
	return errors.New("session: a session with grants without end")
}
