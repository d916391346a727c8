package factor

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// enrol stores a factor whose possession was shown. Whether the session may
// have it is looked at in the transaction that stores it: of two who enrol a
// first factor at once, the second has none of the rights of a first.
func (f *Factors) enrol(ctx context.Context, of Person, made authz.Factor, p Proof, then Then) ([]authz.Secret, error) {
	s := of.Session
	held, err := f.keeps(ctx, of)
	if err != nil {
		return nil, err
	}
	permitted := func(h Held) (permit bool, err error) {
		err = MayEnrol(s, h, p.At)
		if errors.Is(err, ErrInterim) && of.Permit != nil {
			return true, nil
		}
		return false, err
	}
	if _, err := permitted(held); err != nil {
		return nil, err
	}
	p.Whole, p.New = false, true
	var texts []authz.Secret
	var codes []authz.RecoveryCode
	if first := len(held.Factors) == 0; first {
		if texts, codes, err = f.drawCodes(ctx); err != nil { // hashing takes too long for a transaction
			return nil, err
		}
	}
	made.Issuer, made.WorkspaceID, made.UserID, made.State = f.cfg.Issuer, s.WorkspaceID, s.UserID, authz.Active
	made.CreatedAt, made.LastUsedAt = p.At, p.At
	err = f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := f.hold(ctx, s); err != nil {
			return err
		}
		now, err := f.keeps(ctx, of)
		if err != nil {
			return err
		}
		permit, err := permitted(now)
		if err != nil {
			return err
		}
		if permit {
			if err := of.Permit(ctx); err != nil {
				return err
			}
		}
		if err := f.keep(ctx, of, made, codes); err != nil {
			return err
		}
		return then(ctx, p)
	})
	switch {
	case errors.Is(err, authz.ErrConflict) && made.Kind == authz.TOTPFactor:
		return nil, ErrHasApp.Because(err)
	case errors.Is(err, authz.ErrConflict):
		return nil, ErrHasPasskey.Because(err)
	}
	return texts, err
}

// keep stores a factor, and the codes that came with a first one.
func (f *Factors) keep(ctx context.Context, of Person, made authz.Factor, codes []authz.RecoveryCode) (err error) {
	s, details := of.Session, map[string]any{"kind": made.Kind, "factor_id": made.ID}
	if of.Afresh {
		if details["forgotten"], err = f.cfg.Store.DeleteFactors(ctx, f.cfg.Issuer, s.WorkspaceID, s.UserID); err != nil {
			return err
		}
	}
	if err := f.cfg.Store.CreateFactor(ctx, made); err != nil {
		return err
	}
	if len(codes) > 0 {
		if err := f.cfg.Store.ReplaceRecoveryCodes(ctx, f.cfg.Issuer, s.WorkspaceID, s.UserID, codes); err != nil {
			return err
		}
	}
	return f.tell(ctx, of, "factor.enrolled", "P3", string(made.ID), details)
}

// hold begins what is decided from all of a person's factors: until the
// transaction ends nobody else changes them by these rules.
func (f *Factors) hold(ctx context.Context, s authz.Session) error {
	return f.cfg.Store.HoldPerson(ctx, f.cfg.Issuer, s.WorkspaceID, s.UserID)
}

// keeps is what a person has and keeps when they enrol something.
func (f *Factors) keeps(ctx context.Context, of Person) (Held, error) {
	if of.Afresh {
		return Held{}, nil
	}
	return f.Of(ctx, of.Session.WorkspaceID, of.Session.UserID)
}

// ErrHasPasskey says that the passkey is somebody's, or that there are too many.
var ErrHasPasskey = authz.NewError(authz.Conflict, "has_passkey", "That passkey is in use already, or you have twenty factors. Remove one first.")

// ErrLastFactor says that nobody is left without a factor by themselves.
var ErrLastFactor = authz.NewError(authz.Conflict, "last_factor", "That is your only second factor. Set up another one first.")

// Remove forgets a factor of the person, who has just proven one, unless it is
// the last that is in use. Their other sessions end.
func (f *Factors) Remove(ctx context.Context, of Person, id authz.FactorID) error {
	s := of.Session
	if err := MayChange(s, f.cfg.Clock.Now()); err != nil {
		return err
	}
	return f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := f.hold(ctx, s); err != nil {
			return err
		}
		held, err := f.Of(ctx, s.WorkspaceID, s.UserID)
		if err != nil {
			return err
		}
		others := func(o authz.Factor) bool { return o.ID != id && o.State == authz.Active }
		if !slices.ContainsFunc(held.Factors, others) {
			return ErrLastFactor
		}
		if err := f.cfg.Store.DeleteFactor(ctx, f.cfg.Issuer, s.WorkspaceID, s.UserID, id); err != nil {
			return err
		}
		if err := f.tell(ctx, of, "factor.removed", "P2", string(id), map[string]any{"factor_id": id}); err != nil {
			return err
		}
		return f.endOthers(ctx, of, "factor_removed")
	})
}
