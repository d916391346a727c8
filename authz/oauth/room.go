package oauth

import (
	"context"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Room is how many requests may wait at once, of an issuer and of one of its
// clients: whoever floods us fills this much of the database and no more. A
// pushed request waits for a minute or so, one that a browser brought for a
// quarter of an hour; each is at most maxParameters long.
type Room struct {
	PushedOfIssuer, PushedOfClient     int64 // 0 means 50,000 and 10,000
	RequestsOfIssuer, RequestsOfClient int64 // 0 means 200,000 and 100,000
}

func (r Room) withDefaults() Room {
	or := func(n *int64, usual int64) {
		if *n == 0 {
			*n = usual
		}
	}
	or(&r.PushedOfIssuer, 50_000)
	or(&r.PushedOfClient, 10_000)
	or(&r.RequestsOfIssuer, 200_000)
	or(&r.RequestsOfClient, 100_000)
	return r
}

// room bounds how many requests of a kind wait. Counting thousands of rows for
// every request would be what a flood wants; so one count is good for a share
// of the room it found, and for a while. Nodes know nothing of each other's
// shares, but eight of them together take no more than there is.
type room struct {
	issuer, client int64 // at most
	clock          authz.Clock
	count          func(ctx context.Context, client authz.ClientID, now time.Time) (authz.Waiting, error)

	mu     sync.Mutex
	shares map[authz.ClientID]share
	// all is the issuer's share, of every client's.
	all share
}

// share is what may still come on the strength of one count.
type share struct {
	left  int64
	since time.Time
	// lapses is when it must be counted again: where there is hardly any room,
	// not before, however soon the share is used up.
	lapses time.Time
	scarce bool
}

const (
	shareOfRoom = 8
	shareLasts  = 10 * time.Second
	scarceLasts = time.Second
	scarceShare = 16
	maxShares   = 10_000
	maxCounts   = 3
)

func (s *Server) rooms() (pushing, starting *room) {
	counted := func(of func(context.Context, authz.IssuerName, authz.ClientID, time.Time) (authz.Waiting, error)) func(context.Context, authz.ClientID, time.Time) (authz.Waiting, error) {
		return func(ctx context.Context, client authz.ClientID, now time.Time) (authz.Waiting, error) {
			return of(ctx, s.settings.Name, client, now)
		}
	}
	most := s.settings.Room.withDefaults()
	return &room{issuer: most.PushedOfIssuer, client: most.PushedOfClient, clock: s.clock, count: counted(s.store.CountPushedRequests)},
		&room{issuer: most.RequestsOfIssuer, client: most.RequestsOfClient, clock: s.clock, count: counted(s.store.CountAuthorizationRequests)}
}

// Admit reports whether one more authorization request may wait for a person;
// RateLimited when there are too many of the client, or of the issuer.
func (s *Server) Admit(ctx context.Context, client authz.ClientID) error {
	return s.starting.admit(ctx, client)
}

func (r *room) admit(ctx context.Context, client authz.ClientID) error {
	known, taken := r.take(client, r.clock.Now())
	for tries := 0; !known && tries < maxCounts; tries++ {
		now := r.clock.Now()
		found, err := r.count(ctx, client, now)
		if err != nil {
			return unavailable(err)
		}
		r.note(client, found, now)
		// Somebody may have counted later than we did, and others have used that
		// share up already.
		known, taken = r.take(client, r.clock.Now())
	}
	return full(taken)
}

func full(taken bool) error {
	if taken {
		return nil
	}
	e := fault(authz.RateLimited, "rate_limited", "Too many requests wait to be completed; try again later.")
	e.RetryAfter = 10 * time.Second
	return e
}

// take takes one of both shares; known is false where a count is due.
func (r *room) take(client authz.ClientID, now time.Time) (known, taken bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	own := r.shares[client]
	switch {
	case r.all.good(now) && r.all.left == 0, own.good(now) && own.left == 0:
		return true, false
	case !r.all.good(now) || !own.good(now):
		return false, false
	}
	own.left, r.all.left = own.left-1, r.all.left-1
	r.shares[client] = own
	return true, true
}

// good reports whether the share may be relied on, be it for a refusal. One
// whose clock ran back is counted anew.
func (s share) good(now time.Time) bool {
	return !now.Before(s.since) && now.Before(s.lapses) && (s.left > 0 || s.scarce)
}

func (r *room) note(client authz.ClientID, found authz.Waiting, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if moment := r.clock.Now(); r.shares[client].good(moment) && r.all.good(moment) {
		return // somebody counted meanwhile, and what came since is taken off there
	}
	if len(r.shares) >= maxShares || r.shares == nil {
		r.shares = make(map[authz.ClientID]share)
	}
	r.shares[client], r.all = shareOf(r.client-found.Client, now), shareOf(r.issuer-found.Issuer, now)
}

func shareOf(room int64, now time.Time) share {
	left := room / shareOfRoom
	if left >= scarceShare {
		return share{left: left, since: now, lapses: now.Add(shareLasts)}
	}
	return share{left: min(max(0, room), max(1, left)), since: now, lapses: now.Add(scarceLasts), scarce: true}
}
