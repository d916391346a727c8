package secret

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// hold enters the gate with a job that lasts until released.
func hold(ctx context.Context, g *gate) (release func(), answer <-chan error) {
	work, answered := make(chan struct{}), make(chan error, 1)
	go func() {
		_, err := g.run(ctx, func() (out [hashSize]byte) { <-work; return out })
		answered <- err
	}()
	return func() { close(work) }, answered
}

func nothing() (out [hashSize]byte) { return out }

func TestWhoWaitsTooLongAtTheGateIsSentAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 64, 250*time.Millisecond)
		release, _ := hold(t.Context(), g)
		synctest.Wait()
		began := time.Now()
		_, err := g.run(t.Context(), nothing)
		if waited := time.Since(began); waited != 250*time.Millisecond {
			t.Errorf("waited %v", waited)
		}
		e, ok := errors.AsType[*authz.Error](err)
		if !ok || e.Kind != authz.Unavailable || e.RetryAfter <= 0 {
			t.Errorf("%v", err)
		}
		release()
		synctest.Wait()
		if _, err := g.run(t.Context(), nothing); err != nil {
			t.Errorf("a free gate: %v", err)
		}
	})
}

func TestDS_06_WhoFindsTheQueueFullIsSentAwayAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, 3, time.Second)
		var releases []func()
		var answers []<-chan error
		for range 5 {
			release, answer := hold(t.Context(), g)
			releases, answers = append(releases, release), append(answers, answer)
		}
		synctest.Wait()
		began := time.Now()
		if _, err := g.run(t.Context(), nothing); authz.KindOf(err) != authz.Unavailable || time.Since(began) != 0 {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		for _, release := range releases {
			release()
		}
		for _, answer := range answers {
			if err := <-answer; err != nil {
				t.Errorf("one who waited in turn: %v", err)
			}
		}
		if n := g.waiting.Load(); n != 0 {
			t.Errorf("%d still wait", n)
		}
	})
}

func TestDS_06_ACallerWhoHangsUpFreesNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(1, 64, 250*time.Millisecond)
		ctx, hangUp := context.WithCancel(t.Context())
		release, answer := hold(ctx, g)
		synctest.Wait()
		hangUp()
		if err := <-answer; !errors.Is(err, context.Canceled) || authz.KindOf(err) != authz.Unavailable {
			t.Errorf("the one who hung up: %v", err)
		}
		if _, err := g.run(t.Context(), nothing); authz.KindOf(err) != authz.Unavailable {
			t.Errorf("a hash was started beside the running one: %v", err)
		}
		release()
		synctest.Wait()
		if _, err := g.run(t.Context(), nothing); err != nil {
			t.Errorf("the work is done: %v", err)
		}
	})
}

func TestACallerWhoIsGoneStartsNothing(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := newGate(1, 1, time.Second).run(ctx, func() (out [hashSize]byte) {
		t.Error("worked for nobody")
		return out
	})
	if !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestHumansAndMachinesDoNotShareAGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := NewKeyring([]Root{{ID: "one", Key: make([]byte, 32)}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := NewHasher(Config{Keyring: k, Permits: 1})
		if err != nil {
			t.Fatal(err)
		}
		release, _ := hold(t.Context(), h.human.gate)
		defer release()
		synctest.Wait()
		if _, err := h.HashMachine(t.Context(), "text"); err != nil {
			t.Errorf("machine: %v", err)
		}
		if _, err := h.HashHuman(t.Context(), "text"); authz.KindOf(err) != authz.Unavailable {
			t.Errorf("human: %v", err)
		}
	})
}
