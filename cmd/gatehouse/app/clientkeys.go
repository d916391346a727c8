package app

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

// maxKeySets bounds how many clients' key sets are kept at once.
const maxKeySets = 1024

// clientKeys are the key sets at clients' jwks_uris. They are fetched and kept
// as those of upstreams are.
type clientKeys struct {
	http *http.Client
	now  func() time.Time

	mu   sync.Mutex
	sets map[string]*oidc.KeySet
}

func newClientKeys(c *http.Client, now func() time.Time) *clientKeys {
	return &clientKeys{http: c, now: now, sets: map[string]*oidc.KeySet{}}
}

// at returns the key set of an address. When there are too many, one makes
// room: whoever still needs it pays one more fetch.
func (k *clientKeys) at(uri string) oauth.KeySet {
	k.mu.Lock()
	defer k.mu.Unlock()
	set, ok := k.sets[uri]
	if !ok {
		if len(k.sets) >= maxKeySets {
			for old := range k.sets {
				delete(k.sets, old)
				break
			}
		}
		set = oidc.NewKeySet(oidc.KeySetConfig{URL: uri, HTTP: k.http, Now: k.now})
		k.sets[uri] = set
	}
	return remoteSet{set}
}

// remoteSet tells apart, in our words, keys that did not fit from keys that
// could not be had.
type remoteSet struct{ *oidc.KeySet }

var errKeysAway = authz.NewError(authz.Unavailable, "temporarily_unavailable", "The client's keys cannot be fetched right now.")

// VerifySignature returns the payload if one of the keys signed it.
func (s remoteSet) VerifySignature(ctx context.Context, compact string) ([]byte, error) {
	payload, err := s.KeySet.VerifySignature(ctx, compact)
	if idp.ReasonOf(err) == idp.ReasonUnavailable {
		return nil, errKeysAway.Because(err)
	}
	return payload, err
}

// authorities reads the certificates of the PEM file that a setting names; none
// without a file.
func authorities(setting, file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nobody's certificates are taken
	}
	raw, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(raw) {
		return nil, fmt.Errorf("%s: there is no certificate in it", setting)
	}
	return pool, nil
}
