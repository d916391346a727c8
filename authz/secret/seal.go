package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrNotOpened says that a sealed text was not made by this keyring for this
// purpose and row, or was changed since. Compare with errors.Is.
var ErrNotOpened = errors.New("secret: the sealed text does not open")

const (
	maxPlaintext = 1 << 20 // bytes
	maxSealed    = maxPlaintext + 128

	// The formats, which are the first byte of a sealed text.
	underRoot  = 1 // sealed under a root key
	underToken = 2 // sealed under a root key and a presented token
)

// Seal encrypts up to 1 MiB with AES-256-GCM under the first root. The result
// opens only for the same purpose and row, so that nobody who writes to the
// database can move it elsewhere. It is longer than the plaintext by 30 bytes
// and the root's id.
func (k *Keyring) Seal(purpose, row string, plaintext []byte) ([]byte, error) {
	r := k.roots[0]
	return seal(r.subKey("seal", purpose), header(underRoot, r.ID), purpose, row, plaintext)
}

// Open decrypts what Seal made, under whichever root it was. It fails with
// ErrNotOpened.
func (k *Keyring) Open(purpose, row string, sealed []byte) ([]byte, error) {
	head, r, err := k.sealedBy(underRoot, sealed)
	if err != nil {
		return nil, err
	}
	return open(r.subKey("seal", purpose), head, purpose, row, sealed[len(head):])
}

// NeedsReseal reports whether sealed is not in today's format under the first
// root, so that it would be lost with an earlier one.
func (k *Keyring) NeedsReseal(sealed []byte) bool {
	_, r, err := k.sealedBy(underRoot, sealed)
	return err != nil || r.ID != k.roots[0].ID
}

// header is what stands in the clear before the nonce.
func header(format byte, rootID string) []byte {
	h := make([]byte, 0, 2+len(rootID))
	h = append(h, format, byte(len(rootID)))
	return append(h, rootID...)
}

// sealedBy reads the header and finds the root it names.
func (k *Keyring) sealedBy(format byte, sealed []byte) (head []byte, r Root, err error) {
	if len(sealed) < 2 || len(sealed) > maxSealed || sealed[0] != format {
		return nil, Root{}, fmt.Errorf("%w: unknown format", ErrNotOpened)
	}
	end := 2 + int(sealed[1])
	if end > len(sealed) || !validRootID(string(sealed[2:end])) {
		return nil, Root{}, fmt.Errorf("%w: unknown format", ErrNotOpened)
	}
	r, err = k.root(string(sealed[2:end]))
	return sealed[:end], r, err
}

func seal(key, head []byte, purpose, row string, plaintext []byte) ([]byte, error) {
	if len(plaintext) > maxPlaintext {
		return nil, fmt.Errorf("secret: more than %d bytes to seal for %q", maxPlaintext, purpose)
	}
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(head)+len(plaintext)+aead.Overhead())
	return aead.Seal(append(out, head...), nil, plaintext, additional(head, purpose, row)), nil
}

func open(key, head []byte, purpose, row string, body []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	plaintext, err := aead.Open(nil, nil, body, additional(head, purpose, row))
	if err != nil {
		return nil, fmt.Errorf("%w: not for %q and this row, or changed", ErrNotOpened, purpose)
	}
	return plaintext, nil
}

// newAEAD draws its own nonces: none can be repeated by a caller's mistake.
func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("secret: preparing AES: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("secret: preparing GCM: %w", err)
	}
	return aead, nil
}

// additional is the header, the purpose and the row, with the purpose's length
// before it: ("ab", "c") and ("a", "bc") must differ.
func additional(head []byte, purpose, row string) []byte {
	out := make([]byte, 0, len(head)+8+len(purpose)+len(row))
	out = append(out, head...)
	out = binary.BigEndian.AppendUint64(out, uint64(len(purpose)))
	out = append(out, purpose...)
	return append(out, row...)
}
