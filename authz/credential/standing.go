package credential

import (
	"context"
	"crypto/sha256"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Grants is what Standing reads and writes of the store.
type Grants interface {
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)
	StandingGrant(ctx context.Context, g authz.Grant) (authz.Grant, error)
}

// Standing remembers the standing grants of clients and keys under the epochs
// of all they hang on. That a grant is remembered lets nothing live: what is
// issued under it carries its lineage, which is compared wherever a token is
// looked at.
type Standing struct {
	store Grants
	known *Memory[standingGrant]
}

// standingGrant is a grant that was found for a key as it was in an epoch.
type standingGrant struct {
	grant    authz.Grant
	keyEpoch int64
}

// maxStanding bounds the grants remembered, in number.
const maxStanding = 20_000

// NewStanding returns a Standing that remembers nothing yet; everything is
// required.
func NewStanding(store Grants, epochs *Epochs, lease *Lease) (*Standing, error) {
	if store == nil || epochs == nil || lease == nil {
		return nil, errors.New("credential: a store, epochs and a lease are required")
	}
	return &Standing{store: store, known: NewMemory[standingGrant](epochs, lease, maxStanding, nil)}, nil
}

// Grant returns the standing grant of want's client, key and environment, made
// as want if there is none. ErrNotFound says that an ancestor is not usable,
// ErrStale that the key has moved since want was made of it.
func (s *Standing) Grant(ctx context.Context, want authz.Grant) (authz.Grant, error) {
	key := standingKey(want)
	read := func() (standingGrant, []authz.NodeRef, error) { return s.read(ctx, want) }
	known, err := s.known.Get(key, read)
	if err == nil && known.keyEpoch != want.KeyEpoch { // remembered of the key as it was
		s.known.Drop(key)
		known, err = s.known.Get(key, read)
	}
	if err == nil && known.keyEpoch != want.KeyEpoch {
		err = authz.ErrStale
	}
	return known.grant, err
}

func (s *Standing) read(ctx context.Context, want authz.Grant) (standingGrant, []authz.NodeRef, error) {
	refs := want.Refs()
	lineage, err := s.store.Lineage(ctx, refs)
	switch {
	case err != nil:
		return standingGrant{}, nil, err
	case !lineage.Usable():
		return standingGrant{}, nil, authz.ErrNotFound
	case want.KeyID != "" && lineage.Epoch(authz.APIKeyNode) != want.KeyEpoch:
		return standingGrant{}, nil, authz.ErrStale
	}
	want.Lineage = lineage.Sum()
	grant, err := s.store.StandingGrant(ctx, want)
	if err != nil {
		return standingGrant{}, nil, err
	}
	return standingGrant{grant, want.KeyEpoch}, append(refs, authz.NodeRef{Kind: authz.GrantNode, ID: string(grant.ID)}), nil
}

// Forget drops a grant that turned out not to be there any more.
func (s *Standing) Forget(g authz.Grant) { s.known.Drop(standingKey(g)) }

// standingKey is what a standing grant is found by. Ids hold no NUL.
func standingKey(g authz.Grant) [32]byte {
	var room [256]byte
	text := append(append(append(room[:0], g.ClientID...), 0), g.KeyID...)
	return sha256.Sum256(append(append(text, 0), g.Environment...))
}
