package credential

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// fillTime bounds one examination.
const fillTime = 5 * time.Second

// MaxLength is the longest credential looked at, in bytes.
const MaxLength = 16 << 10

// Examiner looks at a credential the slow way: database, signatures, Argon2id.
// It answers with an authz.Error of kind Unauthenticated when the credential
// is not live, of kind Unavailable when it cannot tell.
type Examiner func(ctx context.Context, text authz.Secret) (*authz.Credential, error)

// Config is what a Verifier needs.
type Config struct {
	Clock   authz.Clock // required
	Epochs  *Epochs     // required; shared by every issuer of the process
	Lease   *Lease      // required; shared likewise
	Examine Examiner    // required
	// Size bounds the records kept; 0 means 200,000.
	Size int
}

// Verifier answers whether a credential is live. It is safe for use by many
// goroutines.
type Verifier struct {
	clock   authz.Clock
	epochs  *Epochs
	lease   *Lease
	examine Examiner
	records *cache[*Record]
	flights *flights[*Record]
}

// A Record is a live credential and the bytes that tell of it. What every
// lookup reads comes first, together: among many records the processor waits
// for each piece of memory it has not read lately.
type Record struct {
	// JSON is the introspection, rendered once.
	JSON    []byte
	stamp   stamp
	stamped bool
	authz.Credential
	room [512]byte // where JSON is, if it fits
}

// NewVerifier returns a Verifier with an empty cache.
func NewVerifier(cfg Config) (*Verifier, error) {
	if cfg.Clock == nil || cfg.Epochs == nil || cfg.Lease == nil || cfg.Examine == nil {
		return nil, errors.New("credential: Clock, Epochs, Lease and Examine are required")
	}
	if cfg.Size == 0 {
		cfg.Size = 200_000
	}
	return &Verifier{
		clock: cfg.Clock, epochs: cfg.Epochs, lease: cfg.Lease, examine: cfg.Examine,
		records: newCache[*Record](cfg.Size),
		flights: newFlights[*Record](),
	}, nil
}

// errInactive is the answer to every doubt about a credential.
var errInactive = authz.NewError(authz.Unauthenticated, "invalid_token", "The credential is not active.")

// Lookup returns the record of a live credential. Any doubt is an authz.Error
// of kind Unauthenticated; inability to decide is of kind Unavailable.
func (v *Verifier) Lookup(ctx context.Context, text authz.Secret) (*Record, error) {
	if text == "" || len(text) > MaxLength {
		return nil, errInactive
	}
	digest := authz.Digest(text.Reveal())
	now := v.clock.Now()
	if r, ok := v.records.get(digest); ok && v.lease.Fresh() {
		if v.epochs.current(&r.stamp) {
			if r.LiveAt(now) {
				return r, nil
			}
			v.records.drop(digest)
			return nil, errInactive
		}
		v.records.drop(digest)
	}
	return v.flights.do(ctx, digest, v.stillTrue, func() (*Record, error) {
		return v.fill(ctx, digest, text, now)
	})
}

// stillTrue reports whether what another caller was told holds for this one
// too: a record nothing has moved under. Refusals are never shared, so that a
// credential made a moment ago works at once.
func (v *Verifier) stillTrue(r *Record, err error) bool {
	return err == nil && r.stamped && v.epochs.current(&r.stamp)
}

func (v *Verifier) fill(ctx context.Context, digest [32]byte, text authz.Secret, now time.Time) (*Record, error) {
	ctx, cancel := context.WithTimeout(ctx, fillTime)
	defer cancel()
	before := v.epochs.mark()
	facts, err := v.examine(ctx, text)
	if err != nil {
		return nil, err
	}
	if !facts.LiveAt(now) {
		return nil, errInactive
	}
	body, err := json.Marshal(facts.Introspection)
	if err != nil {
		return nil, fmt.Errorf("rendering an introspection: %w", err)
	}
	r := &Record{Credential: *facts}
	r.JSON = append(r.room[:0], body...)
	if facts.Introspection.CredentialType == authz.CredentialRefreshToken {
		return r, nil // its use moves no node: only the database knows
	}
	r.Refs = nil // the stamp stands for them
	if r.stamp, r.stamped = v.epochs.stampSince(before, facts.Refs); r.stamped {
		share(&r.Credential)
		v.records.put(digest, r)
	}
	return r, nil
}

// Known is how many records are kept, for metrics.
func (v *Verifier) Known() int { return v.records.len() }
