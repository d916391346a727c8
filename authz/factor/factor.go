package factor

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	HoldPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) error
	CreateFactor(ctx context.Context, f authz.Factor) error
	ListFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) ([]authz.Factor, error)
	FactorByCredentialAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, credential []byte) (authz.Factor, error)
	UseFactor(ctx context.Context, f authz.Factor) error
	DisableFactor(ctx context.Context, f authz.Factor) error
	DeleteFactor(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, id authz.FactorID) error
	DeleteFactors(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (deleted int64, err error)

	ReplaceRecoveryCodes(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, codes []authz.RecoveryCode) error
	RecoveryCodesLeft(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID) (int64, error)
	GetRecoveryCode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, lookup string) (authz.RecoveryCode, error)
	UseRecoveryCode(ctx context.Context, c authz.RecoveryCode, at time.Time) error

	GetAttempts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, of [32]byte) (authz.Attempts, error)
	CountAttempt(ctx context.Context, read, next authz.Attempts) error
	ForgetAttempts(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, of [32]byte) error

	UseOnce(ctx context.Context, issuer authz.IssuerName, id [32]byte, until time.Time) error
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Sessions ends the sessions of people (authz/session).
type Sessions interface {
	EndPerson(ctx context.Context, e authz.PersonEnd) error
}

// Sealer encrypts what is bound to a purpose and a row (authz/secret).
type Sealer interface {
	Seal(purpose, row string, plaintext []byte) ([]byte, error)
	Open(purpose, row string, sealed []byte) ([]byte, error)
}

// Hasher hashes what is too short to be hashed fast (authz/secret).
type Hasher interface {
	HashHuman(ctx context.Context, text authz.Secret) (string, error)
	VerifyHuman(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error)
}

// App speaks with authenticator apps (idp/mfa).
type App interface {
	NewSecret() []byte
	// Match returns the time step whose code it is.
	Match(secret []byte, code string, now time.Time) (step int64, matches bool)
	Text(secret []byte) string
	QR(secret []byte, issuer, account string) ([]byte, error)
}

// Config is what Factors needs; every field but Passkeys is required.
type Config struct {
	Issuer authz.IssuerName
	// Name is what people know the issuer by.
	Name   string
	Store  Store
	Outbox Outbox
	// Sessions end, all but the one it is done in, with a change of what their
	// person has.
	Sessions Sessions
	Sealer   Sealer
	Hasher   Hasher
	App      App
	// Passkeys is nil where there can be none: they need a host with a name.
	Passkeys Passkeys
	Clock    authz.Clock
}

// Factors are one issuer's. It is safe for concurrent use.
type Factors struct{ cfg Config }

// New returns Factors, or says what is missing.
func New(cfg Config) (*Factors, error) {
	if cfg.Issuer == "" || cfg.Name == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Sessions == nil || cfg.Sealer == nil || cfg.Hasher == nil || cfg.App == nil || cfg.Clock == nil {
		return nil, errors.New("factor: every field of Config but Passkeys is required")
	}
	return &Factors{cfg: cfg}, nil
}

// Person is whose factors are meant, and where they are: their session, and the
// browser if they have proven themselves in it before.
type Person struct {
	Session   authz.Session
	AccountID authz.AccountID
	// Browser names one in which this person used a factor before; empty for any
	// other.
	Browser string
	// Counted is a further part of what is counted together, where the person and
	// their browser are not enough. It is kept nowhere.
	Counted string
	// Permit uses up an administrator's code, which lets a session enrol a first
	// factor that stands in for another; nil for none.
	Permit func(ctx context.Context) error
	// Afresh says that they have lost what they had: it counts for nothing, and is
	// forgotten when they have enrolled something else.
	Afresh bool
}

// Proof is what somebody has just proven.
type Proof struct {
	// Method is an authz.FactorKind, or authz.RecoveryMethod.
	Method string
	Factor authz.FactorID
	// AMR are the words for it (RFC 8176 section 2).
	AMR []string
	At  time.Time
	// Whole says that it was more than one factor by itself, and so a sign-in of
	// its own: a passkey whose user was verified.
	Whole bool
	// New says that the factor was made just now, by whoever was there: that is no
	// sign-in, and shows nothing of who had proven themselves before.
	New bool
}

// Then is what a proof is for, in the transaction that uses it up.
type Then func(ctx context.Context, p Proof) error

// Held is what a person has.
type Held struct {
	Factors []authz.Factor
	// Codes are the recovery codes left.
	Codes int64
}

// Usable reports whether there is anything to prove oneself with.
func (h Held) Usable() bool {
	for _, f := range h.Factors {
		if f.State == authz.Active {
			return true
		}
	}
	return h.Codes > 0
}

// Has reports whether there is a usable factor of the kind.
func (h Held) Has(kind authz.FactorKind) bool { return h.first(kind) != nil }

func (h Held) first(kind authz.FactorKind) *authz.Factor {
	for i := range h.Factors {
		if f := &h.Factors[i]; f.Kind == kind && f.State == authz.Active {
			return f
		}
	}
	return nil
}

// Of returns what a person has.
func (f *Factors) Of(ctx context.Context, ws authz.WorkspaceID, user authz.UserID) (Held, error) {
	list, err := f.cfg.Store.ListFactors(ctx, f.cfg.Issuer, ws, user)
	if err != nil {
		return Held{}, err
	}
	codes, err := f.cfg.Store.RecoveryCodesLeft(ctx, f.cfg.Issuer, ws, user)
	return Held{Factors: list, Codes: codes}, err
}
