// Package mfatest is an authenticator in software, for tests: it makes and uses
// passkeys as a browser and a security key do together (Web Authentication Level
// 3), and lies where a test wants it to.
package mfatest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
)

// Authenticator holds at most one passkey.
type Authenticator struct {
	// Origin is where the browser is, RPID the relying party it believes in.
	Origin, RPID string
	// Unverified leaves out the check of who the user is.
	Unverified bool
	// Syncable and Synced are the flags of backup.
	Syncable, Synced bool
	// Counter is the signature counter; Counts says that every use raises it.
	Counter uint32
	Counts  bool
	// Challenge and Type replace what was asked for, where they are not empty.
	Challenge, Type string

	id, handle []byte
	key        *ecdsa.PrivateKey
}

const (
	flagPresent  = 1 << 0
	flagVerified = 1 << 2
	flagBackable = 1 << 3
	flagBackedUp = 1 << 4
	flagAttested = 1 << 6
)

type options struct {
	Challenge string `json:"challenge"`
	User      struct {
		ID string `json:"id"`
	} `json:"user"`
}

// Create answers PublicKeyCredentialCreationOptions with a new passkey.
func (a *Authenticator) Create(asked string) (string, error) {
	o, err := read(asked)
	if err != nil {
		return "", err
	}
	if a.handle, err = base64.RawURLEncoding.DecodeString(o.User.ID); err != nil {
		return "", fmt.Errorf("mfatest: the user's handle: %w", err)
	}
	if a.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return "", err
	}
	a.id = make([]byte, 32)
	_, _ = rand.Read(a.id) // never fails since Go 1.24
	data := a.authData(flagAttested)
	data = append(data, make([]byte, 16)...) // AAGUID
	data = binary.BigEndian.AppendUint16(data, uint16(len(a.id)))
	data = append(append(data, a.id...), a.publicKey()...)
	// {"fmt": "none", "attStmt": {}, "authData": bytes}
	object := append([]byte{0xa3, 0x63}, "fmt"...)
	object = append(append(object, 0x64), "none"...)
	object = append(append(append(object, 0x67), "attStmt"...), 0xa0)
	object = append(append(object, 0x68), "authData"...)
	object = append(binary.BigEndian.AppendUint16(append(object, 0x59), uint16(len(data))), data...)
	return a.answer(map[string]any{"clientDataJSON": encode(a.clientData("webauthn.create", o)), "attestationObject": encode(object)})
}

// Get answers PublicKeyCredentialRequestOptions with the passkey it holds.
func (a *Authenticator) Get(asked string) (string, error) {
	o, err := read(asked)
	if err != nil {
		return "", err
	}
	if a.Counts {
		a.Counter++
	}
	client, data := a.clientData("webauthn.get", o), a.authData(0)
	hash := sha256.Sum256(client)
	digest := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, a.key, digest[:])
	if err != nil {
		return "", err
	}
	return a.answer(map[string]any{
		"clientDataJSON": encode(client), "authenticatorData": encode(data), "signature": encode(signature), "userHandle": encode(a.handle),
	})
}

func read(asked string) (o options, err error) {
	if err = json.Unmarshal([]byte(asked), &o); err != nil {
		err = fmt.Errorf("mfatest: options: %w", err)
	}
	return o, err
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func (a *Authenticator) clientData(kind string, o options) []byte {
	if a.Type != "" {
		kind = a.Type
	}
	challenge := o.Challenge
	if a.Challenge != "" {
		challenge = a.Challenge
	}
	raw, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": a.Origin, "crossOrigin": false})
	return raw
}

func (a *Authenticator) authData(flags byte) []byte {
	flags |= flagPresent
	for flag, set := range map[byte]bool{flagVerified: !a.Unverified, flagBackable: a.Syncable, flagBackedUp: a.Synced} {
		if set {
			flags |= flag
		}
	}
	rp := sha256.Sum256([]byte(a.RPID))
	return binary.BigEndian.AppendUint32(append(rp[:], flags), a.Counter)
}

// publicKey is COSE's {1: 2, 3: -7, -1: 1, -2: x, -3: y} (RFC 9053).
func (a *Authenticator) publicKey() []byte {
	point, err := a.key.PublicKey.Bytes()
	if err != nil {
		return nil
	}
	out := []byte{0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20}
	out = append(append(out, point[1:33]...), 0x22, 0x58, 0x20)
	return append(out, point[33:]...)
}

func (a *Authenticator) answer(response map[string]any) (string, error) {
	raw, err := json.Marshal(map[string]any{
		"id": encode(a.id), "rawId": encode(a.id), "type": "public-key", "response": response, "clientExtensionResults": map[string]any{},
	})
	return string(raw), err
}
