package secret

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Config is what a Hasher needs; only the keyring is required.
type Config struct {
	Keyring *Keyring
	// Human are the costs for texts people choose, at least 7 MiB; zero means
	// HumanParams.
	Human Params
	// Machine are the costs for texts we generate; zero means MachineParams.
	Machine Params
	// Permits is how many hashes run at once, for each profile; 0 means one a
	// processor.
	Permits int
	// Queue is how many callers may wait, for each profile; 0 means 64.
	Queue int
	// Wait is how long they wait; 0 means 250 ms.
	Wait time.Duration
	// ForeignKeys are the keys of HMACs that other systems kept.
	ForeignKeys []Root
}

// Hasher hashes and verifies texts with Argon2id (RFC 9106). The profiles have
// gates of their own: neither can starve the other of permits. It is safe for
// concurrent use.
type Hasher struct {
	human, machine *profile
	proven         *proven
	foreign        *gate
	foreignKeys    map[string][]byte // by id
}

// NewHasher returns a Hasher, or says what is wrong with the configuration.
func NewHasher(c Config) (*Hasher, error) {
	if c.Keyring == nil {
		return nil, errors.New("secret: a hasher needs a keyring")
	}
	if c.Permits < 0 || c.Queue < 0 || c.Wait < 0 {
		return nil, errors.New("secret: permits, queue and wait cannot be negative")
	}
	c.Human, c.Machine = cmp.Or(c.Human, HumanParams()), cmp.Or(c.Machine, MachineParams())
	c.Permits, c.Queue = cmp.Or(c.Permits, runtime.GOMAXPROCS(0)), cmp.Or(c.Queue, 64)
	c.Wait = cmp.Or(c.Wait, 250*time.Millisecond)
	if c.Human.MemoryKiB < minHumanKiB {
		return nil, fmt.Errorf("%w: the human profile takes at least %d KiB", errParams, minHumanKiB)
	}
	for _, p := range []Params{c.Human, c.Machine} {
		if err := p.validate(); err != nil {
			return nil, err
		}
	}
	keys := make(map[string][]byte, len(c.ForeignKeys))
	for _, k := range c.ForeignKeys {
		if !validRootID(k.ID) || len(k.Key) == 0 || keys[k.ID] != nil {
			return nil, errors.New("secret: a foreign key needs an id of its own and a value")
		}
		keys[k.ID] = k.Key
	}
	return &Hasher{
		human:   newProfile("human", c.Human, c),
		machine: newProfile("machine", c.Machine, c),
		proven:  newProven(maxProven),
		foreign: newGate(1, foreignWaiting, foreignWait), foreignKeys: keys,
	}, nil
}

// HashHuman returns the PHC string of a text someone chose. It fails as
// Invalid for a text that is empty or longer than 1 KiB, and as Unavailable
// with RetryAfter when too much is being hashed.
func (h *Hasher) HashHuman(ctx context.Context, text authz.Secret) (string, error) {
	return h.human.hash(ctx, text)
}

// VerifyHuman reports whether the text is the one that was hashed, and whether
// to hash it again because costs or root key changed since; rehash is never
// true without match. An empty stored hash matches nothing, at the same cost.
// It fails as HashHuman does, and as Internal for a stored hash that is
// malformed, costs more than 64 MiB or names a root key that is gone.
func (h *Hasher) VerifyHuman(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error) {
	return h.human.verify(ctx, stored, text)
}

// HashMachine returns the PHC string of a text we generated with at least 224
// random bits. It fails as HashHuman does.
func (h *Hasher) HashMachine(ctx context.Context, text authz.Secret) (string, error) {
	stored, err := h.machine.hash(ctx, text)
	if err == nil {
		h.proven.add(h.proven.proof(stored, text))
	}
	return stored, err
}

// VerifyMachine does for HashMachine what VerifyHuman does for HashHuman, and
// hashes nothing for a pair it has made or found right before. A digest of Foreign is to be hashed
// again whenever it matches.
func (h *Hasher) VerifyMachine(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error) {
	if strings.HasPrefix(stored, foreign) {
		match, err = h.verifyForeign(ctx, stored, text)
		return match, match, err
	}
	if len(text) > maxText {
		return false, false, errText
	}
	of := h.proven.proof(stored, text)
	if h.proven.has(of) {
		return true, false, nil
	}
	if match, rehash, err = h.machine.verify(ctx, stored, text); match && !rehash {
		h.proven.add(of)
	}
	return match, rehash, err
}

// DummyHuman costs what VerifyHuman costs, for someone nobody knows, and fails
// where it would: when there is no room to hash.
func (h *Hasher) DummyHuman(ctx context.Context, text authz.Secret) error {
	_, _, err := h.human.verify(ctx, "", text)
	return err
}

// Dummy costs what VerifyMachine costs, for an id nobody knows, and fails
// where it would: when there is no room to hash.
func (h *Hasher) Dummy(ctx context.Context, text authz.Secret) error {
	_, _, err := h.machine.verify(ctx, "", text)
	return err
}
