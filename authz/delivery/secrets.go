package delivery

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// What is sealed as one thing does not open as another.
const (
	secretsPurpose = "key destination"
	contentPurpose = "key delivery"
)

// signingOverlap is how long requests are signed with a replaced secret, too.
const signingOverlap = 24 * time.Hour

// newSigningSecret is "whsec_" and the base64 of 32 bytes (Standard Webhooks).
func newSigningSecret() authz.Secret {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	return authz.Secret("whsec_" + base64.StdEncoding.EncodeToString(raw[:]))
}

// kept is how the secrets of a destination are written before they are sealed: a
// Secret does not render.
type kept struct {
	Signing         []keptSigning `json:"signing,omitempty"`
	Token           string        `json:"token,omitempty"`
	SecretID        string        `json:"secret_id,omitempty"`
	SecretAccessKey string        `json:"secret_access_key,omitempty"`
}

type keptSigning struct {
	Text  string    `json:"text"`
	Until time.Time `json:"until,omitzero"`
}

func (d *Deliveries) sealSecrets(id authz.DestinationID, s authz.DestinationSecrets) ([]byte, error) {
	k := kept{Token: s.Token.Reveal(), SecretID: s.SecretID.Reveal(), SecretAccessKey: s.SecretAccessKey.Reveal()}
	for _, one := range s.Signing {
		k.Signing = append(k.Signing, keptSigning{one.Text.Reveal(), one.Until})
	}
	raw, err := json.Marshal(k)
	if err != nil {
		return nil, fmt.Errorf("rendering the secrets of a destination: %w", err)
	}
	return d.cfg.Sealer.Seal(secretsPurpose, string(id), raw)
}

// openSecrets opens them. Signing secrets whose time is over are left out.
func (d *Deliveries) openSecrets(to authz.Destination) (authz.DestinationSecrets, error) {
	raw, err := d.cfg.Sealer.Open(secretsPurpose, string(to.ID), to.Sealed)
	if err != nil {
		return authz.DestinationSecrets{}, fmt.Errorf("opening the secrets of a destination: %w", err)
	}
	var k kept
	if err := json.Unmarshal(raw, &k); err != nil {
		return authz.DestinationSecrets{}, fmt.Errorf("reading the secrets of a destination: %w", err)
	}
	s := authz.DestinationSecrets{Token: authz.Secret(k.Token), SecretID: authz.Secret(k.SecretID), SecretAccessKey: authz.Secret(k.SecretAccessKey)}
	now := d.cfg.Clock.Now()
	for _, one := range k.Signing {
		if one.Until.IsZero() || now.Before(one.Until) {
			s.Signing = append(s.Signing, authz.SigningSecret{Text: authz.Secret(one.Text), Until: one.Until})
		}
	}
	return s, nil
}
