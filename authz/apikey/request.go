package apikey

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Bounds of a Request.
const (
	maxName      = 100 // characters
	maxScopes    = 64
	maxResources = 100 // ids of one kind
	maxID        = 128 // bytes
	maxAllowlist = 64
)

// Request is what someone asks of a new key.
type Request struct {
	Name        string
	WorkspaceID authz.WorkspaceID
	Environment authz.Environment
	// Scopes are named one by one; there are no wildcards.
	Scopes []string
	// ServiceAccountID is the subject the key speaks for; empty makes one.
	ServiceAccountID authz.ServiceAccountID
	Resources        authz.Resources
	// IPAllowlist holds CIDR blocks; empty allows every address.
	IPAllowlist []string
	// ExpiresAt is zero for never.
	ExpiresAt time.Time
	// Tier is a rate tier; empty means the workspace's. Only the operator may
	// name another.
	Tier string
	// RotateEvery is how often the key is replaced; zero for no schedule of its own.
	RotateEvery time.Duration
	// Delivery is where the texts of its successors are brought; empty where they
	// wait to be claimed.
	Delivery authz.DestinationID
	// Delegation lets the new key mint others of its workspace: its Scopes
	// and ExpiresAt are read, Workspaces may be left empty. Only the operator
	// may give one.
	Delegation *authz.Delegation
}

// invalid says which member of a request is at fault. It never quotes it.
func invalid(member, fault string) error {
	return authz.NewError(authz.Invalid, "invalid_request", member+": "+fault)
}

// Faults that requests and changes share.
var (
	errBlocks = invalid("ip_allowlist", "must be at most 64 CIDR blocks, such as 192.0.2.0/24 or 2001:db8::/32")
	errExpiry = invalid("expires_at", "must lie in the future")
	errTier   = invalid("tier", "is not a tier of this issuer")
)

func (k *Keys) validTier(tier string) bool {
	return tier == k.cfg.DefaultTier || slices.Contains(k.cfg.Tiers, tier)
}

// normal checks a request for what is wrong with it whoever asks, and returns
// it as it will be kept.
func (k *Keys) normal(ctx context.Context, r Request, now time.Time) (Request, error) {
	r.Name = strings.TrimSpace(r.Name)
	if !validName(r.Name) {
		return r, invalid("name", "must be 1 to 100 printable characters")
	}
	if r.WorkspaceID == "" || len(r.WorkspaceID) > maxID {
		return r, invalid("workspace_id", "is required")
	}
	if r.Environment != authz.Live && r.Environment != authz.Test {
		return r, invalid("environment", `must be "live" or "test"`)
	}
	known, err := k.cfg.Scopes(ctx)
	if err != nil {
		return r, err
	}
	r.Scopes = known.Canonical(r.Scopes)
	if err := validScopes(known, "scopes", r.Scopes); err != nil {
		return r, err
	}
	if d := r.Delegation; d != nil {
		given := *d
		given.Scopes = known.Canonical(d.Scopes)
		r.Delegation = &given
	}
	if len(r.ServiceAccountID) > maxID {
		return r, invalid("service_account_id", "is not the id of a service account")
	}
	if err := validResources(r.Resources); err != nil {
		return r, err
	}
	var ok bool
	if r.IPAllowlist, ok = blocks(r.IPAllowlist); !ok {
		return r, errBlocks
	}
	if r.ExpiresAt = whole(r.ExpiresAt); !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(now) {
		return r, errExpiry
	}
	if r.Tier != "" && !k.validTier(r.Tier) {
		return r, errTier
	}
	if err := k.validInterval(r.RotateEvery); err != nil {
		return r, err
	}
	return r, validDelegation(known, r, now)
}

// whole is t as both databases keep it.
func whole(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Microsecond)
}

func validName(s string) bool {
	if s == "" || len(s) > maxName*utf8.UTFMax || !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxName {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

func validResources(r authz.Resources) error {
	const fault = "must be at most 100 ids of letters, digits and ._:-"
	switch {
	case !validIDs(r.Clusters):
		return invalid("resources.clusters", fault)
	case !validIDs(r.CheckGroups):
		return invalid("resources.check_groups", fault)
	case !validIDs(r.AlertRoutes):
		return invalid("resources.alert_routes", fault)
	}
	return nil
}

func validIDs(ids []string) bool {
	return len(ids) <= maxResources && !slices.ContainsFunc(ids, func(id string) bool { return !authz.ValidResourceID(id) })
}

// blocks returns the allow-list in canonical form. IPv4 inside IPv6 is refused:
// whether such a block holds an IPv4 client is a question better not asked.
func blocks(list []string) ([]string, bool) {
	if len(list) > maxAllowlist {
		return nil, false
	}
	canonical := make([]string, 0, len(list))
	for _, text := range list {
		block, err := netip.ParsePrefix(text)
		if err != nil || block.Addr().Is4In6() {
			return nil, false
		}
		canonical = append(canonical, block.Masked().String())
	}
	return canonical, true
}
