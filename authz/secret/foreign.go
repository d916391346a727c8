package secret

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Kinds of digests that other systems kept, for texts that come from them.
const (
	ForeignSHA256     = "sha256"
	ForeignSHA512     = "sha512"
	ForeignHMACSHA256 = "hmac-sha256"
	ForeignBcrypt     = "bcrypt"
	ForeignArgon2id   = "argon2id"
)

// foreign begins a stored hash that is not ours yet.
const foreign = "foreign$"

const (
	// maxBcryptCost bounds what a stored hash may cost: 12 is a fifth of a second.
	maxBcryptCost = 12
	// maxBcryptText is where bcrypt stops reading, in bytes.
	maxBcryptText = 72
	// foreignWaiting is how many callers may wait for the one permit there is to
	// compute costly digests of others.
	foreignWaiting = 16
	foreignWait    = 250 * time.Millisecond
)

var (
	errForeignKind   = authz.NewError(authz.Invalid, "invalid_request", "digest.kind: must be sha256, sha512, hmac-sha256, bcrypt or argon2id")
	errForeignDigest = authz.NewError(authz.Invalid, "invalid_request", "digest.value: is not a digest of this kind, or one that costs too much to check")
	errForeignKey    = authz.NewError(authz.Invalid, "invalid_request", "digest.key_id: names no key for HMACs of the configuration")
)

// Foreign returns what is stored for a digest that another system made: hex or
// base64 of SHA-256, SHA-512 or HMAC-SHA256 under the key of that id, a bcrypt
// string of cost 12 at most, or a PHC string of Argon2id that takes 64 MiB at
// most. VerifyMachine verifies it, and asks for it to be hashed again.
func (h *Hasher) Foreign(kind, value, keyID string) (string, error) {
	if keyID != "" && kind != ForeignHMACSHA256 {
		return "", errForeignKey
	}
	switch kind {
	case ForeignSHA256:
		return plainDigest(kind, value, sha256.Size)
	case ForeignSHA512:
		return plainDigest(kind, value, sha512.Size)
	case ForeignHMACSHA256:
		if _, ok := h.foreignKeys[keyID]; !ok {
			return "", errForeignKey
		}
		return plainDigest(kind+"$"+keyID, value, sha256.Size)
	case ForeignBcrypt:
		cost, err := bcrypt.Cost([]byte(value))
		if err != nil || cost > maxBcryptCost || len(value) != 60 {
			return "", errForeignDigest
		}
		return foreign + kind + "$" + value, nil
	case ForeignArgon2id:
		if _, err := parseForeignPHC(value); err != nil {
			return "", errForeignDigest
		}
		return foreign + kind + "$" + value, nil
	}
	return "", errForeignKind
}

func plainDigest(kind, value string, size int) (string, error) {
	raw, err := hex.DecodeString(value)
	if err != nil {
		if raw, err = base64.StdEncoding.Strict().DecodeString(value); err != nil {
			raw, err = base64.RawURLEncoding.Strict().DecodeString(value)
		}
	}
	if err != nil || len(raw) != size {
		return "", errForeignDigest
	}
	return foreign + kind + "$" + hex.EncodeToString(raw), nil
}

// verifyForeign reports whether the text has the digest. A costly one takes its
// turn at a gate of its own, with one permit: whoever sends wrong texts for it
// keeps nobody else from hashing.
func (h *Hasher) verifyForeign(ctx context.Context, stored string, text authz.Secret) (bool, error) {
	if text == "" || len(text) > maxText {
		return false, errText
	}
	kind, value, _ := strings.Cut(strings.TrimPrefix(stored, foreign), "$")
	secret := []byte(text.Reveal())
	switch kind {
	case ForeignSHA256:
		sum := sha256.Sum256(secret)
		return sameHex(sum[:], value), nil
	case ForeignSHA512:
		sum := sha512.Sum512(secret)
		return sameHex(sum[:], value), nil
	case ForeignHMACSHA256:
		keyID, value, _ := strings.Cut(value, "$")
		key, ok := h.foreignKeys[keyID]
		if !ok {
			return false, errors.New("secret: the key for the HMAC of a foreign digest is gone")
		}
		mac := hmac.New(sha256.New, key)
		_, _ = mac.Write(secret)
		return sameHex(mac.Sum(nil), value), nil
	case ForeignBcrypt:
		return h.bcrypt(ctx, value, secret)
	case ForeignArgon2id:
		return h.argon2id(ctx, value, secret)
	}
	return false, errPHC
}

func sameHex(sum []byte, want string) bool {
	return subtle.ConstantTimeCompare([]byte(hex.EncodeToString(sum)), []byte(want)) == 1
}

// matched is the answer of a job at the gate that has nothing else to say.
func matched(ok bool) (sum [hashSize]byte) {
	if ok {
		sum[0] = 1
	}
	return sum
}

func (h *Hasher) bcrypt(ctx context.Context, stored string, secret []byte) (bool, error) {
	if len(secret) > maxBcryptText {
		return false, nil // what bcrypt would not read is not proven
	}
	sum, err := h.foreign.run(ctx, func() [hashSize]byte {
		return matched(bcrypt.CompareHashAndPassword([]byte(stored), secret) == nil)
	})
	return sum[0] == 1, err
}

func (h *Hasher) argon2id(ctx context.Context, stored string, secret []byte) (bool, error) {
	p, err := parseForeignPHC(stored)
	if err != nil {
		return false, err
	}
	sum, err := h.foreign.run(ctx, func() [hashSize]byte {
		got := argon2.IDKey(secret, p.salt, p.params.Passes, p.params.MemoryKiB, p.params.Threads, uint32(len(p.hash))) //nolint:gosec // at most 64
		return matched(subtle.ConstantTimeCompare(got, p.hash) == 1)
	})
	return sum[0] == 1, err
}

// foreignPHC is a hash by Argon2id that knows no pepper of ours.
type foreignPHC struct {
	params     Params
	salt, hash []byte
}

// parseForeignPHC reads $argon2id$v=19$m=…,t=…,p=…$salt$hash, within the bounds
// of Params.
func parseForeignPHC(s string) (foreignPHC, error) {
	parts := strings.Split(s, "$")
	if len(s) > maxPHC || len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != argonVersion {
		return foreignPHC{}, errPHC
	}
	costs, err := parseCosts(parts[3] + ",keyid=foreign")
	if err != nil {
		return foreignPHC{}, err
	}
	salt, saltErr := phcBase64.DecodeString(parts[4])
	hash, hashErr := phcBase64.DecodeString(parts[5])
	if saltErr != nil || hashErr != nil || len(salt) < 8 || len(salt) > 64 || len(hash) < 16 || len(hash) > 64 {
		return foreignPHC{}, errPHC
	}
	return foreignPHC{params: costs.params, salt: salt, hash: hash}, nil
}
