package apikey

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Types of audit entries and events. They are stable.
const (
	typeCreated  = "api_key.created"
	typeImported = "api_key.imported"
	typeUpdated  = "api_key.updated"
	typeDisabled = "api_key.disabled"
	typeEnabled  = "api_key.enabled"
	typeRotated  = "api_key.rotated"
	typeClaimed  = "api_key.claimed"
	typeRevoked  = "api_key.revoked"
	typeEnding   = "api_key.grace_ending"
	typeLeaked   = "api_key.leaked"
	typeRefused  = "api_key.refused" // audit only
	typeGuessed  = "api_key.guessed"
)

// Severities of events that somebody should look at: a key that was revoked, or
// is known to have leaked, is one that somebody else may have.
const (
	severityLeak  = "P1"
	severityGuess = "P2"
)

// told is what an event says of a key. It holds nothing that opens anything.
type told struct {
	KeyID            authz.KeyID            `json:"key_id"`
	Prefix           string                 `json:"prefix"`
	Last4            string                 `json:"last4"`
	Name             string                 `json:"name"`
	Environment      authz.Environment      `json:"environment"`
	AccountID        authz.AccountID        `json:"account_id,omitempty"`
	ServiceAccountID authz.ServiceAccountID `json:"service_account_id"`
	Scopes           []string               `json:"scopes"`
	Status           string                 `json:"status"`
	Severity         string                 `json:"severity,omitempty"`
	Actor            string                 `json:"actor"`
	// Changed names the members that a change touched, ScopesBefore are the scopes
	// it took away or added to. An event is short: the audit entry says it all.
	Changed      []string `json:"changed,omitempty"`
	ScopesBefore []string `json:"scopes_before,omitempty"`
	// PredecessorID is the key this one replaced, SuccessorID the one that replaces
	// it, GraceUntil when it stops, and Reason why, where nobody asked for it.
	PredecessorID authz.KeyID `json:"predecessor_id,omitempty"`
	SuccessorID   authz.KeyID `json:"successor_id,omitempty"`
	GraceUntil    string      `json:"grace_until,omitempty"`
	Reason        string      `json:"reason,omitempty"`
}

// record writes the audit entry and the event of an act on a key. It belongs
// into the act's transaction.
func (k *Keys) record(ctx context.Context, by authz.Principal, from authz.Origin, typ string, now time.Time, key authz.APIKey) error {
	return k.recordFor(ctx, act{by: by, from: from, typ: typ, now: now}, key, key)
}

// recordRotation is record for a key that was replaced.
func (k *Keys) recordRotation(ctx context.Context, p plan, old authz.APIKey) error {
	a := act{by: p.by, from: p.from, typ: typeRotated, now: p.now, reason: p.reason}
	return k.recordFor(ctx, a, p.old, old)
}

// act is what was done, by whom, and why where nobody asked for it.
type act struct {
	by     authz.Principal
	from   authz.Origin
	typ    string
	now    time.Time
	reason string
	// details are further ones of the audit entry.
	details map[string]any
}

// recordFor is record for an act that makes one key of another.
func (k *Keys) recordFor(ctx context.Context, a act, before, key authz.APIKey) error {
	by, typ, now := a.by, a.typ, a.now
	entry := k.entry(key, a.from, typ, now)
	entry.Result, entry.Actor, entry.Reason = authz.Success, by.Subject, a.reason
	maps.Copy(entry.Details, a.details)
	was, is := difference(before, key)
	if len(is) > 0 {
		entry.Details["before"], entry.Details["after"] = was, is
	}
	if by.KeyID != "" {
		entry.Details["actor_key_id"] = string(by.KeyID)
	}
	if err := k.cfg.Store.AppendAudit(ctx, entry); err != nil {
		return fmt.Errorf("auditing %s: %w", typ, err)
	}
	event := toldOf(key, by.Subject, now)
	event.Changed = slices.Sorted(maps.Keys(is))
	event.PredecessorID, event.SuccessorID, event.GraceUntil, event.Reason = key.Predecessor, key.Successor, moment(key.GraceUntil), a.reason
	if typ == typeRevoked {
		event.Severity = severityLeak
	}
	if _, touched := is["scopes"]; touched {
		event.ScopesBefore = before.Scopes
	}
	if err := k.cfg.Outbox.Append(ctx, key.WorkspaceID, typ, now, event); err != nil {
		return fmt.Errorf("telling of %s: %w", typ, err)
	}
	return nil
}

func toldOf(key authz.APIKey, actor string, now time.Time) told {
	return told{
		KeyID: key.ID, Prefix: key.Prefix, Last4: key.Last4, Name: key.Name, Environment: key.Environment,
		AccountID: key.AccountID, ServiceAccountID: key.ServiceAccountID, Scopes: key.Scopes,
		Status: key.StatusAt(now), Actor: actor,
	}
}

func (k *Keys) entry(key authz.APIKey, from authz.Origin, typ string, now time.Time) authz.AuditEntry {
	details := map[string]any{
		"prefix": key.Prefix, "environment": string(key.Environment), "scopes": key.Scopes,
		"service_account_id": string(key.ServiceAccountID),
	}
	if key.Successor != "" {
		details["successor_id"] = string(key.Successor)
	}
	if key.Predecessor != "" {
		details["predecessor_id"] = string(key.Predecessor)
	}
	if key.Delegation != "" {
		details["delegation_id"] = string(key.Delegation)
	}
	return authz.AuditEntry{
		Issuer: k.cfg.Issuer, WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Time: now,
		Type: typ, Target: string(key.ID), Details: details,
	}.From(from)
}

// shown is the key as it leaves the package: its hash is nobody else's affair,
// and when it is replaced is not up to its own schedule alone.
func (k *Keys) shown(key authz.APIKey, p authz.KeyPolicy) authz.APIKey {
	key.Hash = ""
	key.RotateAt = k.dueAt(key, p.EnforceRotation)
	if key.StatusAt(k.cfg.Clock.Now()) == authz.StatusExpired {
		key.PurgeAt = key.EndsAt().Add(k.cfg.Quarantine)
	}
	return key
}
