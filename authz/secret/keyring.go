package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
)

const (
	minRootKey = 32 // bytes
	maxRoots   = 32
	subKeySize = 32 // bytes: AES-256, HMAC-SHA-256
)

// Root is a root key. It never prints its key.
type Root struct {
	// ID stands in the clear in whatever was made with the key: 1 to 32
	// letters, digits, dots, underscores and hyphens, a letter or digit first.
	ID string
	// Key is at least 32 random bytes.
	Key []byte `json:"-"`
}

// String returns the id.
func (r Root) String() string { return "root key " + r.ID }

// GoString returns the same as String, for %#v.
func (r Root) GoString() string { return r.String() }

// LogValue returns the same as String, for log/slog.
func (r Root) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Keyring holds the root keys and derives from them. It is immutable and safe
// for concurrent use.
type Keyring struct{ roots []Root }

// NewKeyring returns a keyring whose first root seals and peppers, while all of
// them open and verify. It fails unless every root has an id of its own and a
// key of at least 32 bytes that no other root has.
func NewKeyring(roots []Root) (*Keyring, error) {
	if len(roots) == 0 || len(roots) > maxRoots {
		return nil, fmt.Errorf("secret: a keyring holds 1 to %d root keys", maxRoots)
	}
	own := make([]Root, 0, len(roots))
	for _, r := range roots {
		if !validRootID(r.ID) {
			return nil, errors.New("secret: a root key's id is 1 to 32 letters, digits, dots, underscores and hyphens")
		}
		if len(r.Key) < minRootKey {
			return nil, fmt.Errorf("secret: root key %q is shorter than %d bytes", r.ID, minRootKey)
		}
		for _, other := range own {
			if r.ID == other.ID || slices.Equal(r.Key, other.Key) {
				return nil, fmt.Errorf("secret: root keys %q and %q are not distinct", other.ID, r.ID)
			}
		}
		own = append(own, Root{ID: r.ID, Key: slices.Clone(r.Key)})
	}
	return &Keyring{roots: own}, nil
}

// String says how many root keys there are.
func (k Keyring) String() string { return fmt.Sprintf("keyring of %d", len(k.roots)) }

// GoString returns the same as String, for %#v.
func (k Keyring) GoString() string { return k.String() }

// Derive returns 32 bytes that only this purpose has, from the first root: for
// the keys of MACs that other packages make.
func (k *Keyring) Derive(purpose string) []byte {
	return k.roots[0].subKey("derive", purpose)
}

// DeriveAll returns what Derive would for each root, the first root's first:
// to verify what an earlier root made.
func (k *Keyring) DeriveAll(purpose string) [][]byte {
	keys := make([][]byte, 0, len(k.roots))
	for _, r := range k.roots {
		keys = append(keys, r.subKey("derive", purpose))
	}
	return keys
}

// root returns the root with the id.
func (k *Keyring) root(id string) (Root, error) {
	for _, r := range k.roots {
		if r.ID == id {
			return r, nil
		}
	}
	return Root{}, fmt.Errorf("%w: root key %q is not in the keyring", ErrNotOpened, id)
}

// subKey derives a key by HKDF (RFC 5869). The use holds no slash, so that no
// purpose can be mistaken for another use.
func (r Root) subKey(use, purpose string) []byte {
	key, err := hkdf.Key(sha256.New, r.Key, nil, "gatehouse/1/"+use+"/"+purpose, subKeySize)
	if err != nil {
		panic("secret: HKDF of 32 bytes cannot fail: " + err.Error())
	}
	return key
}

var rootID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$`)

func validRootID(id string) bool { return rootID.MatchString(id) }
