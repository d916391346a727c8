package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// proofKey makes DPoP proofs (RFC 9449 section 4) with one ES256 key.
type proofKey struct {
	private *ecdsa.PrivateKey
	header  string
	nonce   string
}

func newProofKey() (*proofKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("client: making a DPoP key: %w", err)
	}
	point, err := private.PublicKey.Bytes() // 4, x, y: 32 bytes each
	if err != nil {
		return nil, fmt.Errorf("client: making a DPoP key: %w", err)
	}
	header, err := json.Marshal(map[string]any{
		"typ": "dpop+jwt", "alg": "ES256",
		"jwk": map[string]string{"kty": "EC", "crv": "P-256", "x": encode(point[1:33]), "y": encode(point[33:])},
	})
	if err != nil {
		return nil, fmt.Errorf("client: making a DPoP key: %w", err)
	}
	return &proofKey{private: private, header: encode(header)}, nil
}

// prove puts a proof on the request, for the access token that goes with it.
func (p *proofKey) prove(r *http.Request, token string) error {
	target := *r.URL
	target.RawQuery, target.Fragment = "", ""
	claims := map[string]any{"jti": rand.Text(), "htm": r.Method, "htu": target.String(), "iat": time.Now().Unix()}
	if token != "" {
		digest := sha256.Sum256([]byte(token))
		claims["ath"] = encode(digest[:])
	}
	if p.nonce != "" {
		claims["nonce"] = p.nonce
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("client: making a DPoP proof: %w", err)
	}
	signed := p.header + "." + encode(payload)
	digest := sha256.Sum256([]byte(signed))
	x, y, err := ecdsa.Sign(rand.Reader, p.private, digest[:])
	if err != nil {
		return fmt.Errorf("client: making a DPoP proof: %w", err)
	}
	signature := make([]byte, 64)
	x.FillBytes(signature[:32])
	y.FillBytes(signature[32:])
	r.Header.Set("DPoP", signed+"."+encode(signature))
	return nil
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
