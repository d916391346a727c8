package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"sync"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxProven bounds how many proofs are remembered, at 32 bytes each.
const maxProven = 100_000

// proven remembers which texts were the ones of which stored hashes. That is
// true forever: whether the hash is still the credential's is asked of its row
// each time. So whatever moves beside the secret, a rotation or a change of all
// keys of a workspace, starts no hashing. Only texts of at least 224 random
// bits are kept, as digests.
type proven struct {
	key  [32]byte // of this process
	mu   sync.Mutex
	most int
	all  map[[sha256.Size]byte]struct{}
}

func newProven(most int) *proven {
	p := &proven{most: most, all: make(map[[sha256.Size]byte]struct{})}
	_, _ = rand.Read(p.key[:]) // never fails since Go 1.24
	return p
}

// proof is what a pair is found by. A stored hash holds no NUL.
func (p *proven) proof(stored string, text authz.Secret) [sha256.Size]byte {
	var room [512]byte
	return sha256.Sum256(append(append(append(append(room[:0], p.key[:]...), stored...), 0), text.Reveal()...))
}

func (p *proven) has(of [sha256.Size]byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.all[of]
	return ok
}

// add remembers a proof in place of any other when there is no more room.
func (p *proven) add(of [sha256.Size]byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other := range p.all {
		if len(p.all) < p.most {
			break
		}
		delete(p.all, other)
	}
	p.all[of] = struct{}{}
}
