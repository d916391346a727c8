package login

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// beginLiveAgain sends the browser to the person's own side, where they sign in
// anew: what joins another side to them begins there, however they came to be
// signed in with us.
func (f *Flow) beginLiveAgain(w http.ResponseWriter, r *http.Request, s authz.Session) error {
	c, other, err := f.otherSide(r.Context(), s)
	if err != nil {
		return err
	}
	user, err := f.cfg.Store.GetUserAcrossWorkspaces(r.Context(), f.issuer, s.UserID)
	if err != nil {
		return err
	}
	return f.departLinking(w, r, linking{Session: s.ID, User: s.UserID, Again: true}, c, opposite(other), user.Profile.Email)
}

// signsInAgain reports whether it is the sign-in that joining another side begins
// with. It is at their own side although a rule by group may lead to the other by
// now, at which they are nobody yet: to become somebody there takes it. It gives
// nobody a session: they hold the one that it renews.
func (p *pending) signsInAgain() bool { return p.linking != nil && p.linking.Again }

// liveAgain renews the session with the sign-in, if it is the same person's in
// the same session. Somebody else who comes back is signed in by nothing here.
func (f *Flow) liveAgain(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	err := f.welcome(w, r, p, a, func(ctx context.Context, s authz.Session, _ authz.Lineage) error {
		if s.ID != p.linking.Session || s.UserID != p.linking.User {
			return errLinkOther
		}
		return f.cfg.Store.ConsumeAuthorizationRequest(ctx, f.issuer, p.row.ID)
	})
	if errors.Is(err, errLinkOther) {
		return f.linkRefused(r.Context(), p, a, err)
	}
	if err != nil {
		return err
	}
	return seeOther(w, r, "/security/link")
}
