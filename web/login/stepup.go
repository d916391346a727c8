package login

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
)

// stepUp is what a proof is for here: the browser's session becomes one of more
// than one factor, and gets a new cookie (SE-02).
type stepUp struct {
	session authz.Session
	cookie  string
	proof   factor.Proof
}

func newStepUp(s authz.Session) *stepUp { return &stepUp{session: s, cookie: randomText()} }

// then steps the session up in the transaction of the proof.
func (f *Flow) then(up *stepUp, had authz.Session) factor.Then {
	return func(ctx context.Context, p factor.Proof) error {
		up.proof, up.session = p, stepped(had, p)
		up.session.Digest = authz.Digest(up.cookie)
		err := f.cfg.Store.StepUpSession(ctx, up.session, had.Digest)
		if errors.Is(err, authz.ErrNotFound) {
			return errSignedOut.Because(err)
		}
		return err
	}
}

// stepped is the session with what was proven beside its sign-in. Whose user
// was verified by a passkey has signed in anew; a code alone shows that the one
// who signed in then still has the device. A factor that was made just now shows
// no more than the proof that allowed it, if there was one.
func stepped(s authz.Session, p factor.Proof) authz.Session {
	s.AMR = slices.Clone(s.AMR)
	for _, method := range append(slices.Clone(p.AMR), "mfa") {
		if !slices.Contains(s.AMR, method) {
			s.AMR = append(s.AMR, method)
		}
	}
	if !p.New || s.SignIn.Local == "" {
		s.SignIn.MFA, s.SignIn.MFAAt, s.SignIn.Local = authz.MFAProven, p.At, p.Method
	}
	if p.Whole {
		s.AuthTime = p.At
	}
	return s
}

// steppedUp gives the browser what it got.
func (f *Flow) steppedUp(w http.ResponseWriter, up *stepUp) error {
	f.setCookie(w, sessionCookie, up.cookie)
	return f.rememberBrowser(w, up.session)
}
