package storagetest

import (
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

func testUpstreamRefreshes(e *env) {
	x := e.tenant()
	kept := authz.UpstreamRefresh{
		SessionID: x.session.ID, Issuer: e.issuer, WorkspaceID: x.workspace.ID, ConnectionID: x.connection.ID, Person: randomDigest(), Token: []byte{1, 0, 255},
		PollAt: e.now.Add(time.Minute), ExpiresAt: e.now.Add(time.Hour), Revision: 1,
	}
	e.must(e.PutUpstreamRefresh(e.ctx, kept))
	due := func(at time.Time, want ...authz.UpstreamRefresh) {
		e.Helper()
		got, err := e.UpstreamRefreshesDueAcrossWorkspaces(e.ctx, e.issuer, at, 10)
		e.must(err)
		e.same(len(got), len(want))
		for i := range want {
			e.same(got[i], want[i])
		}
	}
	due(e.now.Add(time.Minute - time.Second))
	due(kept.PollAt, kept)
	other, err := e.UpstreamRefreshesDueAcrossWorkspaces(e.ctx, "another", kept.PollAt, 10)
	e.must(err)
	e.same(len(other), 0)

	// Whoever is first moves it on.
	moved := kept
	moved.Token, moved.PollAt = []byte{2}, e.now.Add(10*time.Minute)
	e.must(e.UpdateUpstreamRefresh(e.ctx, moved))
	e.is(e.UpdateUpstreamRefresh(e.ctx, moved), authz.ErrConflict)
	moved.Revision = 2
	due(kept.PollAt)
	due(moved.PollAt, moved)
	foreign := moved
	foreign.WorkspaceID = "ws_other"
	e.is(e.UpdateUpstreamRefresh(e.ctx, foreign), authz.ErrConflict)
	e.must(e.DropUpstreamRefresh(e.ctx, e.issuer, "ws_other", x.session.ID))
	due(moved.PollAt, moved)

	// A new sign-in replaces what there was.
	again := kept
	again.Token = []byte{3}
	e.must(e.PutUpstreamRefresh(e.ctx, again))
	due(kept.PollAt, again)
	e.must(e.DropUpstreamRefresh(e.ctx, e.issuer, x.workspace.ID, x.session.ID))
	due(moved.PollAt)

	e.must(e.PutUpstreamRefresh(e.ctx, kept))
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, kept.ExpiresAt, 1000)
	e.must(err)
	due(kept.ExpiresAt)
}

func testGrantsOfSessions(e *env) {
	x := e.tenant()
	bound := e.granted(e.personal(x))
	late := e.personal(x)
	late.SessionID = "" // as with offline_access
	late = e.granted(late)
	for sid, want := range map[authz.SessionID]int{x.session.ID: 2, "ses_other": 0, "": 0} {
		ids, err := e.GrantsOfSession(e.ctx, e.issuer, x.workspace.ID, sid)
		e.must(err)
		e.same(len(ids), want)
	}
	ids, err := e.GrantsOfSession(e.ctx, e.issuer, "ws_other", x.session.ID)
	e.must(err)
	e.same(len(ids), 0)
	e.moved(e.KillNode(e.ctx, e.issuer, x.workspace.ID, authz.NodeRef{Kind: authz.GrantNode, ID: string(bound.ID)}, authz.Revoked))
	ids, err = e.GrantsOfSession(e.ctx, e.issuer, x.workspace.ID, x.session.ID)
	e.must(err)
	e.same(ids, []authz.GrantID{late.ID})
}
