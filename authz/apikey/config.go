package apikey

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ScopeManageKeys is the scope that lists, reads, narrows, disables and revokes
// keys.
const ScopeManageKeys = "manage:keys"

// Store keeps keys and what they hang on. Its methods join the transaction of
// their context; ErrNotFound and ErrConflict are told by errors.Is.
type Store interface {
	InTx(ctx context.Context, fn func(ctx context.Context) error) error
	Lineage(ctx context.Context, refs []authz.NodeRef) (authz.Lineage, error)
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)

	GetResource(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, id string) (authz.Resource, error)
	ListResources(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.ResourceKind, page authz.Page) ([]authz.Resource, error)

	CreateServiceAccount(ctx context.Context, a authz.ServiceAccount) error
	GetServiceAccount(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.ServiceAccountID) (authz.ServiceAccount, error)
	CreateDelegation(ctx context.Context, d authz.Delegation) error
	GetDelegation(ctx context.Context, issuer authz.IssuerName, id authz.DelegationID) (authz.Delegation, error)

	CreateAPIKey(ctx context.Context, k authz.APIKey) error
	GetAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error)
	HoldAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) (authz.APIKey, error)
	GetAPIKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.KeyID) (authz.APIKey, authz.Lineage, error)
	ListAPIKeys(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, f authz.KeyFilter, page authz.Page) ([]authz.APIKey, error)
	UpdateAPIKey(ctx context.Context, k authz.APIKey) error
	SetKeyDelegation(ctx context.Context, k authz.APIKey) error
	RevokeAPIKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, at, purgeAt time.Time) (moved bool, err error)
	UpdateAPIKeyHash(ctx context.Context, issuer authz.IssuerName, id authz.KeyID, old, hash string) (bool, error)
	PurgeEndedAPIKeysAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) (int64, error)
	PurgeAPIKeysAcrossWorkspaces(ctx context.Context, now time.Time, limit int) (int64, error)

	CreateImportedKey(ctx context.Context, k authz.ImportedKey) error
	FindImportedKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, lookups []string) (authz.ImportedKey, error)
	TagImportedKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, tag []byte) error

	CreateKeyClaim(ctx context.Context, c authz.KeyClaim) error
	GetKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (authz.KeyClaim, error)
	ClaimKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, by string, at, until time.Time) (moved bool, err error)
	MoveKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, until time.Time) error
	DropKeyClaim(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) error

	GetKeyPolicy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID) (authz.KeyPolicy, error)
	PutKeyPolicy(ctx context.Context, p authz.KeyPolicy) error
	UnusedKeyPoliciesAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, after authz.WorkspaceID, limit int) ([]authz.KeyPolicy, error)
	NoteAPIKeyUses(ctx context.Context, issuer authz.IssuerName, uses []authz.KeyUse) error
	KeyReach(ctx context.Context, k authz.APIKey, now, since time.Time) (authz.KeyReach, error)
	LastAudit(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, target, typ string) (authz.AuditEntry, error)
	ListKeyCallers(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID) ([]authz.KeyCaller, error)
	KeysEndingAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, end time.Time, limit int) ([]authz.APIKey, error)
	WarnOfKey(ctx context.Context, k authz.APIKey) (moved bool, err error)
	KeysDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.APIKey, error)
	KeysOlderAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, made time.Time, limit int) ([]authz.APIKey, error)
	KeysEnforcedAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now, made time.Time, limit int) ([]authz.APIKey, error)

	RecordKeyLeak(ctx context.Context, l authz.KeyLeak, toldBefore time.Time) (stands authz.KeyLeak, tell bool, err error)
	ListKeyLeaksDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.KeyLeak, error)
	ClearFuse(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, now time.Time) (moved bool, err error)

	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Hasher hashes what we generated with Argon2id (authz/secret).
type Hasher interface {
	HashMachine(ctx context.Context, text authz.Secret) (string, error)
	VerifyMachine(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error)
	// Foreign is what is stored for the digest that another system made.
	Foreign(kind, value, keyID string) (stored string, err error)
}

// Outbox takes an event that commits with the context's transaction (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Deliveries bring the texts of successors to where keys say (authz/delivery).
type Deliveries interface {
	// Exists checks that a workspace has the destination; ErrNotFound.
	Exists(ctx context.Context, ws authz.WorkspaceID, id authz.DestinationID) error
	// Enqueue stores the text, encrypted, in the context's transaction.
	Enqueue(ctx context.Context, old, next authz.APIKey, text authz.Secret, now time.Time) error
}

// Limiter bounds how often something is done (authz/ratelimit).
type Limiter interface {
	// Allow counts one act of the key; RateLimited when it is one too many.
	Allow(key string) error
}

// Config is what Keys needs. Everything is required but RotateAll,
// Enforceable, Tiers, Deliveries, Creations and Logger.
type Config struct {
	Issuer authz.IssuerName
	// Prefix is the issuer's mark: "up" makes "up_live_…".
	Prefix string
	// Scopes returns the issuer's scopes as they stand.
	Scopes func(context.Context) (*authz.Scopes, error)
	// Quarantine is how long a revoked or expired key stays before it is purged.
	Quarantine time.Duration
	// Grace is how long a replaced key stays valid.
	Grace time.Duration
	// RotateAll is the age at which every key is replaced; zero for none.
	// Enforceable is the age at which those of a workspace are that enforces it;
	// zero lets no workspace do so.
	RotateAll   time.Duration
	Enforceable time.Duration
	// DefaultTier is the rate tier of keys that name none. Tiers are the
	// others an operator may name.
	DefaultTier string
	Tiers       []string
	// Layouts are those of keys that were imported.
	Layouts []Layout
	// Leaks is what happens to leaked keys; of an environment that is not
	// named, its people are told.
	Leaks  map[authz.Environment]LeakPolicy
	Store  Store
	Outbox Outbox
	Hasher Hasher
	Sealer Sealer
	// Deliveries is nil where texts are only ever claimed.
	Deliveries Deliveries
	// Creations bounds how often keys are made in one workspace; nil bounds nothing.
	Creations Limiter
	// TagKeys are at least one, of 32 bytes or more. The first makes tags;
	// all are accepted.
	TagKeys [][]byte
	Clock   authz.Clock
	// Logger hears of a hash that could not be renewed; nil for silence.
	Logger *slog.Logger
}

// Keys are the API keys of one issuer. They are safe for use by many goroutines.
type Keys struct {
	cfg      Config
	failures *failures // wrong secrets
	refusals *failures // refusals worth an audit entry
	guesses  guesses
	uses     *uses
}

// New returns the keys of an issuer, or says what its configuration lacks.
func New(cfg Config) (*Keys, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("apikey: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Keys{cfg: cfg, failures: newFailures(), refusals: newFailures(), uses: newUses()}, nil
}

func (c Config) check() error {
	switch {
	case c.Issuer == "":
		return errors.New("the issuer is required")
	case !validBrand(c.Prefix):
		return errors.New("the prefix must be 2 to 8 lower-case letters and digits, a letter first")
	case c.Quarantine <= 0 || c.Grace <= 0:
		return errors.New("quarantine and grace must be longer than zero")
	case c.RotateAll != 0 && c.RotateAll <= c.Grace || c.Enforceable != 0 && c.Enforceable <= c.Grace:
		return errors.New("keys must not be replaced again within their grace")
	case c.DefaultTier == "":
		return errors.New("the default tier is required")
	case c.Scopes == nil || c.Store == nil || c.Outbox == nil || c.Hasher == nil || c.Sealer == nil || c.Clock == nil:
		return errors.New("scopes, store, outbox, hasher, sealer and clock are required")
	case len(c.TagKeys) == 0 || slices.ContainsFunc(c.TagKeys, func(k []byte) bool { return len(k) < 32 }):
		return errors.New("tag keys of at least 32 bytes are required")
	}
	return nil
}
