package oauth

import (
	"context"
	"errors"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// exchangeEntry tells who exchanged what: ids, never tokens.
func (s *Server) exchangeEntry(ctx context.Context, u *unit, sub subject, in Request) authz.AuditEntry {
	entry := s.entry(ctx, sub.grant, "token.exchanged", authz.Success)
	entry.Details["scope"] = joinScopes(u.newAccess.Scopes)
	entry.Details["audience"] = u.newAccess.Audience
	decided(&entry, u.decision)
	entry.Details["subject_token_type"] = in.Form.Get("subject_token_type")
	for name, value := range map[string]string{
		"parent_grant": string(sub.grant.ParentID), "subject_client": string(sub.client), "key_id": string(sub.grant.KeyID),
		"act": sub.actor, "workload": sub.workload, "upstream_sub": sub.upstream,
	} {
		if value != "" {
			entry.Details[name] = value
		}
	}
	return entry
}

// refusedExchange makes an audit entry of a refusal and returns it.
func (s *Server) refusedExchange(ctx context.Context, u *unit, in Request, why error) error {
	if kind := authz.KindOf(why); kind == authz.Internal || kind == authz.Unavailable {
		return why
	}
	entry := authz.AuditEntry{
		Issuer: s.settings.Name, WorkspaceID: u.client.workspace(), AccountID: u.client.accountID, Time: s.clock.Now(),
		Type: "token.refused", Result: authz.Refused, Reason: authz.CodeOf(why), Actor: u.client.id,
		Details: map[string]any{"grant_type": authz.GrantTokenExchange},
	}.From(authz.OriginFrom(ctx))
	if r, ok := errors.AsType[refusal](why); ok {
		entry.Details["why"] = string(r)
	}
	if kind := in.Form.Get("subject_token_type"); slices.Contains([]string{TypeAccessToken, TypeAPIKey, TypeJWT}, kind) {
		entry.Details["subject_token_type"] = kind
	}
	decided(&entry, u.decision)
	err := s.store.InTx(ctx, func(ctx context.Context) error {
		if err := s.recordDecision(ctx, u.decision); err != nil {
			return err
		}
		return s.store.AppendAudit(ctx, entry)
	})
	if err != nil {
		return unavailable(err)
	}
	return why
}
