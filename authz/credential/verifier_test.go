package credential_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

var workspace = authz.NodeRef{Kind: authz.WorkspaceNode, ID: "ws_1"}

// source plays the database: what is live there right now.
type source struct {
	live  atomic.Bool
	reads atomic.Int64
	ends  time.Time
	pause func()
	err   error
}

func (s *source) examine(context.Context, authz.Secret) (*authz.Credential, error) {
	s.reads.Add(1)
	live := s.live.Load()
	if s.pause != nil {
		s.pause()
	}
	if s.err != nil {
		return nil, s.err
	}
	if !live {
		return nil, authz.NewError(authz.Unauthenticated, "invalid_token", "")
	}
	return &authz.Credential{
		Introspection: authz.Introspection{Active: true, Scope: "a"}, Refs: []authz.NodeRef{workspace}, EndsAt: s.ends,
	}, nil
}

func newVerifier(t *testing.T, s *source, lease *credential.Lease) (*credential.Verifier, *credential.Epochs) {
	t.Helper()
	epochs := credential.NewEpochs()
	v, err := credential.NewVerifier(credential.Config{Clock: authz.SystemClock{}, Epochs: epochs, Lease: lease, Examine: s.examine})
	if err != nil {
		t.Fatal(err)
	}
	return v, epochs
}

func TestALiveCredentialIsReadOnceAndThenRemembered(t *testing.T) {
	s := &source{}
	s.live.Store(true)
	v, _ := newVerifier(t, s, credential.ForeverLease())
	for range 3 {
		r, err := v.Lookup(t.Context(), "at_x")
		if err != nil || !strings.Contains(string(r.JSON), `"active":true`) {
			t.Fatalf("Lookup = %v, %v", r, err)
		}
	}
	if n := s.reads.Load(); n != 1 {
		t.Errorf("the database was read %d times, want once", n)
	}
}

func TestU22_AMovedEpochVoidsTheAnswerAtTheNextCall(t *testing.T) {
	s := &source{}
	s.live.Store(true)
	v, epochs := newVerifier(t, s, credential.ForeverLease())
	if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
		t.Fatal(err)
	}
	s.live.Store(false)
	epochs.Bump([]authz.NodeRef{workspace})
	if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("after the kill Lookup = %v, want Unauthenticated", err)
	}
}

// The dangerous moment: facts read before a kill, kept after it.
func TestFactsReadBeforeAKillAreNotKeptPastIt(t *testing.T) {
	s := &source{}
	s.live.Store(true)
	v, epochs := newVerifier(t, s, credential.ForeverLease())
	s.pause = func() { // the kill commits and bumps while the facts are on their way
		s.live.Store(false)
		epochs.Bump([]authz.NodeRef{workspace})
	}
	if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
		t.Fatalf("a call that began before the kill may still see it live: %v", err)
	}
	s.pause = nil
	if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("after the kill Lookup = %v, want Unauthenticated", err)
	}
}

func TestARefusalIsNotRemembered(t *testing.T) {
	s := &source{}
	v, _ := newVerifier(t, s, credential.ForeverLease())
	if _, err := v.Lookup(t.Context(), "up_live_x"); authz.KindOf(err) != authz.Unauthenticated {
		t.Fatalf("Lookup = %v", err)
	}
	s.live.Store(true) // the key is created a moment after it was probed
	if _, err := v.Lookup(t.Context(), "up_live_x"); err != nil {
		t.Errorf("a new key must work at once (U7): %v", err)
	}
}

func TestAnAnswerThatNeedsTheDatabaseIsUnavailableWithoutIt(t *testing.T) {
	s := &source{err: authz.NewError(authz.Unavailable, "temporarily_unavailable", "")}
	v, _ := newVerifier(t, s, credential.ForeverLease())
	if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unavailable {
		t.Errorf("Lookup = %v, want Unavailable: never active, never inactive", err)
	}
}

func TestARecordEndsByItselfWithoutARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{ends: time.Now().Add(time.Minute)}
		s.live.Store(true)
		v, _ := newVerifier(t, s, credential.ForeverLease())
		if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("at its end Lookup = %v, want Unauthenticated", err)
		}
	})
}

func TestU0_ACacheIsBelievedForTheLeaseAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.live.Store(true)
		lease := credential.NewLease()
		v, epochs := newVerifier(t, s, lease)
		ctx, cancel := context.WithCancel(t.Context())
		feed := &feed{}
		go credential.Follow[int](ctx, feed, epochs, lease, 250*time.Millisecond)
		synctest.Wait()
		if !lease.Fresh() {
			t.Fatal("a lease that was just renewed is not fresh")
		}
		if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
			t.Fatal(err)
		}
		feed.away.Store(true)
		s.err = authz.NewError(authz.Unavailable, "temporarily_unavailable", "")
		time.Sleep(1500 * time.Millisecond)
		if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
			t.Errorf("within the lease Lookup = %v", err)
		}
		time.Sleep(time.Second)
		if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unavailable {
			t.Errorf("past the lease Lookup = %v, want Unavailable", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestANodeHearsOfKillsElsewhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.live.Store(true)
		lease := credential.NewLease()
		v, epochs := newVerifier(t, s, lease)
		ctx, cancel := context.WithCancel(t.Context())
		feed := &feed{}
		go credential.Follow[int](ctx, feed, epochs, lease, 250*time.Millisecond)
		synctest.Wait()
		if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
			t.Fatal(err)
		}
		s.live.Store(false)
		feed.push(workspace)
		time.Sleep(300 * time.Millisecond)
		if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("Lookup = %v, want Unauthenticated within a second", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestANodeWhoseLogIsGoneBeginsAnewAndBelievesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &source{}
		s.live.Store(true)
		lease := credential.NewLease()
		v, epochs := newVerifier(t, s, lease)
		ctx, cancel := context.WithCancel(t.Context())
		feed := &feed{}
		feed.push(workspace)
		go credential.Follow[int](ctx, feed, epochs, lease, 250*time.Millisecond)
		synctest.Wait()
		if _, err := v.Lookup(t.Context(), "at_x"); err != nil {
			t.Fatal(err)
		}
		s.live.Store(false) // a kill whose event this node never sees
		feed.stale.Store(true)
		time.Sleep(600 * time.Millisecond)
		if !lease.Fresh() {
			t.Error("the lease did not come back")
		}
		if _, err := v.Lookup(t.Context(), "at_x"); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("Lookup = %v, want Unauthenticated", err)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAKillIsNeverFollowedByAnActiveAnswer(t *testing.T) {
	s := &source{}
	v, epochs := newVerifier(t, s, credential.ForeverLease())
	for range 200 {
		s.live.Store(true)
		epochs.Bump([]authz.NodeRef{workspace})
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					_, _ = v.Lookup(context.Background(), "at_x")
				}
			})
		}
		s.live.Store(false)
		epochs.Bump([]authz.NodeRef{workspace})
		// The kill has returned: from here on nobody may be told "active".
		if _, err := v.Lookup(context.Background(), "at_x"); err == nil {
			t.Fatal("active after the kill returned")
		}
		group.Wait()
	}
}

func TestTooLongOrEmptyIsRefusedUnseen(t *testing.T) {
	s := &source{}
	v, _ := newVerifier(t, s, credential.ForeverLease())
	for _, text := range []string{"", strings.Repeat(".", credential.MaxLength+1)} {
		if _, err := v.Lookup(t.Context(), authz.Secret(text)); authz.KindOf(err) != authz.Unauthenticated {
			t.Errorf("Lookup of %d bytes = %v", len(text), err)
		}
	}
	if s.reads.Load() != 0 {
		t.Error("the database was read")
	}
}

// feed plays the log of node events.
type feed struct {
	mu     sync.Mutex
	events []authz.NodeRef
	away   atomic.Bool
	stale  atomic.Bool // once
}

func (f *feed) push(ref authz.NodeRef) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, ref)
}

func (f *feed) NodeEventsSince(_ context.Context, after int) ([]authz.NodeRef, int, error) {
	if f.away.Load() {
		return nil, after, errors.New("away")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if after > 0 && f.stale.CompareAndSwap(true, false) {
		return nil, 0, authz.ErrStale
	}
	return f.events[after:], len(f.events), nil
}

func BenchmarkLookupWarm(b *testing.B) {
	s := &source{}
	s.live.Store(true)
	epochs := credential.NewEpochs()
	v, err := credential.NewVerifier(credential.Config{Clock: authz.SystemClock{}, Epochs: epochs, Lease: credential.ForeverLease(), Examine: s.examine})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Lookup(b.Context(), "at_0123456789012345678901234567890123456789012"); err != nil {
			b.Fatal(err)
		}
	}
}
