package secret

import (
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Whatever moves beside the secret asks for no hashing: a flood of others who
// must be hashed refuses nobody whose text was right before (S33).
func TestS33_WhatWasRightOnceWaitsForNoPermit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, err := NewKeyring([]Root{{ID: "one", Key: make([]byte, 32)}})
		if err != nil {
			t.Fatal(err)
		}
		h, err := NewHasher(Config{Keyring: k, Permits: 1})
		if err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		stored, err := h.HashMachine(ctx, "text")
		if err != nil {
			t.Fatal(err)
		}
		again, err := h.machine.hash(ctx, "text")
		if err != nil {
			t.Fatal(err)
		}
		known, err := h.machine.hash(ctx, "known")
		if err != nil {
			t.Fatal(err)
		}
		if match, _, err := h.VerifyMachine(ctx, stored, "other"); match || err != nil {
			t.Errorf("another text: %v %v", match, err)
		}
		if match, _, err := h.VerifyMachine(ctx, known, "known"); !match || err != nil {
			t.Fatalf("the text: %v %v", match, err)
		}
		release, _ := hold(ctx, h.machine.gate)
		defer release()
		synctest.Wait()
		if match, rehash, err := h.VerifyMachine(ctx, known, "known"); !match || rehash || err != nil {
			t.Errorf("verified before: %v %v %v", match, rehash, err)
		}
		if match, rehash, err := h.VerifyMachine(ctx, stored, "text"); !match || rehash || err != nil {
			t.Errorf("hashed before: %v %v %v", match, rehash, err)
		}
		for name, try := range map[string]struct{ stored, text string }{
			"a wrong text, tried again":     {stored, "other"},
			"the text under another hash":   {again, "text"},
			"the text of nobody":            {"", "text"},
			"what only looks like the pair": {stored[:len(stored)-1], stored[len(stored)-1:] + "\x00text"},
		} {
			if match, _, err := h.VerifyMachine(ctx, try.stored, authz.Secret(try.text)); match || err == nil {
				t.Errorf("%s: %v %v", name, match, err)
			}
		}
	})
}

func TestProofsAreBounded(t *testing.T) {
	p := newProven(3)
	for n := range 10 {
		of := p.proof("stored", authz.Secret(fmt.Sprint(n)))
		p.add(of)
		p.add(of)
		if !p.has(of) || len(p.all) > 3 {
			t.Fatalf("after %d: %d kept", n+1, len(p.all))
		}
	}
}
