package credential_test

import (
	"context"
	"errors"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// standingStore is a database as another node left it: one key, at an epoch.
type standingStore struct{ epoch int64 }

func (s *standingStore) Lineage(context.Context, []authz.NodeRef) (authz.Lineage, error) {
	return authz.Lineage{{NodeRef: authz.NodeRef{Kind: authz.APIKeyNode, ID: "key_1"}, State: authz.Active, Epoch: s.epoch}}, nil
}

func (s *standingStore) StandingGrant(_ context.Context, g authz.Grant) (authz.Grant, error) {
	return g, nil
}

// U0, U11: a key moved at another node, and this one has read it anew but not
// heard of it yet: its grant is read anew too, and the use not refused. One who
// looked at the key before it moved is told to look again.
func TestU0_U11_AGrantRememberedOfAKeyAsItWasIsReadAnew(t *testing.T) {
	store := &standingStore{epoch: 1}
	standing, err := credential.NewStanding(store, credential.NewEpochs(), credential.ForeverLease())
	if err != nil {
		t.Fatal(err)
	}
	of := func(epoch int64) (authz.Grant, error) {
		return standing.Grant(t.Context(), authz.Grant{ID: "gr_1", ClientID: "sa_1", ServiceAccountID: "sa_1", KeyID: "key_1", KeyEpoch: epoch})
	}
	if g, err := of(1); err != nil || g.KeyEpoch != 1 || g.Lineage != 1 {
		t.Fatalf("%+v, %v", g, err)
	}
	store.epoch = 2
	if g, err := of(2); err != nil || g.KeyEpoch != 2 || g.Lineage != 2 {
		t.Errorf("a key that moved elsewhere: %+v, %v", g, err)
	}
	if _, err := of(1); !errors.Is(err, authz.ErrStale) {
		t.Errorf("a key as it was: %v", err)
	}
	if g, err := of(2); err != nil || g.Lineage != 2 {
		t.Errorf("the one who looked in time: %+v, %v", g, err)
	}
}
