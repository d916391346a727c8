package credential_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

func TestWhatIsRememberedIsForgottenWhenItsNodeMoves(t *testing.T) {
	epochs := credential.NewEpochs()
	memory := credential.NewMemory[int](epochs, credential.ForeverLease(), 100, nil)
	ref := authz.PolicyRef("up", "ws_1")
	reads := 0
	get := func() int {
		v, err := memory.Get([32]byte{1}, func() (int, []authz.NodeRef, error) {
			reads++
			return reads, []authz.NodeRef{ref}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	if get(); get() != 1 {
		t.Fatalf("read %d times", reads)
	}
	epochs.Bump([]authz.NodeRef{ref})
	if get() != 2 {
		t.Fatal("an old value was believed")
	}
}

func TestWhatEverythingHangsOnVoidsAllThatIsRemembered(t *testing.T) {
	epochs := credential.NewEpochs()
	memory := credential.NewMemory[int](epochs, credential.ForeverLease(), 1000, nil)
	reads := 0
	for round := range 2 {
		for n := range 50 {
			ref := authz.NodeRef{Kind: authz.APIKeyNode, ID: string(rune('a' + n))}
			if _, err := memory.Get([32]byte{byte(n)}, func() (int, []authz.NodeRef, error) { reads++; return 0, []authz.NodeRef{ref}, nil }); err != nil {
				t.Fatal(err)
			}
		}
		if reads != 50*(round+1) {
			t.Fatalf("round %d: %d looks", round, reads)
		}
		epochs.Bump([]authz.NodeRef{authz.ScopesRef("up"), authz.EverythingRef()})
	}
}

func TestWhatMovedWhileItWasReadIsNotRemembered(t *testing.T) {
	epochs := credential.NewEpochs()
	memory := credential.NewMemory[int](epochs, credential.ForeverLease(), 100, nil)
	reads := 0
	read := func() (int, []authz.NodeRef, error) {
		if reads++; reads == 1 {
			epochs.Bump([]authz.NodeRef{{ID: "elsewhere"}})
		}
		return reads, []authz.NodeRef{{ID: "a"}}, nil
	}
	for range 3 {
		if _, err := memory.Get([32]byte{1}, read); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 2 {
		t.Fatalf("read %d times, want 2", reads)
	}
	boom := errors.New("boom")
	if _, err := memory.Get([32]byte{2}, func() (int, []authz.NodeRef, error) { return 7, nil, boom }); !errors.Is(err, boom) {
		t.Fatal(err)
	}
}

func TestANodeWithoutNewsRemembersNothing(t *testing.T) {
	memory := credential.NewMemory[int](credential.NewEpochs(), credential.NewLease(), 100, nil)
	reads := 0
	for range 2 {
		if _, err := memory.Get([32]byte{1}, func() (int, []authz.NodeRef, error) { reads++; return 0, nil, nil }); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 2 {
		t.Fatal("a node that hears of nothing believed its memory")
	}
}

func TestAMemoryIsBoundedByWeight(t *testing.T) {
	memory := credential.NewMemory(credential.NewEpochs(), credential.ForeverLease(), 64*10, func(int) int { return 6 })
	reads := 0
	get := func(n byte) {
		// One shard: the first byte is always the same.
		_, _ = memory.Get([32]byte{0, n}, func() (int, []authz.NodeRef, error) { reads++; return 0, nil, nil })
	}
	for n := range byte(10) {
		get(n)
	}
	for n := range byte(10) {
		get(n)
	}
	if reads < 19 { // one of ten may be the one that is kept
		t.Fatalf("two of weight 6 were kept where 10 is the limit: %d reads", reads)
	}
}

func TestWhatIsHandedOnIsNoFresherForThat(t *testing.T) {
	epochs := credential.NewEpochs()
	memory := credential.NewMemory[int](epochs, credential.ForeverLease(), 100, nil)
	ref := authz.NodeRef{Kind: authz.GrantNode, ID: "gr_1"}
	reads := 0
	tenMore := func(n int) int { return n + 10 }
	get := func(key byte) int {
		v, err := memory.Get([32]byte{key}, func() (int, []authz.NodeRef, error) {
			reads++
			return reads, []authz.NodeRef{ref}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	get(1)
	if memory.Move([32]byte{1}, [32]byte{2}, tenMore); get(2) != 11 {
		t.Fatal("it was not handed on")
	}
	if get(1) != 2 {
		t.Fatal("the old key still has it")
	}
	epochs.Bump([]authz.NodeRef{ref})
	if memory.Move([32]byte{2}, [32]byte{3}, tenMore); get(3) != 3 {
		t.Fatal("what had moved was believed under another key")
	}
}

func TestWhatATransactionReadsIsForItAlone(t *testing.T) {
	memory := credential.NewMemory[int](credential.NewEpochs(), credential.ForeverLease(), 100, nil)
	reads := 0
	get := func(ctx context.Context) int {
		v, err := memory.Within(ctx, [32]byte{1}, func() (int, []authz.NodeRef, error) {
			reads++
			return reads, nil, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	inTx := authz.WithUnsettled(t.Context())
	if get(inTx) != 1 || get(inTx) != 2 || get(t.Context()) != 3 {
		t.Fatal("what may be undone was remembered")
	}
	if get(inTx) != 3 || get(t.Context()) != 3 {
		t.Fatal("what is settled was read again")
	}
}
