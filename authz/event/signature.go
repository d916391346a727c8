package event

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of a signing secret, in bytes (Standard Webhooks, "Signature scheme").
const (
	minSecret = 24
	maxSecret = 64
)

const secretPrefix = "whsec_"

// parseSecret returns the bytes of "whsec_" and base64. Its error does not
// quote the secret.
func parseSecret(text authz.Secret) ([]byte, error) {
	fault := errors.New(`a webhook secret must be "whsec_" and the base64 of 24 to 64 bytes`)
	encoded, ok := strings.CutPrefix(text.Reveal(), secretPrefix)
	if !ok || strings.ContainsAny(encoded, "\r\n") {
		return nil, fault
	}
	secret, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil || len(secret) < minSecret || len(secret) > maxSecret {
		return nil, fault
	}
	return secret, nil
}

// sign returns the webhook-signature header: one "v1," signature for each
// secret, over id, timestamp and body joined by dots. Ids hold no dots.
func sign(secrets [][]byte, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		_, _ = mac.Write([]byte(id + "." + timestamp(at) + "."))
		_, _ = mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	return strings.Join(signatures, " ")
}

func timestamp(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }
