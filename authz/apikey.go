package authz

import (
	"strings"
	"time"
)

// Resources are the ids a key is restricted to; an empty list restricts nothing.
type Resources struct {
	Clusters    []string `json:"clusters,omitempty"`
	CheckGroups []string `json:"check_groups,omitempty"`
	AlertRoutes []string `json:"alert_routes,omitempty"`
}

// Empty reports whether nothing is restricted.
func (r Resources) Empty() bool {
	return len(r.Clusters) == 0 && len(r.CheckGroups) == 0 && len(r.AlertRoutes) == 0
}

// ResourceKind is a kind of resource that a key can be restricted by.
type ResourceKind string

// The kinds of resources.
const (
	Cluster    ResourceKind = "cluster"
	CheckGroup ResourceKind = "check_group"
	AlertRoute ResourceKind = "alert_route"
)

// Valid reports whether there is such a kind.
func (k ResourceKind) Valid() bool { return k == Cluster || k == CheckGroup || k == AlertRoute }

// ValidResourceID reports whether a text can be the id of a resource: 1 to 128
// letters, digits and ._:-
func ValidResourceID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		return !strings.ContainsRune("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:-", r)
	})
}

// Of lists the ids of a kind.
func (r Resources) Of(kind ResourceKind) []string {
	switch kind {
	case Cluster:
		return r.Clusters
	case CheckGroup:
		return r.CheckGroups
	case AlertRoute:
		return r.AlertRoutes
	}
	return nil
}

// ServiceAccount is a subject that is not a person. It is the client_id and
// sub of its keys and cannot log in.
type ServiceAccount struct {
	ID          ServiceAccountID
	Issuer      IssuerName
	WorkspaceID WorkspaceID // empty for the operator's own
	Name        string
	// OwnerID is the person who answers for it; empty for nobody.
	OwnerID UserID
	// TeamID is the team that looks after it; empty for nobody.
	TeamID TeamID
	// Bounds are what its roles come to; nil as long as it was given none.
	Bounds    *Bounds
	State     State // active, disabled, deleted
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
}

// APIKey is a credential of a service account with a standing
// client_credentials grant.
type APIKey struct {
	ID               KeyID
	Issuer           IssuerName
	WorkspaceID      WorkspaceID // empty for a platform key
	AccountID        AccountID
	ServiceAccountID ServiceAccountID
	Environment      Environment
	Name             string
	// Prefix is what may be shown of the text: "up_live_" and the 16
	// characters of the id.
	Prefix string
	Last4  string
	// Hash is an Argon2id PHC string over the whole text.
	Hash        string
	Scopes      []string
	Resources   Resources
	IPAllowlist []string // CIDR
	Tier        string
	// Bounds are those of the service account as they are now: read with the
	// key's ancestors and kept with the account.
	Bounds *Bounds
	// Delegation is the id of the issuing delegation the key carries, or empty.
	Delegation DelegationID
	State      State // active, grace, disabled, revoked
	Epoch      int64
	// Revision counts the changes of the key, from 1.
	Revision   int64
	CreatedAt  time.Time
	CreatedBy  string    // subject that minted it
	ExpiresAt  time.Time // zero: never
	GraceUntil time.Time // zero unless it was replaced
	// GraceWarned says that its people were told of the end of its grace.
	GraceWarned bool
	RevokedAt   time.Time // zero unless revoked
	PurgeAt     time.Time // when the row goes; zero unless revoked
	// Predecessor is the key this one replaced, Successor the one that replaced
	// it; empty without.
	Predecessor KeyID
	Successor   KeyID
	// HandedTo is the id of the key, or the subject, that was given the text of
	// this one when it replaced another; empty while nobody was, and without one.
	HandedTo string
	// Delivery is where the text of its successor is brought; empty where the
	// successor waits to be claimed.
	Delivery DestinationID
	// RotateEvery is the key's own schedule, in whole seconds, and RotateAt when
	// it is due; zero without one.
	RotateEvery time.Duration
	RotateAt    time.Time
	// LastUsedAt is when the key, or a token of it, was used last; zero for never
	// yet. LastUsedIP is from where, as far as it was told.
	LastUsedAt time.Time
	LastUsedIP string
	// EnabledAt is when it was enabled again; zero unless it was disabled before.
	EnabledAt time.Time
}

// UsableAt reports whether the key itself, its ancestors aside, is valid at now.
func (k APIKey) UsableAt(now time.Time) bool {
	if end := k.EndsAt(); !end.IsZero() && !now.Before(end) {
		return false
	}
	return k.State.Usable()
}

// EndsAt is the moment the key stops by itself; zero for never.
func (k APIKey) EndsAt() time.Time {
	if !k.GraceUntil.IsZero() && (k.ExpiresAt.IsZero() || k.GraceUntil.Before(k.ExpiresAt)) {
		return k.GraceUntil
	}
	return k.ExpiresAt
}

// StatusAt is what the API says of the key at now: active, grace, disabled,
// revoked or expired.
func (k APIKey) StatusAt(now time.Time) string {
	if end := k.EndsAt(); k.State.Usable() && !end.IsZero() && !now.Before(end) {
		return StatusExpired
	}
	return string(k.State)
}

// StatusExpired is the status of a key whose time is over.
const StatusExpired = "expired"

// KeyUse is the last use of a key that is known.
type KeyUse struct {
	KeyID KeyID
	At    time.Time
	IP    string // empty where it was not told
	// Callers are the addresses it was used from, or some of many.
	Callers []KeyCaller
}

// KeyCaller is an address that a key is used from.
type KeyCaller struct {
	IP              string
	FirstAt, LastAt time.Time
}

// KeyFilter says which keys of a list are meant. What is empty is not asked for.
type KeyFilter struct {
	// Now is the moment that statuses are told at.
	Now              time.Time
	Status           string // as APIKey.StatusAt tells it
	Environment      Environment
	ServiceAccountID ServiceAccountID
	// Text is part of a name, whatever the case of its ASCII letters, or a whole id,
	// prefix or last4.
	Text string
	// UnusedSince finds keys not used, made or enabled after the moment.
	UnusedSince time.Time
}

// KeyClaim is the text of a key that replaced another, for whoever is to have it:
// sealed, and kept no longer than it takes.
type KeyClaim struct {
	KeyID       KeyID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Predecessor KeyID
	// Sealed is the text, encrypted with a key from outside the database.
	Sealed []byte
	// ClaimedBy is the id of the key or subject that was given the text, and for
	// a few minutes is given it again; empty while it waits.
	ClaimedBy string
	ClaimedAt time.Time
	ExpiresAt time.Time
}

// KeyPolicy is what a workspace asks of all its keys.
type KeyPolicy struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// EnforceRotation rotates every key at the interval the issuer lets workspaces
	// enforce, whatever its own schedule says.
	EnforceRotation bool
	// UnusedAfter disables a key that was not used for as long, in whole seconds;
	// zero disables none.
	UnusedAfter time.Duration
	// Revision counts the changes, from 1; zero where nothing was ever decided.
	Revision  int64
	UpdatedAt time.Time
}

// Delegation lets a key mint other keys with no person present. It never
// allows more than its maker could.
type Delegation struct {
	ID     DelegationID
	Issuer IssuerName
	// Workspaces it reaches; empty means every workspace of the issuer, which
	// only a platform key may carry.
	Workspaces []WorkspaceID
	// Scopes it may hand out; "*" only on the operator's bootstrap delegation.
	Scopes    []string
	MadeBy    string
	CreatedAt time.Time
	ExpiresAt time.Time // zero: the life of the process (demo only)
}
