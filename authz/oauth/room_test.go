package oauth_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
)

func (h *house) push(c authz.Client, more ...string) error {
	in := h.from(c)
	for name, values := range asked(c, more...) {
		in.Form[name] = values
	}
	_, err := h.server.Push(h.Context(), in)
	return err
}

// start is what a browser leaves at the authorization endpoint.
func (h *house) start(c authz.Client) error {
	if err := h.server.Admit(h.Context(), c.ID); err != nil {
		return err
	}
	now := h.clock.Now()
	return h.store.CreateAuthorizationRequest(h.Context(), authz.AuthorizationRequest{
		ID: authz.NewID("ar"), Issuer: issuer, BrowserDigest: authz.Digest("browser"), ClientID: c.ID, ArrivedAt: now, ExpiresAt: now.Add(15 * time.Minute), State: authz.Active,
	})
}

func TestDS_05_PA_07_AFloodOfRequestsFillsItsRoomAndNoMore(t *testing.T) {
	const ofIssuer, ofClient, flood = 60, 40, 300
	onBoth(t, func(t *testing.T, h *house) {
		victim, crowd := h.client(func(*authz.Client) {}), []authz.Client{h.web, h.spa}
		waiting := func(c authz.Client) (pushed, started authz.Waiting) {
			pushed = made(h.store.CountPushedRequests(t.Context(), issuer, c.ID, h.clock.Now()))(t)
			return pushed, made(h.store.CountAuthorizationRequests(t.Context(), issuer, c.ID, h.clock.Now()))(t)
		}
		for name, ask := range map[string]func(authz.Client) error{
			"pushed": func(c authz.Client) error { return h.push(c) }, "started": h.start,
		} {
			for range flood {
				if err := ask(h.web); err != nil {
					e, ok := errors.AsType[*authz.Error](err)
					if !ok || e.Kind != authz.RateLimited || e.RetryAfter <= 0 {
						t.Fatalf("%s: %v", name, err)
					}
					h.clock.advance(40 * time.Millisecond) // so that counts lapse too
				}
			}
			if err := ask(victim); err != nil {
				t.Errorf("%s: another client has no room: %v", name, err)
			}
			for range flood {
				for _, c := range crowd {
					_ = ask(c)
				}
				h.clock.advance(80 * time.Millisecond)
			}
			pushed, started := waiting(h.web)
			w := map[string]authz.Waiting{"pushed": pushed, "started": started}[name]
			if w.Issuer != ofIssuer || w.Client != ofClient {
				t.Errorf("%s: %+v wait", name, w)
			}
			if err := ask(victim); authz.KindOf(err) != authz.RateLimited {
				t.Errorf("%s: one more than the issuer has room for: %v", name, err)
			}
		}
		h.clock.advance(15 * time.Minute)
		h.ok(h.push(h.web))
		h.ok(h.start(h.web))
		made(h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 5000))(t)
		if pushed, started := waiting(h.web); pushed.Issuer != 1 || started.Issuer != 1 {
			t.Errorf("after their time %+v and %+v", pushed, started)
		}
	}, func(s *oauth.Settings) { s.Room = oauth.Room{ofIssuer, ofClient, ofIssuer, ofClient} })
}

// One count is good for a share of the room: a flood is not answered with as
// many counts as it has requests, be there room or none.
func TestDS_05_AFloodIsNotCountedOneByOne(t *testing.T) {
	h := newHouse(t)
	for name, c := range map[string]struct{ room, admitted, counts int64 }{
		"room for all": {10_000, 1600, 2}, "room for few": {1000, 1600, 13}, "hardly any": {8, 1, 1}, "none": {0, 0, 1},
	} {
		store := &countedStore{Store: h.store, found: 100_000 - c.room}
		s := h.serverWith(func(cfg *oauth.Config) { cfg.Store = store })
		var all sync.WaitGroup
		var admitted atomic.Int64
		for range 8 {
			all.Go(func() {
				for range 200 {
					if s.Admit(t.Context(), h.web.ID) == nil {
						admitted.Add(1)
					}
				}
			})
		}
		all.Wait()
		if n := store.counts.Load(); admitted.Load() != c.admitted || n < c.counts || n > c.counts+8 { // eight may find out at once
			t.Errorf("%s: %d admitted after %d counts", name, admitted.Load(), n)
		}
	}
}

// Whoever counts while somebody who came later counts too is not taken for one
// too many.
func TestDS_05_WhoCountsBesideALaterOneIsLetIn(t *testing.T) {
	h := newHouse(t)
	store := &countedStore{Store: h.store, found: 0}
	s := h.serverWith(func(cfg *oauth.Config) { cfg.Store = store })
	store.meanwhile = func() {
		store.meanwhile = nil
		h.clock.advance(time.Millisecond)
		h.ok(s.Admit(t.Context(), h.web.ID))
	}
	if err := s.Admit(t.Context(), h.web.ID); err != nil {
		t.Errorf("there is room for thousands: %v", err)
	}
}

func TestDS_05_EightNodesOvershootNothing(t *testing.T) {
	h := newHouse(t)
	room := func(c *oauth.Config) { c.Settings.Room.RequestsOfClient = 2000 }
	var nodes []*oauth.Server
	for range 8 {
		nodes = append(nodes, h.serverWith(room))
	}
	h.server = nodes[0]
	for range 600 {
		for _, h.server = range nodes {
			_ = h.start(h.web)
		}
	}
	if w := made(h.store.CountAuthorizationRequests(t.Context(), issuer, h.web.ID, h.clock.Now()))(t); w.Client > 2000 || w.Client < 1500 {
		t.Errorf("%d wait", w.Client)
	}
}

func TestDS_05_DV_06_AFloodOfDeviceCodesFillsTheRoomOfItsAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		h.server = h.serverWith(func(c *oauth.Config) { c.UserCodeKeys = h.ring.DeriveAll("user code") })
		tv := h.client(func(c *authz.Client) {
			c.AuthMethod, c.GrantTypes, c.RedirectURIs = authz.AuthNone, []string{authz.GrantDeviceCode}, nil
		})
		flood := func(ip string) (refused int) {
			ctx := authz.WithOrigin(t.Context(), authz.Origin{IP: ip})
			for range 150 {
				_, err := h.server.DeviceAuthorization(ctx, h.from(tv, "scope", "openid"))
				if err != nil && authz.KindOf(err) != authz.RateLimited {
					t.Fatal(err)
				}
				if err != nil {
					refused++
				}
			}
			return refused
		}
		for n, ip := range []string{"192.0.2.1", "192.0.2.2"} {
			if refused := flood(ip); refused != 50 {
				t.Errorf("%d of %s were refused", refused, ip)
			}
			w := made(h.store.CountPendingDevices(t.Context(), issuer, tv.ID, ip, h.clock.Now()))(t)
			if w.Address != 100 || w.Client != int64(100*(n+1)) {
				t.Errorf("%+v wait", w)
			}
		}
		h.clock.advance(10 * time.Minute)
		if gone := made(h.store.DeleteExpiredAcrossWorkspaces(t.Context(), h.clock.Now(), 5000))(t); gone < 200 {
			t.Errorf("%d went with their time", gone)
		}
	})
}

func TestPA_07_TheRoomForPushedRequestsIsTenThousandOfAClient(t *testing.T) {
	h := newHouse(t)
	now := h.clock.Now()
	for range 20 {
		h.ok(h.store.InTx(t.Context(), func(ctx context.Context) error {
			for range 500 {
				if err := h.store.CreatePushedRequest(ctx, authz.PushedRequest{
					Digest: authz.Digest(authz.NewID("")), Issuer: issuer, ClientID: h.web.ID, CreatedAt: now, ExpiresAt: now.Add(time.Minute), State: authz.Active,
				}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	h.wants("one more", h.push(h.web), "rate_limited")
	h.ok(h.push(h.spa))
	h.clock.advance(time.Minute)
	h.ok(h.push(h.web))
}

func TestPA_08_WhatHasNoMeaningIsNotKept(t *testing.T) {
	h := newHouse(t)
	in := h.from(h.web)
	for name, values := range asked(h.web, "password", "hunter2", "api_key", "k", "resource", "https://api.up.example", "state", "s") {
		in.Form[name] = values
	}
	resp := made(h.server.Push(t.Context(), in))(t)
	digest := authz.Digest(strings.TrimPrefix(resp.RequestURI, "urn:ietf:params:oauth:request_uri:"))
	kept := made(url.ParseQuery(made(h.store.GetPushedRequest(t.Context(), issuer, h.web.ID, digest))(t).Parameters))(t)
	if kept.Has("password") || kept.Has("api_key") || kept.Get("state") != "s" || kept.Get("resource") == "" {
		t.Errorf("kept: %v", kept)
	}
}

// countedStore counts the counts, and finds what it is told to.
type countedStore struct {
	oauth.Store
	counts atomic.Int64
	found  int64
	// meanwhile is what happens while it counts.
	meanwhile func()
}

// CountAuthorizationRequests finds nothing of other clients.
func (s *countedStore) CountAuthorizationRequests(context.Context, authz.IssuerName, authz.ClientID, time.Time) (authz.Waiting, error) {
	s.counts.Add(1)
	if s.meanwhile != nil {
		s.meanwhile()
	}
	return authz.Waiting{Issuer: s.found, Client: s.found}, nil
}
