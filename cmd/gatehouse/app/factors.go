package app

import (
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/factor"
	"github.com/gatehouse-auth/gatehouse/authz/localaccount"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/idp/mfa"
)

// people are those who prove something to us: second factors, and accounts that
// sign in here.
func (a *App) people(name authz.IssuerName, i *Issuer, outbox *event.Outbox) (err error) {
	if i.sessions, err = a.newSessions(name, outbox); err != nil {
		return err
	}
	if i.factors, err = a.newFactors(name, i.Config, i.sessions, outbox); err != nil {
		return err
	}
	i.Accounts, err = localaccount.New(localaccount.Config{Issuer: name, Store: a.store, Outbox: outbox, Sessions: i.sessions, Hasher: a.hasher, Clock: a.clock})
	return err
}

// newSessions is what ends the sessions of an issuer. What it tells clients goes to
// the issuer's logout sink alone.
func (a *App) newSessions(name authz.IssuerName, outbox *event.Outbox) (*session.Sessions, error) {
	logouts, err := event.NewOutbox(name, a.store, []string{event.LogoutSinkName(name)})
	if err != nil {
		return nil, err
	}
	return session.New(session.Config{Issuer: name, Store: a.store, Outbox: outbox, Logouts: logouts, Clock: a.clock})
}

// newFactors are the second factors that an issuer's people have with it.
func (a *App) newFactors(name authz.IssuerName, cfg config.Issuer, sessions *session.Sessions, outbox *event.Outbox) (*factor.Factors, error) {
	passkeys, err := NewPasskeys(cfg.URL, cfg.DisplayName)
	if err != nil {
		return nil, err
	}
	return factor.New(factor.Config{
		Issuer: name, Name: cfg.DisplayName, Store: a.store, Outbox: outbox, Sessions: sessions, Sealer: a.keyring, Hasher: a.hasher,
		App: mfa.TOTP{}, Passkeys: passkeys, Clock: a.clock,
	})
}

// NewPasskeys are those of an issuer's origin; nil where it has no name but an
// address, for which browsers keep none.
func NewPasskeys(origin, name string) (factor.Passkeys, error) {
	p, err := mfa.NewPasskeys(origin, name)
	if errors.Is(err, mfa.ErrNoDomain) {
		return nil, nil //nolint:nilnil // as said
	}
	if err != nil {
		return nil, err
	}
	return passkeys{p}, nil
}

// passkeys is idp/mfa in the words of authz/factor.
type passkeys struct{ of *mfa.Passkeys }

func (p passkeys) BeginCreate(u factor.PasskeyUser) (options, ceremony []byte, err error) {
	return p.of.BeginCreate(mfa.User(u))
}

func (p passkeys) BeginGet(u *factor.PasskeyUser) (options, ceremony []byte, err error) {
	return p.of.BeginGet((*mfa.User)(u))
}

func (p passkeys) FinishCreate(u factor.PasskeyUser, ceremony, response []byte) (factor.Passkey, error) {
	made, err := p.of.FinishCreate(mfa.User(u), ceremony, response)
	return factor.Passkey(made), err
}

func (p passkeys) FinishGet(u factor.PasskeyUser, ceremony, response []byte) (factor.Passkey, error) {
	used, err := p.of.FinishGet(mfa.User(u), ceremony, response)
	return factor.Passkey(used), err
}

func (p passkeys) CredentialID(response []byte) ([]byte, error) { return p.of.CredentialID(response) }
