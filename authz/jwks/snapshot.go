package jwks

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// snapshot is all that a request needs to know. It never changes.
type snapshot struct {
	byKID   map[string]*key
	signers map[string][]*key // by algorithm: the keys that sign, now or soon
	body    []byte
	etag    string
}

// newSnapshot assembles the document of the keys that are published at now. The
// order is that of algorithm and time, the same on every node.
func newSnapshot(keys []*key, now time.Time) *snapshot {
	slices.SortFunc(keys, func(a, b *key) int {
		return cmp.Or(strings.Compare(a.Algorithm, b.Algorithm), a.RetiredAt.Compare(b.RetiredAt), strings.Compare(a.KID, b.KID))
	})
	s := &snapshot{byKID: make(map[string]*key, len(keys)), signers: map[string][]*key{}}
	var published [][]byte
	for _, k := range keys {
		s.byKID[k.KID] = k
		if k.private != nil {
			s.signers[k.Algorithm] = append(s.signers[k.Algorithm], k)
		}
		if k.inDocumentAt(now) {
			published = append(published, k.jwk)
		}
	}
	s.body = slices.Concat([]byte(`{"keys":[`), bytes.Join(published, []byte(",")), []byte("]}"))
	sum := sha256.Sum256(s.body)
	s.etag = `"` + hex.EncodeToString(sum[:12]) + `"`
	return s
}

// inDocumentAt reports whether the key is published. A key that is stored is
// published even where a clock is behind its maker's: no node must sign with a
// key that another one hides.
func (k *key) inDocumentAt(now time.Time) bool { return now.Before(k.RemoveAt) }

// signingAt returns the newest key that signs at now, nil when there is none.
func (s *snapshot) signingAt(alg string, now time.Time) *key {
	var newest *key
	for _, k := range s.signers[alg] {
		if k.SignsAt(now) && (newest == nil || newer(k.SigningKey, newest.SigningKey)) {
			newest = k
		}
	}
	return newest
}
