package app

import (
	"github.com/gatehouse-auth/gatehouse/authz"
	conn "github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/authz/ratelimit"
	"github.com/gatehouse-auth/gatehouse/web/login"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// How many wrong user codes one address, or one session, may enter: with ten
// thousand codes waiting, a year of it finds one with a chance of one in five.
const (
	userCodesPerSecond = 1.0 / 60
	userCodesAtOnce    = 10
)

// signIn puts the sign-in of an issuer's people together, with what goes on
// while they are signed in.
func (a *App) signIn(name authz.IssuerName, i *Issuer, server *oauth.Server, pages *ui.Pages, outbox *event.Outbox) (*login.Flow, error) {
	userCodes, err := ratelimit.New(ratelimit.Config{PerSecond: userCodesPerSecond, Burst: userCodesAtOnce, Clock: a.clock})
	if err != nil {
		return nil, err
	}
	if i.liveness, err = a.newLiveness(name, i.sessions); err != nil {
		return nil, err
	}
	known, err := conn.NewKnown(name, a.store, a.epochs, a.lease)
	if err != nil {
		return nil, err
	}
	return login.New(login.Config{
		Liveness: i.liveness, Connections: known,
		Factors: i.factors, Accounts: i.Accounts, Operators: i.Keys, Members: i.Admin,
		OAuth: server, Store: a.store, Connect: a.connectors.connect, Choose: i.federation.Choose, Explain: Explain, Sealer: a.keyring, Sessions: i.sessions, Clock: a.clock, Pages: pages,
		CookieSuffix: i.Config.Keys.Prefix, Secure: isHTTPS(i.Config.URL),
		SessionIdle: i.Config.Session.Idle, SessionAbsolute: i.Config.Session.Absolute, Guesses: userCodes, AllowReturn: a.allowReturn(),
	})
}
