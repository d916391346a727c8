package secret

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/argon2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// maxText is the length of the longest text that is hashed, in bytes.
const maxText = 1 << 10

var errText = authz.NewError(authz.Invalid, "invalid_request", "A secret is 1 to 1,024 bytes long.")

// profile is a way of hashing: its costs, its peppers and its gate.
type profile struct {
	params  Params
	keyID   string            // of the root that peppers new hashes
	peppers map[string][]byte // by root id
	gate    *gate
}

// newProfile derives peppers that only this profile has, so that the hash of a
// generated text never verifies as a password or the other way round.
func newProfile(name string, params Params, c Config) *profile {
	p := &profile{
		params: params, keyID: c.Keyring.roots[0].ID,
		peppers: make(map[string][]byte, len(c.Keyring.roots)),
		gate:    newGate(c.Permits, c.Queue, c.Wait),
	}
	for _, r := range c.Keyring.roots {
		p.peppers[r.ID] = r.subKey("pepper", name)
	}
	return p
}

func (p *profile) hash(ctx context.Context, text authz.Secret) (string, error) {
	h := phc{params: p.params, keyID: p.keyID}
	_, _ = rand.Read(h.salt[:]) // never fails since Go 1.24
	sum, err := p.sum(ctx, h, text)
	if err != nil {
		return "", err
	}
	h.hash = sum
	return h.String(), nil
}

func (p *profile) verify(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error) {
	// Whoever has no hash gets the hash of nothing: the work is done all the same.
	h := phc{params: p.params, keyID: p.keyID}
	if stored != "" {
		if h, err = parsePHC(stored); err != nil {
			return false, false, err
		}
	}
	sum, err := p.sum(ctx, h, text)
	if err != nil {
		return false, false, err
	}
	match = subtle.ConstantTimeCompare(sum[:], h.hash[:]) == 1 && stored != ""
	return match, match && (h.params != p.params || h.keyID != p.keyID), nil
}

// sum computes the hash of the text with the costs, pepper and salt of h.
func (p *profile) sum(ctx context.Context, h phc, text authz.Secret) (sum [hashSize]byte, err error) {
	if text == "" || len(text) > maxText {
		return sum, errText
	}
	pepper, ok := p.peppers[h.keyID]
	if !ok {
		return sum, fmt.Errorf("secret: verifying a hash: root key %q is not in the keyring", h.keyID)
	}
	mac := hmac.New(sha256.New, pepper)
	_, _ = mac.Write([]byte(text.Reveal()))
	peppered := mac.Sum(nil)
	return p.gate.run(ctx, func() (out [hashSize]byte) {
		copy(out[:], argon2.IDKey(peppered, h.salt[:], h.params.Passes, h.params.MemoryKiB, h.params.Threads, hashSize))
		return out
	})
}
