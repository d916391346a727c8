package login

import (
	"context"
	"errors"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/authz/session"
)

// errLocal is the one answer to every sign-in with us that does not work out:
// an unknown login, a wrong password, a wrong or used code.
var errLocal = pageError(authz.Unauthenticated, "local_sign_in_refused", "That sign-in was not accepted. Check what you entered. A code is good once, and after several wrong ones none is looked at for a while.")

// local is a sign-in with us, at no upstream.
type local struct {
	account authz.LocalAccount
	up      *stepUp
}

const passwordMethod = "password"

// signInLocally looks at the form of a sign-in to the workspace, or of an
// operator where it is empty: a passkey, or login, password and a code.
func (f *Flow) signInLocally(w http.ResponseWriter, r *http.Request, ws authz.WorkspaceID, also factor.Then) (local, error) {
	in := local{up: newStepUp(authz.Session{})}
	var err error
	if r.PostForm.Has("ceremony") {
		err = f.byPasskey(r, ws, &in, also)
	} else {
		err = f.byPassword(r, ws, &in, also)
	}
	if err != nil {
		return in, err
	}
	return in, f.steppedUp(w, in.up)
}

func (f *Flow) byPasskey(r *http.Request, ws authz.WorkspaceID, in *local, also factor.Then) error {
	if !f.cfg.Factors.HasPasskeys() {
		return factor.ErrPasskey
	}
	ctx := r.Context()
	whose := func(key authz.Factor) (factor.Person, error) {
		account, err := f.cfg.Accounts.Get(ctx, key.WorkspaceID, key.UserID)
		if errors.Is(err, authz.ErrNotFound) || err == nil && key.WorkspaceID != ws {
			return factor.Person{}, f.refuseLocal(ctx, ws, authz.LocalAccount{}, "no_account", factor.ErrPasskey)
		}
		in.account = account
		return factor.Person{Session: f.localSession(ctx, account)}, err
	}
	then := func(ctx context.Context, p factor.Proof) error { return f.enter(ctx, r, in, p, also) }
	return f.cfg.Factors.ProveAnyPasskey(ctx, f.binding(r), r.PostForm.Get("ceremony"), r.PostForm.Get("response"), whose, then)
}

// byPassword checks login and password, then the code. Whatever of it is wrong,
// the answer and its cost are the same.
func (f *Flow) byPassword(r *http.Request, ws authz.WorkspaceID, in *local, also factor.Then) error {
	ctx, form := r.Context(), r.PostForm
	account, err := f.cfg.Accounts.Find(ctx, ws, form.Get("login"))
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	in.account = account
	of := factor.Person{Session: f.localSession(ctx, account)}
	if account.UserID != "" {
		of.Browser = f.knownBrowser(r, of.Session)
	}
	// By login and network, unless the browser is known; and by what was entered,
	// so that accounts that are there and others are counted alike.
	counted, login := of, " login "+string(ws)+" "+localaccount.Normal(form.Get("login"))
	counted.Counted = login
	if of.Browser == "" {
		counted.Counted = f.guessers(r)[0] + counted.Counted
	}
	if err := f.cfg.Factors.Attempt(ctx, counted, passwordMethod); err != nil {
		return err
	}
	matches, err := f.cfg.Accounts.Matches(ctx, account, authz.Secret(form.Get("password")))
	if authz.KindOf(err) == authz.Invalid {
		matches, err = false, nil
	}
	if err != nil {
		return err
	}
	reason := "wrong_code"
	then := func(ctx context.Context, p factor.Proof) error {
		p.AMR = append([]string{"pwd"}, p.AMR...)
		if err := f.cfg.Factors.Right(ctx, counted, passwordMethod); err != nil {
			return err
		}
		return f.enter(ctx, r, in, p, also)
	}
	if !matches {
		// The code is looked at all the same, as one of nobody's, or the time it takes
		// would tell who is right about a password.
		of.Session, of.Counted = f.localSession(ctx, authz.LocalAccount{WorkspaceID: ws}), login
		reason, then = "wrong_login_or_password", func(context.Context, factor.Proof) error { return errLocal }
	}
	err = f.proveCode(ctx, of, form.Get("code"), then)
	if kind := authz.KindOf(err); !matches && err == nil || kind == authz.Invalid || kind == authz.Unauthenticated || kind == authz.RateLimited { // or it would tell that the password was right
		return f.refuseLocal(ctx, ws, account, reason, errLocal)
	}
	return err
}

// proveCode looks at a code as what its length says it is.
func (f *Flow) proveCode(ctx context.Context, of factor.Person, code string, then factor.Then) error {
	if len(code) > len("000 000") {
		return f.cfg.Factors.ProveRecovery(ctx, of, code, then)
	}
	return f.cfg.Factors.ProveApp(ctx, of, code, then)
}

// refuseLocal records a refused sign-in and returns what to say.
func (f *Flow) refuseLocal(ctx context.Context, ws authz.WorkspaceID, account authz.LocalAccount, reason string, told *authz.Error) error {
	if err := f.cfg.Store.InTx(ctx, func(ctx context.Context) error { return f.cfg.Accounts.Refused(ctx, ws, account, reason) }); err != nil {
		return err
	}
	return told
}

// localSession is the session that a sign-in of the account would make.
func (f *Flow) localSession(ctx context.Context, account authz.LocalAccount) authz.Session {
	now, origin := f.cfg.Clock.Now(), authz.OriginFrom(ctx)
	return authz.Session{
		ID: authz.NewSessionID(now), Issuer: f.issuer, WorkspaceID: account.WorkspaceID, UserID: account.UserID, AuthTime: now, State: authz.Active,
		CreatedAt: now, ExpiresAt: now.Add(f.cfg.SessionAbsolute), IdleUntil: now.Add(f.cfg.SessionIdle), IP: origin.IP, UserAgent: origin.UserAgent,
	}
}

// enter makes the session of a local account, in the transaction of the proof:
// whoever was signed in in this browser no longer is.
func (f *Flow) enter(ctx context.Context, r *http.Request, in *local, p factor.Proof, also factor.Then) error {
	s := stepped(f.localSession(ctx, in.account), p)
	s.AuthTime, s.Digest = p.At, authz.Digest(in.up.cookie)
	lineage, err := f.localLineage(ctx, s)
	if err != nil {
		return err
	}
	s.Lineage = lineage.Sum()
	old, account, err := f.session(r.WithContext(ctx))
	if err != nil {
		return err
	}
	if old.ID != "" {
		if _, err := f.cfg.Sessions.Revoke(ctx, session.Revocation{Session: old, AccountID: account, Reason: session.Replaced}); err != nil {
			return err
		}
	}
	if err := f.cfg.Store.CreateSession(ctx, s); err != nil {
		return err
	}
	in.up.session, in.up.proof = s, p
	if err := f.cfg.Accounts.SignedIn(ctx, in.account, s); err != nil || also == nil {
		return err
	}
	return also(ctx, p)
}

// localLineage is what such a session stands on: its person, and the workspace
// and account of a break-glass account.
func (f *Flow) localLineage(ctx context.Context, s authz.Session) (authz.Lineage, error) {
	var lineage authz.Lineage
	var err error
	if s.WorkspaceID == "" {
		lineage, err = f.cfg.Store.Lineage(ctx, []authz.NodeRef{{Kind: authz.UserNode, ID: string(s.UserID)}})
	} else {
		lineage, err = f.cfg.Store.SessionAncestors(ctx, f.issuer, s.WorkspaceID, "", s.UserID)
	}
	if err == nil && !lineage.Usable() {
		err = errSwitchedOff
	}
	return lineage, err
}

// binding names this browser, for a question that asks nobody in particular.
func (f *Flow) binding(r *http.Request) string { return "browser " + f.readCookie(r, flowCookie) }

// bound makes sure that the browser can be named.
func (f *Flow) bound(w http.ResponseWriter, r *http.Request) string {
	browser := f.readCookie(r, flowCookie)
	if browser == "" {
		browser = randomText()
		f.setCookie(w, flowCookie, browser)
	}
	return "browser " + browser
}
