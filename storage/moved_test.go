package storage_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func account(t testing.TB, s *storage.Store) authz.NodeRef {
	t.Helper()
	a := authz.Account{ID: authz.NewAccountID(), Issuer: "up", State: authz.Active, CreatedAt: authz.SystemClock{}.Now()}
	if err := s.CreateAccount(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	return authz.NodeRef{Kind: authz.AccountNode, ID: string(a.ID)}
}

func kill(ctx context.Context, s *storage.Store, ref authz.NodeRef) error {
	moved, err := s.KillNode(ctx, "up", "", ref, authz.Suspended)
	if err == nil && !moved {
		err = errors.New("nothing moved")
	}
	return err
}

func TestOnMovedIsToldAfterTheCommitAndNeverAfterARollback(t *testing.T) {
	onBoth(t, func(t *testing.T, cfg storage.Config) {
		var s *storage.Store
		var told [][]authz.NodeRef
		cfg.OnMoved = func(refs []authz.NodeRef) {
			told = append(told, slices.Clone(refs))
			// What is told has happened: anybody can see it.
			lineage, err := s.Lineage(t.Context(), refs)
			if err != nil || lineage.Usable() {
				t.Errorf("told of %v, which stand as %v, %v", refs, lineage, err)
			}
		}
		s = open(t, cfg)
		a, b, c := account(t, s), account(t, s), account(t, s)
		ours := errors.New("ours")
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(kill(ctx, s, a), ours)
		})
		if !errors.Is(err, ours) || len(told) != 0 {
			t.Fatalf("after a rollback: told %v, %v", told, err)
		}
		err = s.InTx(t.Context(), func(ctx context.Context) error {
			if err := errors.Join(kill(ctx, s, a), kill(ctx, s, b)); err != nil || len(told) != 0 {
				return fmt.Errorf("before the commit: told %v, %w", told, err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := kill(t.Context(), s, c); err != nil {
			t.Fatal(err)
		}
		if moved, err := s.KillNode(t.Context(), "up", "", c, authz.Suspended); moved || err != nil {
			t.Fatal(moved, err)
		}
		if len(told) != 2 || !slices.Equal(told[0], []authz.NodeRef{a, b}) || !slices.Equal(told[1], []authz.NodeRef{c}) {
			t.Fatalf("told %v", told)
		}
	})
}

// TestEventsOfATransactionThatCommitsLateAreNotMissed holds a transaction open
// while a later one commits and is read.
func TestEventsOfATransactionThatCommitsLateAreNotMissed(t *testing.T) {
	cfg := onPostgres(t)
	one, two := open(t, cfg), open(t, cfg)
	early := authz.NodeRef{Kind: authz.UserNode, ID: "early"}
	late := authz.NodeRef{Kind: authz.UserNode, ID: "late"}
	_, pos, err := two.NodeEventsSince(t.Context(), storage.EventPosition{})
	if err != nil {
		t.Fatal(err)
	}
	tell := func(want ...authz.NodeRef) {
		t.Helper()
		var got []authz.NodeRef
		if got, pos, err = two.NodeEventsSince(t.Context(), pos); err != nil || !slices.Equal(got, want) {
			t.Fatalf("told of %v, %v; want %v", got, err, want)
		}
	}
	err = one.InTx(t.Context(), func(ctx context.Context) error {
		if err := one.TouchNode(ctx, late); err != nil {
			return err
		}
		if err := two.TouchNode(t.Context(), early); err != nil {
			return err
		}
		tell(early)
		tell()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	tell(late)
	tell()
}

// TestWhatMovedBeforeTheFirstCallIsPastEvenBehindAnOpenTransaction holds a
// transaction open that keeps the horizon back, as any in the cluster does.
func TestWhatMovedBeforeTheFirstCallIsPastEvenBehindAnOpenTransaction(t *testing.T) {
	cfg := onPostgres(t)
	one, two := open(t, cfg), open(t, cfg)
	before := authz.NodeRef{Kind: authz.UserNode, ID: "before"}
	after := authz.NodeRef{Kind: authz.UserNode, ID: "after"}
	held := authz.NodeRef{Kind: authz.UserNode, ID: "held"}
	err := one.InTx(t.Context(), func(ctx context.Context) error {
		if err := one.TouchNode(ctx, held); err != nil {
			return err
		}
		if err := two.TouchNode(t.Context(), before); err != nil {
			return err
		}
		_, pos, err := two.NodeEventsSince(t.Context(), storage.EventPosition{})
		if err != nil {
			return err
		}
		got, pos, err := two.NodeEventsSince(t.Context(), pos)
		if err != nil || len(got) != 0 {
			t.Errorf("told of %v, %v; want nothing", got, err)
		}
		if err := two.TouchNode(t.Context(), after); err != nil {
			return err
		}
		if got, _, err = two.NodeEventsSince(t.Context(), pos); err != nil || !slices.Equal(got, []authz.NodeRef{after}) {
			t.Errorf("told of %v, %v; want the later one", got, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestTwoStoresHearOfEveryMoveOfEachOther(t *testing.T) {
	cfg := onPostgres(t)
	stores := []*storage.Store{open(t, cfg), open(t, cfg)}
	const writers, each = 8, 40
	positions := make([]storage.EventPosition, 2)
	heard := []map[string]int{{}, {}}
	listen := func() {
		for i, s := range stores {
			refs, next, err := s.NodeEventsSince(t.Context(), positions[i])
			if err != nil {
				t.Fatal(err)
			}
			positions[i] = next
			for _, ref := range refs {
				heard[i][ref.ID]++
			}
		}
	}
	listen()
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			s, other := stores[w%2], stores[(w+1)%2]
			for n := range each {
				// A transaction of random length around another one.
				err := s.InTx(t.Context(), func(ctx context.Context) error {
					if err := s.TouchNode(ctx, authz.NodeRef{Kind: authz.UserNode, ID: fmt.Sprintf("outer %d %d", w, n)}); err != nil {
						return err
					}
					return other.TouchNode(t.Context(), authz.NodeRef{Kind: authz.UserNode, ID: fmt.Sprintf("inner %d %d", w, n)})
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { all.Wait(); close(done) }()
	for running := true; running; {
		select {
		case <-done:
			running = false
		default:
		}
		listen()
	}
	for i := range stores {
		if len(heard[i]) != 2*writers*each {
			t.Errorf("store %d heard of %d nodes, want %d", i, len(heard[i]), 2*writers*each)
		}
		for id, times := range heard[i] {
			if times != 1 {
				t.Errorf("store %d heard of %s %d times", i, id, times)
			}
		}
	}
}
