package secret

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// minToken is the length below which a token cannot be one of ours: 32
// characters of base64 hold 192 bits.
const minToken = 32

// SealWithToken encrypts up to 1 MiB so that opening takes both the token and
// the keyring: a stolen database is useless without a token, and a token that
// leaked later is useless without the keyring. The token is at least 32
// characters, drawn at random; a text that people choose can be guessed.
func (k *Keyring) SealWithToken(token authz.Secret, purpose string, plaintext []byte) ([]byte, error) {
	r := k.roots[0]
	key, err := r.tokenKey(token, purpose)
	if err != nil {
		return nil, err
	}
	return seal(key, header(underToken, r.ID), purpose, "", plaintext)
}

// OpenWithToken decrypts what SealWithToken made with the same token and
// purpose. It fails with ErrNotOpened.
func (k *Keyring) OpenWithToken(token authz.Secret, purpose string, sealed []byte) ([]byte, error) {
	head, r, err := k.sealedBy(underToken, sealed)
	if err != nil {
		return nil, err
	}
	key, err := r.tokenKey(token, purpose)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotOpened, err)
	}
	return open(key, head, purpose, "", sealed[len(head):])
}

func (r Root) tokenKey(token authz.Secret, purpose string) ([]byte, error) {
	if len(token) < minToken {
		return nil, fmt.Errorf("secret: a token of less than %d characters seals nothing", minToken)
	}
	salt := r.subKey("token", purpose)
	key, err := hkdf.Key(sha256.New, []byte(token.Reveal()), salt, "gatehouse/1/sealed with a token", subKeySize)
	if err != nil {
		return nil, fmt.Errorf("secret: deriving a key from a token: %w", err)
	}
	return key, nil
}
