package localaccount

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ErrLastOperator says that nobody could sign in as an operator any more.
var ErrLastOperator = authz.NewError(authz.Conflict, "last_operator", "Nobody else who has set up a sign-in would be left as an operator. Enrol another one first, or say that it is the last one.")

// RemoveOperator forgets an operator with all they sign in with, their links and
// sessions; ErrNotFound for who is none, ErrLastOperator for the last who can
// sign in. API keys are nobody's and stay. It asks nobody: whether By may is the
// caller's to know.
func (a *Accounts) RemoveOperator(ctx context.Context, r authz.OperatorRemoval) error {
	return a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		account, err := a.cfg.Store.GetLocalAccount(ctx, a.cfg.Issuer, "", r.UserID)
		if err != nil {
			return err
		}
		// All are held, or two operators could each remove the other.
		others, err := a.holdOperators(ctx, account.UserID)
		if err != nil {
			return err
		}
		if !r.Last && others == 0 {
			return ErrLastOperator
		}
		if _, err := a.cfg.Store.DeleteFactors(ctx, a.cfg.Issuer, "", account.UserID); err != nil {
			return err
		}
		if err := a.cfg.Store.DeleteLocalAccount(ctx, a.cfg.Issuer, "", account.UserID); err != nil {
			return err
		}
		ended := authz.PersonEnd{UserID: account.UserID, Reason: "operator_removed", Actor: r.By}
		if err := a.cfg.Sessions.EndPerson(ctx, ended); err != nil {
			return err
		}
		ref := authz.NodeRef{Kind: authz.UserNode, ID: string(account.UserID)}
		if _, err := a.cfg.Store.KillNode(ctx, a.cfg.Issuer, "", ref, authz.Deleted); err != nil {
			return err
		}
		return a.tell(ctx, account, "local_account.removed", r.By, severity(account.Kind), map[string]any{"last": r.Last})
	})
}

// holdOperators holds every operator until the transaction ends, and says how
// many but one have what it takes to sign in.
func (a *Accounts) holdOperators(ctx context.Context, but authz.UserID) (enrolled int, err error) {
	all, err := a.List(ctx, "")
	if err != nil {
		return 0, err
	}
	for _, o := range all {
		err := a.cfg.Store.HoldPerson(ctx, a.cfg.Issuer, "", o.UserID)
		if errors.Is(err, authz.ErrNotFound) && o.UserID != but {
			continue // somebody else has just removed them
		}
		if err != nil {
			return 0, err
		}
		held, err := a.cfg.Store.ListFactors(ctx, a.cfg.Issuer, "", o.UserID)
		if err != nil {
			return 0, err
		}
		if o.UserID != but && slices.ContainsFunc(held, func(f authz.Factor) bool { return f.State == authz.Active }) {
			enrolled++
		}
	}
	return enrolled, nil
}
