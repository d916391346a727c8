package liveness

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ErrEnded says that the upstream, asked, no longer knows the person.
var ErrEnded = errors.New("liveness: the upstream no longer knows the person")

// ErrUnavailable says that the upstream did not answer, or only that it cannot.
var ErrUnavailable = errors.New("liveness: the upstream does not answer")

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	PutUpstreamRefresh(ctx context.Context, v authz.UpstreamRefresh) error
	// UpdateUpstreamRefresh fails with authz.ErrConflict when another wrote since
	// Revision.
	UpdateUpstreamRefresh(ctx context.Context, v authz.UpstreamRefresh) error
	DropUpstreamRefresh(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) error
	UpstreamRefreshesDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.UpstreamRefresh, error)
	GetConnectionAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.ConnectionID) (authz.Connection, error)
	GetSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.SessionID) (authz.Session, error)
}

// Sessions ends sessions (authz/session).
type Sessions interface {
	EndUpstream(ctx context.Context, e authz.UpstreamEnd) error
}

// Sealer encrypts what must be used again (authz/secret).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// reasonEnded is why a session ended whose upstream, asked, knows it no more.
const reasonEnded = "upstream_ended"

const purpose = "upstream refresh token"

// Config is what a Poller needs; every field but Logger is required.
type Config struct {
	Issuer   authz.IssuerName
	Store    Store
	Sessions Sessions
	Sealer   Sealer
	Clock    authz.Clock
	// Refresh asks the upstream of a connection by a refresh token, and returns
	// the one to ask with next. It fails with ErrEnded when the upstream says
	// that the token is good no more, and with ErrUnavailable when it says nothing.
	Refresh func(ctx context.Context, c authz.Connection, token authz.Secret) (authz.Secret, error)
	Logger  *slog.Logger
}

// Poller asks upstreams about the sessions of one issuer. It is safe for
// concurrent use.
type Poller struct{ cfg Config }

// New returns a Poller, or says what is missing.
func New(cfg Config) (*Poller, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Sessions == nil || cfg.Sealer == nil || cfg.Clock == nil || cfg.Refresh == nil {
		return nil, errors.New("liveness: every field of Config but Logger is required")
	}
	return &Poller{cfg: cfg}, nil
}

// Keep remembers by what to ask the upstream about a session, or forgets what
// was kept of it where there is nothing to ask by. Of a connection that does not
// ask, PollDue forgets it. It joins the context's transaction.
func (p *Poller) Keep(ctx context.Context, c authz.Connection, s authz.Session, token authz.Secret) error {
	every := c.PollEvery()
	switch {
	case every == 0:
		return nil
	case token == "":
		return p.cfg.Store.DropUpstreamRefresh(ctx, s.Issuer, s.WorkspaceID, s.ID)
	}
	sealed, err := p.cfg.Sealer.Seal(purpose, string(s.ID), []byte(token.Reveal()))
	if err != nil {
		return err
	}
	return p.cfg.Store.PutUpstreamRefresh(ctx, authz.UpstreamRefresh{
		SessionID: s.ID, Issuer: s.Issuer, WorkspaceID: s.WorkspaceID, ConnectionID: c.ID, Person: s.Upstream.Person, Token: sealed,
		PollAt: p.cfg.Clock.Now().Add(jittered(every)), ExpiresAt: s.ExpiresAt,
	})
}

// jittered is the time give or take a fifth, so that people who came to work at
// nine are not asked about all at once.
func jittered(every time.Duration) time.Duration {
	return every*4/5 + rand.N(every*2/5) //nolint:gosec // it spreads load, nothing else
}

// Bounds of one round.
const (
	maxDue   = 200
	atOnce   = 8
	pollTime = 15 * time.Second
)

// PollDue asks about the sessions whose time has come, 200 at most. Callers hold
// a lease, so that one node does it; were it two, each session is asked about by
// whoever is first. An upstream that is away holds up nobody else's: once it did
// not answer, its other sessions wait for their next time.
func (p *Poller) PollDue(ctx context.Context) error {
	due, err := p.cfg.Store.UpstreamRefreshesDueAcrossWorkspaces(ctx, p.cfg.Issuer, p.cfg.Clock.Now(), maxDue)
	if err != nil {
		return err
	}
	errs := make([]error, len(due))
	slots := make(chan struct{}, atOnce)
	var away sync.Map // of authz.ConnectionID
	var polls sync.WaitGroup
	for n, r := range due {
		slots <- struct{}{}
		polls.Go(func() {
			defer func() { <-slots }()
			within, cancel := context.WithTimeout(ctx, pollTime)
			defer cancel()
			errs[n] = p.poll(within, r, &away)
		})
	}
	polls.Wait()
	return errors.Join(errs...)
}

// poll asks about one session, unless its upstream is away.
func (p *Poller) poll(ctx context.Context, r authz.UpstreamRefresh, away *sync.Map) error {
	c, wanted, err := p.wanted(ctx, r)
	if err != nil {
		return err
	}
	if !wanted {
		return p.cfg.Store.DropUpstreamRefresh(ctx, r.Issuer, r.WorkspaceID, r.SessionID)
	}
	// The claim: whoever moves the time asks. A refresh token that an upstream
	// rotates must not be used twice.
	r.PollAt = p.cfg.Clock.Now().Add(jittered(c.PollEvery()))
	if err := p.cfg.Store.UpdateUpstreamRefresh(ctx, r); err != nil {
		return unlessTaken(err)
	}
	r.Revision++
	if _, is := away.Load(c.ID); is {
		return nil
	}
	plain, err := p.cfg.Sealer.Open(purpose, string(r.SessionID), r.Token)
	if err != nil { // nor will it another time
		p.note(ctx, c, err)
		return p.forget(ctx, r)
	}
	next, err := p.cfg.Refresh(ctx, c, authz.Secret(plain))
	switch {
	case errors.Is(err, ErrEnded):
		return p.end(ctx, c, r)
	case err != nil:
		if errors.Is(err, ErrUnavailable) {
			away.Store(c.ID, true)
		}
		p.note(ctx, c, err) // an outage, or ours to mend: it says nothing of the person
		return nil
	case next.Reveal() == string(plain):
		return nil
	}
	return p.rotate(ctx, r, next)
}

// wanted reports whether the upstream is to be asked still: of a connection in
// use that says so, about a session that lives.
func (p *Poller) wanted(ctx context.Context, r authz.UpstreamRefresh) (authz.Connection, bool, error) {
	c, err := p.cfg.Store.GetConnectionAcrossWorkspaces(ctx, r.Issuer, r.ConnectionID)
	if errors.Is(err, authz.ErrNotFound) {
		return c, false, nil
	}
	if err != nil {
		return c, false, err
	}
	if c.WorkspaceID != r.WorkspaceID || !c.State.Usable() || c.PollEvery() == 0 {
		return c, false, nil
	}
	s, err := p.cfg.Store.GetSession(ctx, r.Issuer, r.WorkspaceID, r.SessionID)
	if errors.Is(err, authz.ErrNotFound) {
		return c, false, nil
	}
	now := p.cfg.Clock.Now()
	return c, err == nil && s.State == authz.Active && now.Before(s.ExpiresAt) && now.Before(s.IdleUntil), err
}

// end ends what the person has of the connection.
func (p *Poller) end(ctx context.Context, c authz.Connection, r authz.UpstreamRefresh) error {
	err := p.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		// Who signed in again meanwhile has a newer token, of which nothing was said.
		if err := p.cfg.Store.UpdateUpstreamRefresh(ctx, r); err != nil {
			return err
		}
		of := authz.UpstreamSessions{Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, ConnectionID: c.ID, Side: authz.OIDCSide, Person: r.Person}
		if err := p.cfg.Sessions.EndUpstream(ctx, authz.UpstreamEnd{Of: of, Reason: reasonEnded, Grants: true}); err != nil {
			return err
		}
		return p.cfg.Store.DropUpstreamRefresh(ctx, r.Issuer, r.WorkspaceID, r.SessionID)
	})
	return unlessTaken(err)
}

// forget drops what cannot be asked by, unless the person signed in again
// meanwhile.
func (p *Poller) forget(ctx context.Context, r authz.UpstreamRefresh) error {
	return unlessTaken(p.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := p.cfg.Store.UpdateUpstreamRefresh(ctx, r); err != nil {
			return err
		}
		return p.cfg.Store.DropUpstreamRefresh(ctx, r.Issuer, r.WorkspaceID, r.SessionID)
	}))
}

// rotate keeps the token to ask with next, unless the person signed in again
// meanwhile: then there is a newer one.
func (p *Poller) rotate(ctx context.Context, r authz.UpstreamRefresh, next authz.Secret) error {
	sealed, err := p.cfg.Sealer.Seal(purpose, string(r.SessionID), []byte(next.Reveal()))
	if err != nil {
		return err
	}
	r.Token = sealed
	// What was given must be kept, also where the round is over.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), pollTime)
	defer cancel()
	return unlessTaken(p.cfg.Store.UpdateUpstreamRefresh(ctx, r))
}

func unlessTaken(err error) error {
	if errors.Is(err, authz.ErrConflict) {
		return nil
	}
	return err
}

func (p *Poller) note(ctx context.Context, c authz.Connection, err error) {
	if p.cfg.Logger != nil && ctx.Err() == nil {
		p.cfg.Logger.WarnContext(ctx, "an upstream could not be asked about a session", "connection_id", string(c.ID), "error", err.Error())
	}
}
