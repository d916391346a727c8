package jwks_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/jwks"
)

type copied struct {
	at  time.Time
	set jose.JSONWebKeySet
}

type issued struct {
	compact, kid string
	exp          time.Time
}

// week is what a relying party and an issuer see of each other.
type week struct {
	t         *testing.T
	set       *jwks.Set
	copies    []copied // no older than maxAge
	tokens    []issued // not expired
	firstSeen map[string]time.Time
	firstUsed map[string]time.Time
}

func TestS27_JW_13_ThroughAWeekOfRotationsEveryTokenVerifiesAgainstAnyCopyStillFresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := config(t, &memory{}, authz.SystemClock{})
		c.Algorithms = []string{"RS256", "ES256"}
		w := week{t: t, set: newSet(t, c), firstSeen: map[string]time.Time{}, firstUsed: map[string]time.Time{}}
		mustRotate(t, w.set)
		go w.set.Run(t.Context())
		began := time.Now()
		for time.Since(began) < 7*24*time.Hour {
			w.copyDocument()
			w.sign("ES256")
			if len(w.firstSeen) < 8 { // RSA is slow, and a day of it is enough
				w.sign("RS256")
			}
			w.check()
			time.Sleep(5 * time.Minute)
		}
		w.checkAhead(began)
	})
}

func (w *week) copyDocument() {
	now := time.Now()
	set := published(w.t, w.set)
	for _, k := range set.Keys {
		if w.firstSeen[k.KeyID].IsZero() {
			w.firstSeen[k.KeyID] = now
		}
	}
	w.copies = append(w.copies, copied{now, set})
	for now.Sub(w.copies[0].at) > maxAge {
		w.copies = w.copies[1:]
	}
}

func (w *week) sign(alg string) {
	compact := mustSign(w.t, w.set, alg)
	kid := kidOf(w.t, compact)
	if w.firstUsed[kid].IsZero() {
		w.firstUsed[kid] = time.Now()
	}
	w.tokens = append(w.tokens, issued{compact, kid, time.Now().Add(ttl)})
	// At its first moment with the oldest copy that may know the key.
	if !verifies(w.copies[0].set, compact) {
		w.t.Fatalf("%s: %s does not verify against a copy of %s", time.Now(), kid, w.copies[0].at)
	}
}

func (w *week) check() {
	for len(w.tokens) > 0 && !time.Now().Before(w.tokens[0].exp.Add(-5*time.Minute)) {
		last := w.tokens[0] // expires before the next look
		for _, c := range w.copies {
			if !verifies(c.set, last.compact) {
				w.t.Fatalf("%s: %s does not verify against a copy of %s", time.Now(), last.kid, c.at)
			}
		}
		if _, _, err := w.set.Verify(w.t.Context(), last.compact); err != nil {
			w.t.Fatal(err)
		}
		w.tokens = w.tokens[1:]
	}
	for _, token := range w.tokens {
		for _, c := range w.copies {
			if len(c.set.Key(token.kid)) != 1 {
				w.t.Fatalf("%s: a copy of %s lacks %s", time.Now(), c.at, token.kid)
			}
		}
	}
	if n := len(w.copies[len(w.copies)-1].set.Keys); n < 4 || n > 6 {
		w.t.Fatalf("%d keys are published for two algorithms", n)
	}
}

func (w *week) checkAhead(began time.Time) {
	used := 0
	for kid, at := range w.firstUsed {
		used++
		if at.Equal(began) {
			continue
		}
		if lead := at.Sub(w.firstSeen[kid]); lead < time.Hour {
			w.t.Errorf("%s was published %s before it signed", kid, lead)
		}
	}
	if used < 28 {
		w.t.Errorf("%d keys in a week", used)
	}
}
