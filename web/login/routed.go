package login

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// errOtherSide says that somebody came by a side that no rule leads them to.
var errOtherSide = errors.New("login: this person signs in by the other side of the connection")

// errOtherByGroup is errOtherSide where a rule by group leads to the other side.
var errOtherByGroup = fmt.Errorf("%w, by a group of theirs", errOtherSide)

// routed holds an arrival against the rules. A rule by address is chosen by one
// that a client or a person named; who came is known only now. Whom no rule
// names comes by OpenID Connect, unless that stands still for everybody: then a
// sign-in by SAML stands in for it. A rule by group, which only now can be
// looked at for most, keeps people from the side of OpenID Connect as well.
func (f *Flow) routed(ctx context.Context, a arrival) (arrival, error) {
	c := a.connection
	switch {
	case !c.Uses(authz.OIDCSide) || !c.Uses(authz.SAMLSide) || a.fallback.Interim():
		return a, nil
	case a.side == authz.OIDCSide && !c.Fallback.ByGroup():
		return a, nil
	}
	visitor, err := f.came(ctx, a)
	if err != nil {
		return a, err
	}
	choice, err := f.cfg.Choose(ctx, c, visitor)
	if err != nil {
		return a, err
	}
	if a.side == authz.OIDCSide {
		if choice.Route.Group != "" && choice.Route.Use == authz.SAMLSide {
			return a, errOtherByGroup
		}
		return a, nil
	}
	if choice.Side != authz.SAMLSide && choice.Route.Group != "" {
		return a, errOtherByGroup
	}
	if choice.Side != authz.SAMLSide || choice.Ask { // nobody was asked yet
		return a, errOtherSide
	}
	a.fallback = choice.Reason
	return a, nil
}

// came is who came, for the rules: their address as the upstream tells it, or
// else as we hold it, and the groups we know of. Those that the OpenID provider
// tells now count at once; a directory of SAML does not decide by what it tells
// that people sign in by it.
func (f *Flow) came(ctx context.Context, a arrival) (authz.Visitor, error) {
	v, byGroup := authz.Visitor{Email: a.identity.Email}, a.connection.Fallback.ByGroup()
	if v.Email != "" && !byGroup {
		return v, nil
	}
	user, err := f.behind(ctx, a)
	if err != nil || user.ID == "" {
		return v, err
	}
	if v.Email == "" {
		v.Email = user.Profile.Email
	}
	if !byGroup {
		return v, nil
	}
	held, err := f.cfg.Store.ListIdentities(ctx, f.issuer, a.connection.WorkspaceID, user.ID, maxIdentities)
	if err != nil {
		return v, err
	}
	if a.side == authz.OIDCSide {
		told := f.identity(a, user.ID, "")
		for n, i := range held {
			if i.ConnectionID == told.ConnectionID && i.Side == told.Side && i.Subject == told.Subject {
				held[n] = told
			}
		}
	}
	v.Groups = authz.GroupsAt(a.connection.ID, held, f.cfg.Clock.Now())
	return v, nil
}

// behind is the person whom we hold behind an identity; zero for nobody.
func (f *Flow) behind(ctx context.Context, a arrival) (authz.User, error) {
	user, _, _, err := f.cfg.Store.UserByUpstream(ctx, f.issuer, a.connection.WorkspaceID, a.connection.ID, a.side, a.identity.Subject)
	if err == nil {
		return user, nil
	}
	link := linkOf(a)
	if !errors.Is(err, authz.ErrNotFound) || link == ([32]byte{}) {
		return authz.User{}, unlessNotFound(err)
	}
	id, err := f.cfg.Store.UserByLink(ctx, f.issuer, a.connection.ID, link)
	if err != nil {
		if errors.Is(err, authz.ErrConflict) { // whose it is, nobody can say
			return authz.User{}, nil
		}
		return authz.User{}, unlessNotFound(err)
	}
	return f.cfg.Store.GetUserAcrossWorkspaces(ctx, f.issuer, id)
}

func unlessNotFound(err error) error {
	if errors.Is(err, authz.ErrNotFound) {
		return nil
	}
	return err
}
