package jwks_test

import (
	"bytes"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
)

func TestAtTheFirstStartAKeySignsAtOnceAndTheNextIsPublishedInTime(t *testing.T) {
	for offset := time.Duration(0); offset < period; offset += 7 * time.Minute {
		store, c := &memory{}, newClock()
		c.advance(offset)
		s := started(t, config(t, store, c))
		mustSign(t, s, "ES256")
		mustSign(t, s, "EdDSA")
		rows := store.kept()
		if len(rows) != 4 {
			t.Fatalf("%s: %d keys", offset, len(rows))
		}
		for _, k := range rows {
			if k.PublishedAt.After(k.ActiveAt) || !k.ActiveAt.Before(k.RetiredAt) || k.RemoveAt.Sub(k.RetiredAt) < ttl+maxAge {
				t.Errorf("%s: %+v", offset, k)
			}
			if k.ActiveAt.After(c.Now()) && k.ActiveAt.Sub(c.Now()) < time.Hour {
				t.Errorf("%s: published %s before it signs", offset, k.ActiveAt.Sub(c.Now()))
			}
		}
	}
}

func TestRotateChangesNothingWhenNothingIsMissing(t *testing.T) {
	store, c := &memory{}, newClock()
	s := started(t, config(t, store, c))
	before, etag := s.Document()
	for range 3 {
		mustRotate(t, s)
		c.advance(time.Minute)
	}
	after, same := s.Document()
	if !bytes.Equal(before, after) || etag != same || len(store.kept()) != 4 {
		t.Error("rotating twice made something")
	}
}

func TestJW_14_TwoNodesThatRotateAtOnceMakeOneKeyAndShowTheSameDocument(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	nodes := []*jwks.Set{newSet(t, cfg), newSet(t, cfg), newSet(t, cfg)}
	for range 28 {
		var together sync.WaitGroup
		for _, n := range nodes {
			together.Go(func() {
				if err := n.Rotate(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		together.Wait()
		for _, n := range nodes {
			if err := n.Reload(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		body, etag := nodes[0].Document()
		for _, n := range nodes[1:] {
			if b, e := n.Document(); !bytes.Equal(b, body) || e != etag {
				t.Fatal("two nodes show different documents")
			}
		}
		if _, _, err := nodes[1].Verify(t.Context(), mustSign(t, nodes[0], "ES256")); err != nil {
			t.Fatal(err)
		}
		c.advance(period)
	}
	if n := len(store.kept()); n != 2*29 {
		t.Errorf("%d keys for two algorithms, 28 periods and the next", n)
	}
}

func TestANodeWhoseClockIsBehindSignsWithTheKeyAnotherOneMade(t *testing.T) {
	store, ahead, behind := &memory{}, newClock(), newClock()
	behind.advance(-50 * time.Second)
	cfg := config(t, store, ahead)
	one := started(t, cfg)
	cfg.Clock = behind
	two := started(t, cfg)
	if kidOf(t, mustSign(t, one, "ES256")) != kidOf(t, mustSign(t, two, "ES256")) || len(store.kept()) != 4 {
		t.Error("the second node wants keys of its own")
	}
}

func TestAMissedRotationRecoversAtTheNextStart(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	s := started(t, cfg)
	old := mustSign(t, s, "ES256")
	c.advance(5 * 24 * time.Hour)
	if _, err := s.Sign(t.Context(), "ES256", "at+jwt", nil); authz.KindOf(err) != authz.Unavailable {
		t.Fatalf("signed past the end of every key: %v", err)
	}
	again := started(t, cfg)
	if compact := mustSign(t, again, "ES256"); kidOf(t, compact) == kidOf(t, old) || !verifies(published(t, again), compact) {
		t.Error("not with a new, published key")
	}
	if _, _, err := again.Verify(t.Context(), old); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("a key that left the document: %v", err)
	}
}

func TestWhileTheStoreIsAwayKeysSignToTheEndOfTheReserveAndNoFurther(t *testing.T) {
	store, c := &memory{}, newClock()
	s := started(t, config(t, store, c))
	store.goAway(true)
	first := kidOf(t, mustSign(t, s, "ES256"))
	c.advance(5*time.Hour + 40*time.Minute) // an hour after the first one's end
	if err := s.Rotate(t.Context()); !errors.Is(err, errAway) {
		t.Fatalf("%v", err)
	}
	second := kidOf(t, mustSign(t, s, "ES256"))
	if first == second || len(published(t, s).Keys) != 4 {
		t.Error("the reserve did not take over")
	}
	c.advance(5*time.Hour + 30*time.Minute) // half an hour after the second one's
	_ = s.Rotate(t.Context())
	_, err := s.Sign(t.Context(), "ES256", "at+jwt", nil)
	if e, ok := errors.AsType[*authz.Error](err); !ok || e.Kind != authz.Unavailable || e.RetryAfter <= 0 {
		t.Errorf("signed past its end: %v", err)
	}
	if set := published(t, s); len(set.Keys) != 2 || len(set.Key(first)) != 0 {
		t.Errorf("%d keys in the document: the first is removed by now", len(set.Keys))
	}
	store.goAway(false)
	mustRotate(t, s)
	mustSign(t, s, "ES256")
}

func TestRunSurvivesAStoreThatIsAwayAndHurriesWhenASignatureFindsNoKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{away: true}
		c := authz.NewStandingClock()
		s := newSet(t, config(t, store, c))
		go s.Run(t.Context())
		time.Sleep(time.Minute)
		if _, err := s.Sign(t.Context(), "ES256", "at+jwt", nil); authz.KindOf(err) != authz.Unavailable {
			t.Fatalf("%v", err)
		}
		store.goAway(false)
		time.Sleep(10 * time.Second)
		mustSign(t, s, "ES256")
		c.Advance(5 * 24 * time.Hour)
		if _, err := s.Sign(t.Context(), "ES256", "at+jwt", nil); authz.KindOf(err) != authz.Unavailable {
			t.Fatalf("%v", err)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		mustSign(t, s, "ES256")
	})
}

func TestSignaturesThatFindNoKeyDoNotOverrunTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := &memory{away: true}
		s := newSet(t, config(t, store, authz.SystemClock{}))
		go s.Run(t.Context())
		for range 1000 {
			_, _ = s.Sign(t.Context(), "ES256", "at+jwt", nil)
			time.Sleep(10 * time.Millisecond)
		}
		if n := store.asked(); n > 11 {
			t.Errorf("asked %d times in 10 s", n)
		}
	})
}

func TestArchivedKeysCheckHintsForThirtyDaysAndAreThenDeleted(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	hint := mustSign(t, started(t, cfg), "ES256")
	c.advance(29 * 24 * time.Hour)
	s := started(t, cfg)
	if _, _, err := s.Verify(t.Context(), hint); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("as a token: %v", err)
	}
	if _, typ, err := s.VerifyArchived(t.Context(), hint); err != nil || typ != "at+jwt" {
		t.Errorf("as a hint: %v", err)
	}
	c.advance(2 * 24 * time.Hour)
	mustRotate(t, s)
	if _, _, err := s.VerifyArchived(t.Context(), hint); authz.KindOf(err) != authz.Unauthenticated {
		t.Errorf("after 30 days: %v", err)
	}
	if slices.ContainsFunc(store.kept(), func(k authz.SigningKey) bool { return k.KID == kidOf(t, hint) }) {
		t.Error("the key is still stored")
	}
}

func TestAKeyStaysPublishedForTheLifeTokensHaveNow(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	started(t, cfg)
	cfg.TokenTTL = 24 * time.Hour // decided after the key was made
	s := started(t, cfg)
	token := mustSign(t, s, "ES256")
	c.advance(24*time.Hour - time.Second)
	mustRotate(t, s)
	if !verifies(published(t, s), token) {
		t.Error("the key left the document before its token expired")
	}
}

func TestRotateEveryMayChangeWithoutAGap(t *testing.T) {
	store, c := &memory{}, newClock()
	cfg := config(t, store, c)
	for _, every := range []time.Duration{6 * time.Hour, 2 * time.Hour, 24 * time.Hour, 90 * time.Minute, 6 * time.Hour} {
		cfg.RotateEvery = every
		s := newSet(t, cfg)
		for range 60 {
			mustRotate(t, s)
			before := published(t, s)
			c.advance(10 * time.Minute)
			if !verifies(before, mustSign(t, s, "ES256")) {
				t.Fatalf("every %s: signed with a key that was not published 10 minutes before", every)
			}
		}
	}
}
