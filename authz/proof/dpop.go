package proof

import (
	"crypto"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
)

// How far the clock of whoever made a DPoP proof may be off.
const (
	DPoPPast   = 60 * time.Second
	DPoPFuture = 15 * time.Second
)

// Expected is what a DPoP proof must be made for.
type Expected struct {
	Method string
	// URLs are the addresses of the endpoint; the proof names one of them.
	URLs []string
	// AccessToken is the token presented with the proof; empty at the token endpoint.
	AccessToken string
	Now         time.Time
}

// DPoP is a proof that holds: its maker has the private key of JKT.
type DPoP struct {
	JKT   string // base64url SHA-256 thumbprint of the key (RFC 7638)
	JTI   string
	Nonce string // the server's, or empty; not checked here
	// Until is when the proof is too old by itself, and its jti may be forgotten.
	Until time.Time
}

type dpopClaims struct {
	JTI   string   `json:"jti"`
	HTM   string   `json:"htm"`
	HTU   string   `json:"htu"`
	ATH   string   `json:"ath"`
	Nonce string   `json:"nonce"`
	IAT   *float64 `json:"iat"`
}

// ReadDPoP checks a DPoP proof by the list of RFC 9449 section 4.3. Whether
// its jti was seen before, and its nonce, are the caller's to check.
func ReadDPoP(text string, want Expected) (DPoP, error) {
	t, err := Read(text, Algorithms())
	if err != nil {
		return DPoP{}, err
	}
	jwk := t.jws.Signatures[0].Protected.JSONWebKey
	if t.Header.Type != "dpop+jwt" || jwk == nil || !jwk.IsPublic() || !slices.Contains(algorithmsOf(jwk.Key), t.Header.Algorithm) {
		return DPoP{}, errors.New("proof: not a DPoP proof with a public key")
	}
	payload, err := t.jws.Verify(jwk.Key)
	if err != nil {
		return DPoP{}, errors.New("proof: the signature is wrong")
	}
	var c dpopClaims
	if err := unmarshal(payload, &c); err != nil {
		return DPoP{}, err
	}
	iat, err := seconds(c.IAT)
	if err != nil {
		return DPoP{}, err
	}
	if err := c.check(want, iat); err != nil {
		return DPoP{}, err
	}
	thumb, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return DPoP{}, errors.New("proof: the key has no thumbprint")
	}
	return DPoP{
		JKT: base64.RawURLEncoding.EncodeToString(thumb), JTI: c.JTI, Nonce: c.Nonce, Until: iat.Add(DPoPPast),
	}, nil
}

func (c dpopClaims) check(want Expected, iat time.Time) error {
	switch {
	case c.JTI == "" || len(c.JTI) > 256:
		return errors.New("proof: jti is missing or too long")
	case c.HTM != want.Method:
		return errors.New("proof: for another method")
	case !slices.ContainsFunc(want.URLs, func(u string) bool { return sameEndpoint(u, c.HTU) }):
		return errors.New("proof: for another address")
	case iat.After(want.Now.Add(DPoPFuture)) || want.Now.After(iat.Add(DPoPPast)):
		return errors.New("proof: too old or from the future")
	case want.AccessToken != "" && !hashes(want.AccessToken, c.ATH):
		return errors.New("proof: for another access token")
	}
	return nil
}

// hashes reports whether ath is the hash of the token (RFC 9449 section 4.2).
func hashes(token, ath string) bool {
	sum := sha256.Sum256([]byte(token))
	want := base64.RawURLEncoding.EncodeToString(sum[:])
	return subtle.ConstantTimeCompare([]byte(want), []byte(ath)) == 1
}

// sameEndpoint compares without query and fragment, after the normalization of
// RFC 3986 sections 6.2.2 and 6.2.3, as far as it concerns scheme and host.
func sameEndpoint(ours, theirs string) bool {
	a, err := url.Parse(ours)
	if err != nil {
		return false
	}
	b, err := url.Parse(theirs)
	if err != nil || b.User != nil || b.Opaque != "" {
		return false
	}
	return strings.EqualFold(a.Scheme, b.Scheme) && host(a) == host(b) && a.EscapedPath() == b.EscapedPath()
}

func host(u *url.URL) string {
	h := strings.ToLower(u.Host)
	if strings.EqualFold(u.Scheme, "https") {
		return strings.TrimSuffix(h, ":443")
	}
	return strings.TrimSuffix(h, ":80")
}
