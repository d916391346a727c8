package storagetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errWanted = errors.New("this one is to fail")

// What is written at the same time may share a commit; what fails of it fails
// alone, whole, and in its own words.
func testTogether(e *env) {
	x := e.tenant()
	g := e.granted(e.machine(x))
	const writers = 48
	var group sync.WaitGroup
	outcomes := make([]error, writers)
	panics := make([]any, writers)
	var gone atomic.Int64
	for n := range writers {
		group.Go(func() {
			defer func() { panics[n] = recover() }()
			entry := authz.AuditEntry{Issuer: e.issuer, WorkspaceID: x.workspace.ID, Type: fmt.Sprintf("together.%d", n), Result: authz.Success, Time: e.now}
			ctx := e.ctx
			if n%6 == 5 {
				cancelled, cancel := context.WithCancel(ctx)
				cancel()
				ctx = cancelled
			}
			outcomes[n] = e.InTx(ctx, func(ctx context.Context) error {
				if err := e.AppendAudit(ctx, entry); err != nil {
					return err
				}
				switch n % 6 {
				case 1:
					return errWanted
				case 2: // the database itself refuses a part
					return e.CreateGrant(ctx, g)
				case 3:
					panic(n)
				case 5:
					gone.Add(1)
				}
				return nil
			})
		})
	}
	group.Wait()
	for n := range writers {
		want := map[int]error{1: errWanted, 2: authz.ErrConflict, 5: context.Canceled}[n%6]
		if n%6 == 3 {
			if panics[n] != n {
				e.Errorf("writer %d panicked with %v", n, panics[n])
			}
			continue
		}
		if !errors.Is(outcomes[n], want) || (want == nil) != (outcomes[n] == nil) {
			e.Errorf("writer %d: %v, want %v", n, outcomes[n], want)
		}
	}
	e.wrote(x.workspace.ID, writers)
	if gone.Load() > writers/6 {
		e.Errorf("%d transactions that nobody waited for ran twice", gone.Load())
	}
}

// wrote checks that those left their entry who should have.
func (e *env) wrote(ws authz.WorkspaceID, writers int) {
	e.Helper()
	written := map[string]bool{}
	list, err := e.ListAudit(e.ctx, e.issuer, ws, authz.Page{Limit: 500})
	e.must(err)
	for _, entry := range list {
		written[entry.Type] = true
	}
	for n := range writers {
		if want := n%6 == 0 || n%6 == 4; written[fmt.Sprintf("together.%d", n)] != want {
			e.Errorf("writer %d left its entry: %v", n, !want)
		}
	}
}

// Tokens issued at the same time, some of them from codes that several redeem
// and some under a grant that is gone, are each written or refused alone.
func testIssuedTogether(e *env) {
	x := e.tenant()
	g := e.granted(e.personal(x))
	const rounds, redeemers = 12, 6
	var group sync.WaitGroup
	var won, lost, missing atomic.Int64
	for range rounds {
		code := e.code(g)
		for n := range redeemers {
			i := e.issuance(g, code)
			switch n {
			case 4: // nothing single-use
				i.Code, i.Refresh = nil, nil
			case 5:
				i.Code, i.Refresh = nil, nil
				i.Access.GrantID = "gr_nobody"
			}
			group.Go(func() {
				err := e.Issue(e.ctx, i)
				_, _, _, read := e.GetAccessToken(e.ctx, e.issuer, i.Access.Digest)
				switch {
				case err == nil && read == nil:
					won.Add(1)
				case errors.Is(err, authz.ErrConsumed) && errors.Is(read, authz.ErrNotFound):
					lost.Add(1)
				case errors.Is(err, authz.ErrNotFound) && errors.Is(read, authz.ErrNotFound):
					missing.Add(1)
				default:
					e.Errorf("issued with %v, then read with %v", err, read)
				}
			})
		}
	}
	group.Wait()
	if won.Load() != 2*rounds || lost.Load() != 3*rounds || missing.Load() != rounds {
		e.Errorf("%d issued, %d lost, %d without a grant", won.Load(), lost.Load(), missing.Load())
	}
}

// A token issued while its grant is killed is dead, or was never issued.
func testIssuedWhileKilled(e *env) {
	x := e.tenant()
	for range 20 {
		g := e.granted(e.machine(x))
		var group sync.WaitGroup
		tokens := make([]authz.AccessToken, 8)
		for n := range tokens {
			i := e.issuance(g, authz.AuthorizationCode{})
			i.Code, i.Refresh = nil, nil
			tokens[n] = i.Access
			group.Go(func() { e.must(e.Issue(e.ctx, i)) })
		}
		group.Go(func() { e.moved(e.RevokeGrant(e.ctx, e.issuer, g.ID)) })
		group.Wait()
		for _, t := range tokens {
			_, grant, lineage, err := e.GetAccessToken(e.ctx, e.issuer, t.Digest)
			e.must(err)
			if live(grant, lineage) {
				e.Fatal("a token outlived its grant")
			}
		}
	}
}
