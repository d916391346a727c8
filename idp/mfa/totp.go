package mfa

import (
	"bytes"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// What every authenticator app understands: the defaults of RFC 6238. Longer
// codes and other hashes are silently ignored by some of them.
const (
	totpPeriod = 30 // seconds
	totpDigits = otp.DigitsSix
	totpSecret = 20 // bytes, as long as the hash's output (RFC 4226 section 4)
	qrSize     = 240
)

// base32 without padding is how apps take a secret that is typed.
func secretText(secret []byte) string {
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
}

// TOTP is the authenticator apps' way.
type TOTP struct{}

// NewSecret returns a random secret of 160 bits.
func (TOTP) NewSecret() []byte {
	secret := make([]byte, totpSecret)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	return secret
}

// Match returns the time step whose code it is, of the one at now and its two
// neighbours (RFC 6238 section 5.2); the later one where two have the same
// code. The caller accepts a step once, and none before one it accepted.
func (TOTP) Match(secret []byte, code string, now time.Time) (step int64, matches bool) {
	current := now.Unix() / totpPeriod
	for _, s := range [...]int64{current - 1, current, current + 1} {
		if s < 0 {
			continue
		}
		want, err := hotp.GenerateCodeCustom(secretText(secret), uint64(s), hotp.ValidateOpts{Digits: totpDigits, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false
		}
		if subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1 {
			step, matches = s, true
		}
	}
	return step, matches
}

// Text is the secret as a person types it, in groups of four.
func (TOTP) Text(secret []byte) string {
	text := secretText(secret)
	var groups []string
	for ; len(text) > 4; text = text[4:] {
		groups = append(groups, text[:4])
	}
	return strings.Join(append(groups, text), " ")
}

// QR is a picture, in PNG, of the secret for an app's camera. The names are
// shown by the app: whose code it is, and at which account.
func (TOTP) QR(secret []byte, issuer, account string) ([]byte, error) {
	// A colon would end the issuer's name early.
	name := strings.ReplaceAll(issuer, ":", " ")
	key, err := otp.NewKeyFromURL("otpauth://totp/" + url.PathEscape(name+":"+account) + "?" + url.Values{
		"secret": {secretText(secret)}, "issuer": {name},
	}.Encode())
	if err != nil {
		return nil, fmt.Errorf("mfa: naming a secret: %w", err)
	}
	picture, err := key.Image(qrSize, qrSize)
	if err != nil {
		return nil, fmt.Errorf("mfa: drawing a secret: %w", err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, picture); err != nil {
		return nil, fmt.Errorf("mfa: drawing a secret: %w", err)
	}
	return out.Bytes(), nil
}
