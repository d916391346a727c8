package storagetest

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// approval is what is written when a person approves a request.
type approval struct {
	*env
	workspace authz.WorkspaceID
	grant     authz.Grant
	code      authz.AuthorizationCode
	entry     authz.AuditEntry
}

func (e *env) approval() approval {
	x := e.tenant()
	grant := e.personal(x)
	return approval{e, x.workspace.ID, grant, authz.AuthorizationCode{
		Digest: randomDigest(), Issuer: e.issuer, GrantID: grant.ID, ClientID: grant.ClientID, Scopes: []string{"openid"},
		CreatedAt: e.now, ExpiresAt: e.now.Add(time.Minute), State: authz.Active,
	}, authz.AuditEntry{Issuer: e.issuer, WorkspaceID: x.workspace.ID, Type: "x", Result: authz.Success, Time: e.now}}
}

func (a approval) write(ctx context.Context, request string) error {
	for _, write := range []func() error{
		func() error { return a.CreateGrant(ctx, a.grant) },
		func() error { return a.CreateAuthorizationCode(ctx, a.code) },
		func() error { return a.ConsumeAuthorizationRequest(ctx, a.issuer, request) },
		func() error { return a.AppendAudit(ctx, a.entry) },
	} {
		if err := write(); err != nil {
			return err
		}
	}
	return nil
}

// entries wants so many audit entries of the workspace.
func (a approval) entries(want int) {
	a.Helper()
	found, err := a.ListAudit(a.ctx, a.issuer, a.workspace, authz.Page{})
	if err != nil || len(found) != want {
		a.Fatalf("%d audit entries, want %d: %v", len(found), want, err)
	}
}

// testLater holds what need not be sent at once to what it would be if it were:
// one part that meets nothing, or meets another, takes the transaction with it,
// and what is read after it sees it.
func testLater(e *env) {
	a := e.approval()
	nothing := func(why error, fn func(ctx context.Context) error) {
		e.Helper()
		e.is(e.InTx(e.ctx, fn), why)
		a.entries(0)
		_, _, _, err := e.GetAuthorizationCode(e.ctx, e.issuer, a.code.Digest)
		e.is(err, authz.ErrNotFound)
	}
	used, fresh := e.request(), e.request()
	e.must(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, used.ID))

	nothing(authz.ErrConsumed, func(ctx context.Context) error { return a.write(ctx, used.ID) })
	nothing(authz.ErrConsumed, func(ctx context.Context) error { // and nobody looks
		_ = a.write(ctx, used.ID)
		_, err := e.GetWorkspace(ctx, e.issuer, a.workspace)
		return err
	})
	nothing(authz.ErrConflict, func(ctx context.Context) error {
		if err := a.write(ctx, fresh.ID); err != nil {
			return err
		}
		return e.CreateGrant(ctx, a.grant) // its id is taken
	})
	nothing(authz.ErrNotFound, func(ctx context.Context) error {
		orphan := a.code
		orphan.GrantID = "gnt_nobody"
		if err := e.CreateAuthorizationCode(ctx, orphan); err != nil {
			return err
		}
		return e.AppendAudit(ctx, a.entry)
	})

	e.must(e.InTx(e.ctx, func(ctx context.Context) error {
		if err := a.write(ctx, fresh.ID); err != nil {
			return err
		}
		_, got, _, err := e.GetAuthorizationCode(ctx, e.issuer, a.code.Digest)
		if err == nil && got.ID != a.grant.ID {
			e.Errorf("the grant of the code is %q", got.ID)
		}
		return err
	}))
	a.entries(1)
	e.is(e.ConsumeAuthorizationRequest(e.ctx, e.issuer, fresh.ID), authz.ErrConsumed)
}

// testOverlooked lets a transaction overlook that a statement failed: it is told
// that it was written if it was, and else not.
func testOverlooked(e *env) {
	a := e.approval()
	pushed := authz.PushedRequest{
		Digest: randomDigest(), Issuer: e.issuer, ClientID: "cl_1", CreatedAt: e.now, ExpiresAt: e.now.Add(time.Minute), State: authz.Active,
	}
	e.must(e.CreatePushedRequest(e.ctx, pushed))
	for n, write := range []func(ctx context.Context) error{
		func(ctx context.Context) error {
			e.is(e.CreatePushedRequest(ctx, pushed), authz.ErrConflict)
			return nil
		},
		func(ctx context.Context) error {
			if err := e.AppendAudit(ctx, a.entry); err != nil {
				return err
			}
			_ = e.CreatePushedRequest(ctx, pushed)
			return nil
		},
		func(ctx context.Context) error {
			_ = e.CreatePushedRequest(ctx, pushed)
			return e.AppendAudit(ctx, a.entry)
		},
	} {
		before, err := e.ListAudit(e.ctx, e.issuer, a.workspace, authz.Page{})
		e.must(err)
		err = e.InTx(e.ctx, write)
		after, listed := e.ListAudit(e.ctx, e.issuer, a.workspace, authz.Page{})
		e.must(listed)
		if written := len(after) > len(before); n > 0 && written != (err == nil) {
			e.Errorf("%d: told %v, written %t", n, err, written)
		}
		if e.Driver() == storage.Postgres && err == nil {
			e.Errorf("%d: a transaction that PostgreSQL gave up was told to be written", n)
		}
	}
}

// testLaterRace lets many end one request, each with an entry that goes with it.
func testLaterRace(e *env) {
	a, request := e.approval(), e.request()
	e.oneWins(racers, authz.ErrConsumed, func() error {
		return e.InTx(e.ctx, func(ctx context.Context) error {
			if err := e.AppendAudit(ctx, a.entry); err != nil {
				return err
			}
			return e.ConsumeAuthorizationRequest(ctx, e.issuer, request.ID)
		})
	})
	a.entries(1)
}
