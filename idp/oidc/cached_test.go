package oidc

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

// remote is a document elsewhere that takes a second and can be away.
type remote struct {
	fetches int
	away    bool
}

func (r *remote) fetch(ctx context.Context) (int, error) {
	r.fetches++
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(time.Second):
	}
	if r.away {
		return 0, errors.New("away")
	}
	return r.fetches, nil
}

func (r *remote) cached() *cached[int] {
	return &cached[int]{fetch: r.fetch, now: time.Now, fresh: time.Hour, limit: 24 * time.Hour, gap: 5 * time.Second}
}

func TestAStaleCopyIsServedWhileItIsFetchedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(remote)
		c := r.cached()
		for _, step := range []struct {
			wait          time.Duration
			want, fetches int
		}{{0, 1, 1}, {59 * time.Minute, 1, 1}, {time.Hour, 1, 2}, {time.Minute, 2, 2}, {25 * time.Hour, 3, 3}} {
			time.Sleep(step.wait)
			got, err := c.get(t.Context())
			synctest.Wait()
			if err != nil || got != step.want || r.fetches != step.fetches {
				t.Errorf("after %v: %d, %v, %d fetches", step.wait, got, err, r.fetches)
			}
			time.Sleep(2 * time.Second) // a fetch behind the back ends
		}
	})
}

func TestAFailureIsRememberedForFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &remote{away: true}
		c := r.cached()
		for want := 1; want <= 3; want++ {
			for range 10 {
				if _, err := c.get(t.Context()); err == nil {
					t.Error("no error")
				}
			}
			if r.fetches != want {
				t.Errorf("%d fetches, want %d", r.fetches, want)
			}
			time.Sleep(5 * time.Second)
		}
	})
}

func TestACallerWhoLeavesFailsNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := new(remote)
		c := r.cached()
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		stayed := make(chan error)
		go func() {
			_, err := c.get(ctx)
			if got := idp.ReasonOf(err); got != idp.ReasonUnavailable {
				t.Errorf("the one who left: %v", err)
			}
			_, err = c.get(t.Context())
			stayed <- err
		}()
		if err := <-stayed; err != nil || r.fetches != 1 {
			t.Errorf("%v, %d fetches", err, r.fetches)
		}
	})
}

func TestAFetchThatHangsEndsAfterFiveSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &cached[int]{now: time.Now, fetch: func(ctx context.Context) (int, error) {
			<-ctx.Done()
			return 0, ctx.Err()
		}}
		start := time.Now()
		if _, err := c.get(t.Context()); err == nil || time.Since(start) != 5*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
