package storagetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// anAct is something to be done once.
func (e *env) anAct() authz.Once {
	return authz.Once{
		Digest: randomDigest(), Issuer: e.issuer, WorkspaceID: "ws_once", Request: randomDigest(), Attempt: authz.NewID("att"),
		CreatedAt: e.now, ExpiresAt: e.now.Add(24 * time.Hour),
	}
}

// begin begins an act and says whether this attempt carries it out.
func (e *env) begin(o authz.Once) (authz.Once, bool) {
	e.Helper()
	found, mine, err := e.BeginOnce(e.ctx, o, o.CreatedAt.Add(-time.Minute), 100)
	e.must(err)
	return found, mine
}

func testOnce(e *env) { //nolint:funlen // one story, told in order
	act := e.anAct()
	if _, mine := e.begin(act); !mine {
		e.Fatal("the first attempt is not mine")
	}
	second := act
	second.Attempt = authz.NewID("att")
	if found, mine := e.begin(second); mine || found.Done || found.Attempt != act.Attempt {
		e.Fatalf("the second attempt found %+v, mine %t", found, mine)
	}
	// What fails leaves the act undone, what commits does it.
	failed := errors.New("no")
	within := authz.WithOnce(e.ctx, act)
	err := e.InTx(within, func(ctx context.Context) error { return failed })
	e.is(err, failed)
	if found, _ := e.begin(second); found.Done {
		e.Fatal("a failure did it")
	}
	e.must(e.InTx(within, func(ctx context.Context) error {
		return e.AppendAudit(ctx, authz.AuditEntry{Issuer: e.issuer, WorkspaceID: "ws_once", Type: "x", Time: e.now})
	}))
	if found, _ := e.begin(second); !found.Done || found.Status != 0 {
		e.Fatalf("the commit left %+v", found)
	}
	act.Status, act.Answer, act.Target = 201, []byte(`{}`), "x_1"
	e.must(e.FinishOnce(e.ctx, act))
	if found, _ := e.begin(second); found.Status != 201 || string(found.Answer) != "{}" || found.Target != "x_1" {
		e.Fatalf("found %+v", found)
	}
	e.must(e.ForgetOnce(e.ctx, act))
	if found, _ := e.begin(second); !found.Done {
		e.Fatal("what was done is forgotten")
	}

	// An attempt that was given up can do nothing any more.
	slow := e.anAct()
	e.begin(slow)
	later := slow
	later.Attempt, later.CreatedAt = authz.NewID("att"), e.now.Add(2*time.Minute)
	if _, mine := e.begin(later); !mine {
		e.Fatal("an attempt that did nothing is not given up")
	}
	e.is(e.InTx(authz.WithOnce(e.ctx, slow), func(context.Context) error { return nil }), authz.ErrConflict)
	e.must(e.ForgetOnce(e.ctx, slow))
	other := later
	other.Request, other.Attempt, other.CreatedAt = randomDigest(), authz.NewID("att"), e.now.Add(time.Hour)
	if found, mine := e.begin(other); mine || found.Attempt != later.Attempt {
		e.Fatal("another request took the act over")
	}
	other.CreatedAt, other.ExpiresAt = e.now.Add(24*time.Hour+2*time.Minute), e.now.Add(49*time.Hour)
	if _, mine := e.begin(other); !mine {
		e.Fatal("an act is remembered past its end")
	}

	// A full workspace begins nothing new, and answers what it remembers.
	_, _, err = e.BeginOnce(e.ctx, e.anAct(), e.now, 2)
	e.is(err, authz.ErrConflict)
	full := func(o authz.Once) (authz.Once, bool) {
		e.Helper()
		found, mine, err := e.BeginOnce(e.ctx, o, o.CreatedAt.Add(-time.Minute), 2)
		e.must(err)
		return found, mine
	}
	if found, mine := full(second); mine || !found.Done || found.Status != 201 || string(found.Answer) != "{}" {
		e.Fatalf("a full workspace answers a repeat with %+v, mine %t", found, mine)
	}
	given := other
	given.Attempt, given.CreatedAt = authz.NewID("att"), other.CreatedAt.Add(2*time.Minute)
	if _, mine := full(given); !mine {
		e.Fatal("a full workspace does not let an attempt be given up")
	}
	other = given

	foreign := other
	foreign.WorkspaceID = "ws_other"
	foreign.Status = 500
	e.must(e.FinishOnce(e.ctx, foreign))
	e.must(e.ForgetOnce(e.ctx, foreign))
	if found, _ := e.begin(other); found.Attempt != other.Attempt || found.Done {
		e.Fatalf("another workspace changed the act: %+v", found)
	}
	_, err = e.DeleteExpiredAcrossWorkspaces(e.ctx, other.ExpiresAt, 1000)
	e.must(err)
	if _, mine := e.begin(other); !mine {
		e.Fatal("what is over was not deleted")
	}
}

func testOnceRace(e *env) {
	for range rounds() {
		act := e.anAct()
		var did atomic.Int32
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				try := act
				try.Attempt = authz.NewID("att")
				if _, mine, err := e.BeginOnce(e.ctx, try, e.now.Add(-time.Minute), 100); err == nil && mine {
					did.Add(1)
				}
			})
		}
		group.Wait()
		if did.Load() != 1 {
			e.Fatalf("%d carried it out", did.Load())
		}
		e.must(e.FinishOnce(e.ctx, act))
		_, err := e.DeleteExpiredAcrossWorkspaces(e.ctx, act.ExpiresAt, 1000)
		e.must(err)
	}
}
