package login

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// errOtherSide says that somebody came by SAML whom no rule leads there.
var errOtherSide = errors.New("login: this person signs in by the other side of the connection")

// routed holds an arrival by SAML against the rule that led there. A rule is
// chosen by an address that a client or a person named; who came is known only
// now. Whom no rule names comes by the other side, unless that stands still for
// everybody: then this sign-in stands in for it.
func (f *Flow) routed(ctx context.Context, a arrival) (arrival, error) {
	if a.side != authz.SAMLSide || !a.connection.Uses(authz.OIDCSide) || a.fallback.Interim() {
		return a, nil
	}
	address := a.identity.Email
	if address == "" {
		held, err := f.heldEmail(ctx, a)
		if err != nil {
			return a, err
		}
		address = held
	}
	choice, err := f.cfg.Choose(ctx, a.connection, address)
	if err != nil {
		return a, err
	}
	if choice.Side != authz.SAMLSide || choice.Ask { // nobody was asked yet
		return a, errOtherSide
	}
	a.fallback = choice.Reason
	return a, nil
}

// heldEmail is the address that we hold of the person behind an identity that
// tells none; "" for nobody's.
func (f *Flow) heldEmail(ctx context.Context, a arrival) (string, error) {
	user, _, _, err := f.cfg.Store.UserByUpstream(ctx, f.issuer, a.connection.WorkspaceID, a.connection.ID, a.side, a.identity.Subject)
	if err == nil {
		return user.Profile.Email, nil
	}
	link := linkOf(a)
	if !errors.Is(err, authz.ErrNotFound) || link == ([32]byte{}) {
		return "", unlessNotFound(err)
	}
	id, err := f.cfg.Store.UserByLink(ctx, f.issuer, a.connection.ID, link)
	if err != nil {
		if errors.Is(err, authz.ErrConflict) { // whose it is, nobody can say
			return "", nil
		}
		return "", unlessNotFound(err)
	}
	if user, err = f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, id); err != nil {
		return "", err
	}
	return user.Profile.Email, nil
}

func unlessNotFound(err error) error {
	if errors.Is(err, authz.ErrNotFound) {
		return nil
	}
	return err
}
