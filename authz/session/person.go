package session

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// EndPerson ends the sessions of a person, as EndUpstream does those that an
// upstream means. It belongs into the transaction that changes what the person
// proves themselves with, after the change: whoever proves the old thing at the
// same time either fails at it or has made a session that is found here.
func (s *Sessions) EndPerson(ctx context.Context, e authz.PersonEnd) error {
	if e.UserID == "" {
		return errors.New("session: nobody's sessions are to end")
	}
	return s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		account, err := s.accountOf(ctx, e.WorkspaceID)
		if err != nil {
			return err
		}
		return inRounds("a person's sessions", func() (int, error) {
			sessions, err := s.cfg.Store.SessionsOfPerson(ctx, s.cfg.Issuer, e.WorkspaceID, e.UserID, e.Except)
			if err != nil {
				return 0, err
			}
			for _, v := range sessions {
				if _, err := s.Revoke(ctx, Revocation{Session: v, AccountID: account, Reason: e.Reason, Actor: e.Actor}); err != nil {
					return 0, err
				}
			}
			return len(sessions), nil
		})
	})
}

// accountOf is whose workspace it is; nobody's, where operators are.
func (s *Sessions) accountOf(ctx context.Context, ws authz.WorkspaceID) (authz.AccountID, error) {
	if ws == "" {
		return "", nil
	}
	workspace, err := s.cfg.Store.GetWorkspace(ctx, s.cfg.Issuer, ws)
	return workspace.AccountID, err
}
