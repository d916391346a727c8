package localaccount

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	CreateLocalAccount(ctx context.Context, u authz.User, a authz.LocalAccount) error
	GetLocalAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (authz.LocalAccount, error)
	LocalAccountByLogin(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, login string) (authz.LocalAccount, error)
	ListLocalAccounts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) ([]authz.LocalAccount, error)
	SetLocalPassword(ctx context.Context, a authz.LocalAccount) error
	CreateEnrolment(ctx context.Context, e authz.Enrolment) error
	EnrolmentAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, of [32]byte) (authz.Enrolment, error)
	UseEnrolment(ctx context.Context, e authz.Enrolment, now time.Time) error
	DeleteLocalAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error
	ListFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) ([]authz.Factor, error)
	DeleteFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (deleted int64, err error)
	KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	HoldPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Sessions ends the sessions of people (authz/session).
type Sessions interface {
	EndPerson(ctx context.Context, e authz.PersonEnd) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Hasher hashes what people choose (authz/secret).
type Hasher interface {
	HashHuman(ctx context.Context, text authz.Secret) (string, error)
	VerifyHuman(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error)
}

// Config is what Accounts needs; every field is required.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Outbox Outbox
	// Sessions end when somebody is given a new link, and when it is used.
	Sessions Sessions
	Hasher   Hasher
	Clock    authz.Clock
}

// Accounts are one issuer's. It is safe for concurrent use.
type Accounts struct{ cfg Config }

// New returns Accounts, or says what is missing.
func New(cfg Config) (*Accounts, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Sessions == nil || cfg.Hasher == nil || cfg.Clock == nil {
		return nil, errors.New("localaccount: every field of Config is required")
	}
	return &Accounts{cfg: cfg}, nil
}

// LinkLife is how long an enrolment link is good.
const LinkLife = 24 * time.Hour

var loginName = regexp.MustCompile(`^[a-z0-9][a-z0-9._@+-]{0,99}$`)

var (
	errLogin = authz.NewError(authz.Invalid, "invalid_login", "A login is 1 to 100 letters, digits, dots, dashes and underscores, or an e-mail address.")
	// ErrLink says that a link is unknown, used, replaced by another, or over.
	ErrLink = authz.NewError(authz.Expired, "enrolment_link_over", "This link is over: it is good once, for a day, and until there is a newer one. Ask for a new one.")
	// ErrPassword says what a password must be.
	ErrPassword = authz.NewError(authz.Invalid, "weak_password", "A password has 12 to 256 characters and does not hold the login.")
)

// normal is a login as it is kept.
func normal(login string) (string, error) {
	login = strings.ToLower(strings.TrimSpace(login))
	if !loginName.MatchString(login) {
		return "", errLogin
	}
	return login, nil
}

// Normal is a login as it is kept, whatever its spelling; "" for what is none.
func Normal(login string) string {
	login, _ = normal(login)
	return login
}

// Invite makes an account in the workspace, or finds the one there is, and
// returns the token of a new link for it; earlier links are over, and so are the
// sessions of whoever has the account: the link is for what they have lost. It
// asks nobody: whether by may is the caller's to know. Join runs in the same
// transaction for an account that is new.
func (a *Accounts) Invite(ctx context.Context, ws authz.WorkspaceID, kind authz.LocalKind, login, by string, join func(context.Context, authz.UserID) error) (authz.LocalAccount, authz.Secret, error) {
	login, err := normal(login)
	if err != nil {
		return authz.LocalAccount{}, "", err
	}
	token, now := authz.NewToken("enr_"), a.cfg.Clock.Now()
	var account authz.LocalAccount
	err = a.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		account, err = a.cfg.Store.LocalAccountByLogin(ctx, a.cfg.Issuer, ws, login)
		switch {
		case errors.Is(err, authz.ErrNotFound):
			account, err = a.create(ctx, ws, kind, login, by, join)
		case err == nil && account.Kind != kind:
			err = authz.ErrConflict
		case err == nil:
			err = a.interrupt(ctx, account, by)
		}
		if err != nil {
			return err
		}
		err := a.cfg.Store.CreateEnrolment(ctx, authz.Enrolment{
			Digest: authz.Digest(token.Reveal()), Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: account.UserID, State: authz.Active,
			CreatedBy: by, CreatedAt: now, ExpiresAt: now.Add(LinkLife),
		})
		if err != nil {
			return err
		}
		return a.tell(ctx, account, "local_account.invited", by, severity(kind), nil)
	})
	return account, token, err
}

// interrupt ends the sessions of whoever is given a new link.
func (a *Accounts) interrupt(ctx context.Context, account authz.LocalAccount, by string) error {
	if err := a.cfg.Store.HoldPerson(ctx, a.cfg.Issuer, account.WorkspaceID, account.UserID); err != nil {
		return err
	}
	return a.cfg.Sessions.EndPerson(ctx, authz.PersonEnd{WorkspaceID: account.WorkspaceID, UserID: account.UserID, Reason: "enrolment_link", Actor: by})
}

// Permit returns the token of a code with which a member, whose account is none
// of these, may set up a factor; an earlier one is over.
func (a *Accounts) Permit(ctx context.Context, ws authz.WorkspaceID, user authz.UserID, by string) (authz.Secret, error) {
	token, now := authz.NewToken("enr_"), a.cfg.Clock.Now()
	return token, a.cfg.Store.CreateEnrolment(ctx, authz.Enrolment{
		Digest: authz.Digest(token.Reveal()), Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: user, State: authz.Active,
		CreatedBy: by, CreatedAt: now, ExpiresAt: now.Add(LinkLife),
	})
}

// Permitted returns what uses up the code of a token that is good for the
// person; ErrLink when it is not.
func (a *Accounts) Permitted(ctx context.Context, ws authz.WorkspaceID, user authz.UserID, token authz.Secret) (use func(context.Context) error, err error) {
	e, err := a.cfg.Store.EnrolmentAcrossWorkspaces(ctx, a.cfg.Issuer, authz.Digest(token.Reveal()))
	if errors.Is(err, authz.ErrNotFound) || err == nil && (e.State != authz.Active || !a.cfg.Clock.Now().Before(e.ExpiresAt) || e.WorkspaceID != ws || e.UserID != user) {
		return nil, ErrLink
	}
	return func(ctx context.Context) error {
		err := a.cfg.Store.UseEnrolment(ctx, e, a.cfg.Clock.Now())
		if errors.Is(err, authz.ErrConsumed) {
			return ErrLink.Because(err)
		}
		return err
	}, err
}

func (a *Accounts) create(ctx context.Context, ws authz.WorkspaceID, kind authz.LocalKind, login, by string, join func(context.Context, authz.UserID) error) (authz.LocalAccount, error) {
	now := a.cfg.Clock.Now()
	user := authz.User{
		ID: authz.NewUserID(), Issuer: a.cfg.Issuer, Profile: authz.Profile{Name: login, PreferredUsername: login}, State: authz.Active, CreatedAt: now, UpdatedAt: now,
	}
	account := authz.LocalAccount{Issuer: a.cfg.Issuer, WorkspaceID: ws, UserID: user.ID, Kind: kind, Login: login, CreatedBy: by, CreatedAt: now}
	if err := a.cfg.Store.CreateLocalAccount(ctx, user, account); err != nil || join == nil {
		return account, err
	}
	return account, join(ctx, user.ID)
}

// severity is how loudly an account is spoken of: who uses a break-glass account
// is doing something out of the ordinary.
func severity(kind authz.LocalKind) string {
	if kind == authz.BreakGlassAccount {
		return "P1"
	}
	return "P2"
}

// Open returns the link of a token and its account; ErrLink when it is not good.
func (a *Accounts) Open(ctx context.Context, token authz.Secret) (authz.Enrolment, authz.LocalAccount, error) {
	e, err := a.cfg.Store.EnrolmentAcrossWorkspaces(ctx, a.cfg.Issuer, authz.Digest(token.Reveal()))
	if errors.Is(err, authz.ErrNotFound) || err == nil && (e.State != authz.Active || !a.cfg.Clock.Now().Before(e.ExpiresAt)) {
		return e, authz.LocalAccount{}, ErrLink
	}
	if err != nil {
		return e, authz.LocalAccount{}, err
	}
	account, err := a.cfg.Store.GetLocalAccount(ctx, a.cfg.Issuer, e.WorkspaceID, e.UserID)
	if errors.Is(err, authz.ErrNotFound) {
		return e, account, ErrLink
	}
	return e, account, err
}

// Hash checks and hashes a password that the account's person chose.
func (a *Accounts) Hash(ctx context.Context, account authz.LocalAccount, password authz.Secret) (string, error) {
	text := password.Reveal()
	if n := len([]rune(text)); n < 12 || n > 256 || len(text) > 1<<10 || strings.Contains(strings.ToLower(text), account.Login) {
		return "", ErrPassword
	}
	return a.cfg.Hasher.HashHuman(ctx, password)
}

// Accept uses a link up, keeps the hash of a password in place of an earlier one,
// or none, and ends the sessions that were begun by other means. It belongs into the transaction
// that stores what was enrolled by it.
func (a *Accounts) Accept(ctx context.Context, e authz.Enrolment, account authz.LocalAccount, password string) error {
	err := a.cfg.Store.UseEnrolment(ctx, e, a.cfg.Clock.Now())
	if errors.Is(err, authz.ErrConsumed) {
		return ErrLink.Because(err)
	}
	if err != nil {
		return err
	}
	account.Password = password
	if err := a.cfg.Store.SetLocalPassword(ctx, account); err != nil {
		return err
	}
	ended := authz.PersonEnd{WorkspaceID: account.WorkspaceID, UserID: account.UserID, Reason: "enrolled_anew"}
	if err := a.cfg.Sessions.EndPerson(ctx, ended); err != nil {
		return err
	}
	return a.tell(ctx, account, "local_account.enrolled", string(account.UserID), severity(account.Kind), map[string]any{"password": password != ""})
}

// Find returns the account of a login, whatever its spelling; ErrNotFound for
// none.
func (a *Accounts) Find(ctx context.Context, ws authz.WorkspaceID, login string) (authz.LocalAccount, error) {
	login, err := normal(login)
	if err != nil {
		return authz.LocalAccount{}, authz.ErrNotFound
	}
	return a.cfg.Store.LocalAccountByLogin(ctx, a.cfg.Issuer, ws, login)
}

// Get returns the account of a person, or ErrNotFound.
func (a *Accounts) Get(ctx context.Context, ws authz.WorkspaceID, user authz.UserID) (authz.LocalAccount, error) {
	return a.cfg.Store.GetLocalAccount(ctx, a.cfg.Issuer, ws, user)
}

// List lists the first hundred accounts of the workspace, or of operators where
// it is empty.
func (a *Accounts) List(ctx context.Context, ws authz.WorkspaceID) ([]authz.LocalAccount, error) {
	return a.cfg.Store.ListLocalAccounts(ctx, a.cfg.Issuer, ws)
}

// Matches reports whether it is the account's password; that of nobody, and of
// an account without one, costs the same and matches nothing.
func (a *Accounts) Matches(ctx context.Context, account authz.LocalAccount, password authz.Secret) (bool, error) {
	matches, rehash, err := a.cfg.Hasher.VerifyHuman(ctx, account.Password, password)
	if err != nil || !matches || !rehash {
		return matches, err
	}
	if account.Password, err = a.cfg.Hasher.HashHuman(ctx, password); err != nil {
		return true, nil //nolint:nilerr // another time
	}
	return true, a.cfg.Store.SetLocalPassword(ctx, account)
}

// SignedIn records a sign-in of the account, in its transaction. That of a
// break-glass account alarms.
func (a *Accounts) SignedIn(ctx context.Context, account authz.LocalAccount, s authz.Session) error {
	return a.tell(ctx, account, string(account.Kind)+".signed_in", string(account.UserID), severity(account.Kind), map[string]any{
		"sid": s.ID, "amr": s.AMR, "address": authz.OriginFrom(ctx).IP,
	})
}

// Refused records a sign-in that was refused, and alarms where it is at a
// break-glass account that exists.
func (a *Accounts) Refused(ctx context.Context, ws authz.WorkspaceID, account authz.LocalAccount, reason string) error {
	err := a.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: a.cfg.Issuer, WorkspaceID: ws, Time: a.cfg.Clock.Now(), Type: "local_login.refused", Result: authz.Refused, Reason: reason,
		Target: string(account.UserID), Details: map[string]any{"kind": account.Kind},
	}.From(authz.OriginFrom(ctx)))
	if err != nil || account.Kind != authz.BreakGlassAccount {
		return err
	}
	return a.cfg.Outbox.Append(ctx, ws, "break_glass.refused", a.cfg.Clock.Now(), map[string]any{
		"sub": account.UserID, "login": account.Login, "reason": reason, "severity": "P2", "address": authz.OriginFrom(ctx).IP,
	})
}

// tell records an act on an account and tells of it.
func (a *Accounts) tell(ctx context.Context, account authz.LocalAccount, typ, by, severity string, more map[string]any) error {
	now := a.cfg.Clock.Now()
	details := map[string]any{"login": account.Login, "kind": account.Kind}
	for name, value := range more {
		details[name] = value
	}
	err := a.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: a.cfg.Issuer, WorkspaceID: account.WorkspaceID, Time: now, Type: typ, Result: authz.Success, Actor: by,
		Target: string(account.UserID), Details: details,
	}.From(authz.OriginFrom(ctx)))
	if err != nil {
		return err
	}
	data := map[string]any{"sub": account.UserID, "severity": severity, "by": by}
	for name, value := range details {
		data[name] = value
	}
	return a.cfg.Outbox.Append(ctx, account.WorkspaceID, typ, now, data)
}
