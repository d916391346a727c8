package envelope

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz/strict"
)

const (
	// MaxKey is the longest key or key set taken, in bytes.
	MaxKey  = 16 << 10
	maxKeys = 20
	minRSA  = 2048 // bits
	maxRSA  = 8192
	maxKID  = 255 // bytes
)

// Faults of keys. They quote nothing of what was sent.
var (
	errMalformed = errors.New("is not a JSON Web Key or a set of them (RFC 7517)")
	errPrivate   = errors.New("holds a private or symmetric key; replace it, it was sent where it does not belong")
	errUnfit     = errors.New("holds no key to encrypt to: RSA of 2048 to 8192 bits, or EC on P-256, P-384 or P-521, for use enc or without a use")
	errSeveral   = errors.New("holds several keys to encrypt to; give one")
)

// Key is a public key that secrets are sealed to.
type Key struct {
	jwk jose.JSONWebKey
	alg jose.KeyAlgorithm
}

// ParseKey reads a JWK, or a JWK Set with one key that can be encrypted to. A
// private or symmetric key anywhere spoils it: whoever sent it has given it away.
func ParseKey(raw []byte) (Key, error) {
	if len(raw) > MaxKey || (strict.Rules{Depth: 4}).Check(raw) != nil {
		return Key{}, errMalformed
	}
	members, err := listed(raw)
	if err != nil {
		return Key{}, err
	}
	var fit []Key
	for _, one := range members {
		k, err := parse(one)
		if errors.Is(err, errUnfit) {
			continue
		}
		if err != nil {
			return Key{}, err
		}
		fit = append(fit, k)
	}
	switch len(fit) {
	case 0:
		return Key{}, errUnfit
	case 1:
		return fit[0], nil
	}
	return Key{}, errSeveral
}

// listed are the keys of a set, or the one that stands alone.
func listed(raw []byte) ([]json.RawMessage, error) {
	var set struct {
		Keys *[]json.RawMessage `json:"keys"`
	}
	switch err := json.Unmarshal(raw, &set); {
	case err != nil:
		return nil, errMalformed
	case set.Keys == nil:
		return []json.RawMessage{raw}, nil
	case len(*set.Keys) == 0 || len(*set.Keys) > maxKeys:
		return nil, errMalformed
	}
	return *set.Keys, nil
}

// private are the members only a private or symmetric key has (RFC 7518
// sections 6.2.2, 6.3.2 and 6.4).
var private = []string{"d", "p", "q", "dp", "dq", "qi", "oth", "k"}

func parse(raw json.RawMessage) (Key, error) {
	var members map[string]json.RawMessage
	if json.Unmarshal(raw, &members) != nil {
		return Key{}, errMalformed
	}
	if slices.ContainsFunc(private, func(name string) bool { _, given := members[name]; return given }) {
		return Key{}, errPrivate
	}
	var operations []string
	if given := members["key_ops"]; given != nil && json.Unmarshal(given, &operations) != nil {
		return Key{}, errMalformed
	}
	k := Key{}
	if k.jwk.UnmarshalJSON(raw) != nil || len(k.jwk.KeyID) > maxKID {
		return Key{}, errUnfit // of a kind that is not known
	}
	if !k.jwk.IsPublic() {
		return Key{}, errPrivate
	}
	k.alg = algorithm(k.jwk.Key)
	encrypts := operations == nil || slices.ContainsFunc(operations, func(o string) bool {
		return o == "wrapKey" || o == "encrypt" || o == "deriveKey" || o == "deriveBits"
	})
	if k.alg == "" || k.jwk.Use != "" && k.jwk.Use != "enc" || k.jwk.Algorithm != "" && k.jwk.Algorithm != string(k.alg) || !encrypts {
		return Key{}, errUnfit
	}
	return k, k.named()
}

// algorithm wraps a content key for the public key (RFC 7518 section 4.1); empty
// for one that nothing is encrypted to.
func algorithm(public any) jose.KeyAlgorithm {
	switch key := public.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits >= minRSA && bits <= maxRSA {
			return jose.RSA_OAEP_256
		}
	case *ecdsa.PublicKey:
		return jose.ECDH_ES_A256KW
	}
	return ""
}

// named gives a key without a kid its thumbprint (RFC 7638): whoever rotates
// theirs must see which one was used.
func (k *Key) named() error {
	if k.jwk.KeyID != "" {
		return nil
	}
	sum, err := k.jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return errMalformed
	}
	k.jwk.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return nil
}

// ID is the key's kid.
func (k Key) ID() string { return k.jwk.KeyID }

// Algorithm is how a content key is wrapped for it.
func (k Key) Algorithm() string { return string(k.alg) }

// JSON is the key with what is needed of it and no more.
func (k Key) JSON() (json.RawMessage, error) {
	raw, err := jose.JSONWebKey{Key: k.jwk.Key, KeyID: k.jwk.KeyID, Algorithm: string(k.alg), Use: "enc"}.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("envelope: rendering a key: %w", err)
	}
	return raw, nil
}

// Seal encrypts a JSON text with A256GCM: a compact JWE whose header names the
// key, and typ.
func (k Key) Seal(typ string, plaintext []byte) (string, error) {
	options := (&jose.EncrypterOptions{}).WithType(jose.ContentType(typ)).WithContentType("application/json")
	e, err := jose.NewEncrypter(jose.A256GCM, jose.Recipient{Algorithm: k.alg, Key: k.jwk.Key, KeyID: k.jwk.KeyID}, options)
	if err != nil {
		return "", fmt.Errorf("envelope: preparing to encrypt: %w", err)
	}
	sealed, err := e.Encrypt(plaintext)
	if err != nil {
		return "", fmt.Errorf("envelope: encrypting: %w", err)
	}
	out, err := sealed.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("envelope: rendering: %w", err)
	}
	return out, nil
}
