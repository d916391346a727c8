package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/liveness"
	"github.com/gatehouse-auth/gatehouse/authz/session"
	"github.com/gatehouse-auth/gatehouse/idp"
)

// pollUpstreamsEvery is how late an upstream may be asked about a session.
const pollUpstreamsEvery = 15 * time.Second

// pollLease is how long one node asks before another may take over from it.
const pollLease = 10 * time.Minute

// newLiveness asks the upstreams of an issuer whether they still know people.
func (a *App) newLiveness(name authz.IssuerName, sessions *session.Sessions) (*liveness.Poller, error) {
	return liveness.New(liveness.Config{
		Issuer: name, Store: a.store, Sessions: sessions, Sealer: a.keyring, Clock: a.clock, Logger: a.options.Logger,
		Refresh: func(ctx context.Context, c authz.Connection, token authz.Secret) (authz.Secret, error) {
			connector, err := a.connectors.connect(ctx, c, authz.OIDCSide)
			if err != nil {
				return "", err
			}
			return Refresh(ctx, connector, token)
		},
	})
}

// Refresh asks the upstream of a connector about a person by a refresh token.
func Refresh(ctx context.Context, connector idp.Connector, token authz.Secret) (authz.Secret, error) {
	rp, ok := connector.(idp.RelyingParty)
	if !ok {
		return "", errors.New("an upstream that knows no refresh tokens")
	}
	next, err := rp.Refresh(ctx, idp.RefreshToken(token.Reveal()))
	if idp.ReasonOf(err) == idp.ReasonEnded {
		return "", fmt.Errorf("%w: %w", liveness.ErrEnded, err)
	}
	return authz.Secret(next.Reveal()), err
}

// pollUpstreamsOften asks about the sessions whose time has come, one node at a
// time for each issuer.
func (a *App) pollUpstreamsOften(ctx context.Context, name authz.IssuerName) {
	a.oftenAlone(ctx, pollUpstreamsEvery, "upstream polls of "+string(name), a.Issuers[name].liveness.PollDue)
}

// lookAtMetadataEvery is how late the metadata of a provider may be looked at.
const lookAtMetadataEvery = 5 * time.Minute

// lookAtMetadataOften looks at the metadata of providers whose time has come, one
// node at a time for each issuer.
func (a *App) lookAtMetadataOften(ctx context.Context, name authz.IssuerName) {
	a.oftenAlone(ctx, lookAtMetadataEvery, "metadata refresh of "+string(name), a.Issuers[name].connections.LookDue)
}

// oftenAlone does something again and again, while no other node does: job is
// the name of the lease.
func (a *App) oftenAlone(ctx context.Context, every time.Duration, job string, do func(context.Context) error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		held, _, err := a.store.AcquireLease(ctx, job, a.holder(), pollLease, a.clock.Now())
		if err != nil || !held {
			a.logFailure(ctx, "acquiring the lease of "+job, err)
			continue
		}
		a.logFailure(ctx, job, do(ctx))
	}
}
