package leakreport

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

const (
	// believed is how long fetched keys are.
	believed = time.Hour
	// askAgain is how soon an id that is not among them may make us ask.
	askAgain = time.Minute
	// fetchTime bounds asking.
	fetchTime = 5 * time.Second
	maxKeys   = 64
	maxBody   = 256 << 10
	maxID     = 256
	maxSig    = 256
)

var (
	errSignature = authz.NewError(authz.Unauthenticated, "invalid_signature", "The report is not signed by its partner.")
	errKeysAway  = &authz.Error{
		Kind: authz.Unavailable, Code: "temporarily_unavailable", Description: "The partner's keys cannot be had now; try again.",
		RetryAfter: askAgain,
	}
)

// PartnerConfig is what a Partner needs; everything is required.
type PartnerConfig struct {
	// URL is where the partner publishes its keys:
	// https://api.github.com/meta/public_keys/secret_scanning for GitHub.
	URL   string
	HTTP  *http.Client // one that is careful where it goes
	Clock authz.Clock
}

// Partner checks what a partner signed. It is safe for use by many goroutines.
type Partner struct {
	cfg PartnerConfig
	// turn is held by who reads or fetches the keys.
	turn  chan struct{}
	keys  map[string]*ecdsa.PublicKey
	had   time.Time // when the keys were fetched
	asked time.Time // when they were last asked for
}

// NewPartner returns a Partner whose keys are fetched when first needed.
func NewPartner(cfg PartnerConfig) (*Partner, error) {
	if cfg.URL == "" || cfg.HTTP == nil || cfg.Clock == nil {
		return nil, errors.New("leakreport: URL, HTTP and Clock are required")
	}
	return &Partner{cfg: cfg, turn: make(chan struct{}, 1)}, nil
}

// Verify checks the signature of a body: base64 of an ASN.1 ECDSA signature over
// its SHA-256, by the P-256 key of that id. A key that is not known, or a
// signature that does not hold, is Unauthenticated; keys that cannot be had are
// Unavailable.
func (p *Partner) Verify(ctx context.Context, keyID, signature string, body []byte) error {
	if keyID == "" || len(keyID) > maxID || len(signature) > maxSig {
		return errSignature
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(signature)
	if err != nil {
		return errSignature
	}
	key, err := p.key(ctx, keyID)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if !ecdsa.VerifyASN1(key, sum[:], raw) {
		return errSignature
	}
	return nil
}

// key finds a key of the partner, asking for them when they are old, or when
// this one is not among them.
func (p *Partner) key(ctx context.Context, id string) (*ecdsa.PublicKey, error) {
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	now := p.cfg.Clock.Now()
	key, known := p.keys[id]
	if known && since(p.had, now) < believed {
		return key, nil
	}
	if since(p.asked, now) >= askAgain {
		p.asked = now
		keys, err := p.fetch(context.WithoutCancel(ctx)) // for all who wait
		if err != nil {
			return nil, errKeysAway.Because(err)
		}
		p.keys, p.had = keys, now
	}
	switch key, known = p.keys[id]; {
	case since(p.had, now) >= believed: // asked a moment ago, in vain
		return nil, errKeysAway
	case !known:
		return nil, errSignature
	}
	return key, nil
}

// since is how long ago a moment was; one that never was, or that lies ahead
// because the clock stepped back, was long ago.
func since(t, now time.Time) time.Duration {
	if t.IsZero() || now.Before(t) {
		return believed
	}
	return now.Sub(t)
}

func (p *Partner) fetch(ctx context.Context) (map[string]*ecdsa.PublicKey, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.cfg.URL, nil)
	if err != nil {
		return nil, fmt.Errorf("leakreport: %w", err)
	}
	req.Header.Set("Accept", "application/json")
	resp, err := p.cfg.HTTP.Do(req)
	if err != nil {
		return nil, fmt.Errorf("leakreport: fetching the partner's keys: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("leakreport: the partner's keys: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return nil, fmt.Errorf("leakreport: reading the partner's keys: %w", errors.Join(err, errors.New("cut at 256 KiB")))
	}
	return parseKeys(body)
}

// parseKeys reads {"public_keys": [{"key_identifier", "key": PEM}]}. A key of
// another kind is passed over; none at all is an error.
func parseKeys(body []byte) (map[string]*ecdsa.PublicKey, error) {
	var in struct {
		Keys []struct {
			ID  string `json:"key_identifier"`
			PEM string `json:"key"`
		} `json:"public_keys"`
	}
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, fmt.Errorf("leakreport: the partner's keys: %w", err)
	}
	keys := make(map[string]*ecdsa.PublicKey)
	for _, k := range in.Keys[:min(len(in.Keys), maxKeys)] {
		block, _ := pem.Decode([]byte(k.PEM))
		if k.ID == "" || block == nil {
			continue
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if key, ok := parsed.(*ecdsa.PublicKey); err == nil && ok && key.Curve == elliptic.P256() {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("leakreport: there is no P-256 key among the partner's")
	}
	return keys, nil
}
