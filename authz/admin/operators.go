package admin

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ListOperators lists the first hundred operators, for one of them or their key.
func (a *Admin) ListOperators(ctx context.Context, by authz.Principal) ([]authz.LocalAccount, error) {
	if err := platform(by, ScopeMembers); err != nil {
		return nil, err
	}
	return a.cfg.Accounts.List(ctx, "")
}

// RemoveOperator ends an operator's account: see localaccount.RemoveOperator.
func (a *Admin) RemoveOperator(ctx context.Context, by authz.Principal, id authz.UserID, last bool) error {
	if err := platform(by, ScopeMembers); err != nil {
		return err
	}
	if err := authz.PersonIsFresh(by, a.cfg.Clock.Now()); err != nil {
		return err
	}
	return a.cfg.Accounts.RemoveOperator(ctx, authz.OperatorRemoval{UserID: id, By: by.Subject, Last: last})
}
