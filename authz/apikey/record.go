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
	typeUpdated  = "api_key.updated"
	typeDisabled = "api_key.disabled"
	typeEnabled  = "api_key.enabled"
	typeRevoked  = "api_key.revoked"
	typeLeaked   = "api_key.leaked"
	typeRefused  = "api_key.refused" // audit only
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
	Actor            string                 `json:"actor"`
	// Changed names the members that a change touched, ScopesBefore are the scopes
	// it took away or added to. An event is short: the audit entry says it all.
	Changed      []string `json:"changed,omitempty"`
	ScopesBefore []string `json:"scopes_before,omitempty"`
}

// record writes the audit entry and the event of an act on a key. It belongs
// into the act's transaction.
func (k *Keys) record(ctx context.Context, by authz.Principal, from authz.Origin, typ string, now time.Time, key authz.APIKey) error {
	return k.recordChange(ctx, by, from, typ, now, key, key)
}

// recordChange is record for an act that makes after of before.
func (k *Keys) recordChange(ctx context.Context, by authz.Principal, from authz.Origin, typ string, now time.Time, before, key authz.APIKey) error {
	entry := k.entry(key, from, typ, now)
	entry.Result, entry.Actor = authz.Success, by.Subject
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
	if key.Delegation != "" {
		details["delegation_id"] = string(key.Delegation)
	}
	return authz.AuditEntry{
		Issuer: k.cfg.Issuer, WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Time: now,
		Type: typ, Target: string(key.ID), Details: details,
	}.From(from)
}

// shown is the key as it leaves the package: its hash is nobody else's affair.
func shown(key authz.APIKey) authz.APIKey {
	key.Hash = ""
	return key
}
