package storagetest

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// oneWins runs try many times at once. One must succeed, the others must fail
// with lost.
func (e *env) oneWins(racers int, lost error, try func() error) {
	e.Helper()
	var won atomic.Int64
	var all sync.WaitGroup
	start := make(chan struct{})
	for range racers {
		all.Go(func() {
			<-start
			switch err := try(); {
			case err == nil:
				won.Add(1)
			case !isError(err, lost):
				e.Error(err)
			}
		})
	}
	close(start)
	all.Wait()
	if n := won.Load(); n != 1 {
		e.Fatalf("%d of %d won", n, racers)
	}
}

const racers = 64

func testCodeRace(e *env) {
	g := e.granted(e.personal(e.tenant()))
	for range rounds() {
		code := e.code(g)
		e.oneWins(racers, authz.ErrConsumed, func() error {
			// As the token endpoint does it: together with what it gives out.
			return e.InTx(e.ctx, func(ctx context.Context) error {
				if err := e.ConsumeAuthorizationCode(ctx, e.issuer, code.Digest, authz.Used); err != nil {
					return err
				}
				return e.CreateAccessToken(ctx, authz.AccessToken{
					Digest: code.Digest, Issuer: e.issuer, GrantID: g.ID, State: authz.Active, IssuedAt: e.now, ExpiresAt: e.now,
				})
			})
		})
	}
}

func testRefreshRace(e *env) {
	g := e.granted(e.personal(e.tenant()))
	for range rounds() {
		token := e.refreshToken(g)
		e.oneWins(racers, authz.ErrConsumed, func() error {
			return e.ConsumeRefreshToken(e.ctx, e.issuer, token.Digest, randomDigest(), []byte("sealed"), e.now)
		})
	}
}

func testKillRace(e *env) {
	x := e.tenant()
	e.oneWins(racers, errHeld, func() error {
		moved, err := e.RevokeAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID, e.now, e.now)
		if err == nil && !moved {
			return errHeld
		}
		return err
	})
	key, err := e.GetAPIKey(e.ctx, e.issuer, x.workspace.ID, x.key.ID)
	e.must(err)
	if key.Epoch != 1 {
		e.Fatalf("the epoch is %d", key.Epoch)
	}
}
