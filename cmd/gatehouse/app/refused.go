package app

import (
	"context"
	"errors"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// RefusedUses records, in its workspace, a use of a credential that was refused:
// an act on the team that looks after the resource, where it was for one.
func RefusedUses(name authz.IssuerName, store *storage.Store, clock authz.Clock) func(context.Context, authz.Principal, credential.Use, string) error {
	return func(ctx context.Context, by authz.Principal, use credential.Use, reason string) error {
		ctx, cancel := context.WithTimeout(ctx, auditTime)
		defer cancel()
		entry := authz.AuditEntry{
			Issuer: name, WorkspaceID: by.WorkspaceID, AccountID: by.AccountID, Time: clock.Now(), Type: "credential.refused",
			Result: authz.Refused, Reason: reason, Actor: by.Subject, Target: string(by.KeyID),
			Details: map[string]any{"client_id": by.ClientID, "environment": by.Environment},
		}
		if use.Kind != "" && by.WorkspaceID != "" {
			r, err := store.GetResource(ctx, name, by.WorkspaceID, use.Kind, use.ID)
			if err != nil && !errors.Is(err, authz.ErrNotFound) {
				return err
			}
			if err == nil { // one that is registered: nothing that a stranger made up is kept
				entry.Team = r.TeamID
				entry.Details["resource"] = string(r.Kind) + ":" + r.ID
			}
		}
		return store.AppendAudit(ctx, entry.From(authz.OriginFrom(ctx)))
	}
}
