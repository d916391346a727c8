package federation

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// How long an override lasts.
const (
	DefaultOverride = 24 * time.Hour
	MaxOverride     = 7 * 24 * time.Hour
)

const maxReason = 500

// Override switches a connection over to SAML for a while, by an administrator;
// the end is until, or a day from now when that is zero. It alarms: it is
// somebody's word against the order of things.
func (f *Federation) Override(ctx context.Context, by authz.Principal, c authz.Connection, reason string, until time.Time) (authz.Override, error) {
	now := f.cfg.Clock.Now()
	if until.IsZero() {
		until = now.Add(DefaultOverride)
	}
	reason = strings.TrimSpace(reason)
	switch {
	case !c.Uses(authz.SAMLSide) || !c.Uses(authz.OIDCSide):
		return authz.Override{}, authz.NewError(authz.Conflict, "no_fallback", "The connection has not two sides in use to switch between.")
	case c.Fallback.Mode == "" || c.Fallback.Mode == authz.FallbackNever:
		return authz.Override{}, authz.NewError(authz.Conflict, "fallback_never", "The connection's fallback mode is never.")
	case reason == "" || len(reason) > maxReason:
		return authz.Override{}, authz.NewError(authz.Invalid, "invalid_request", "Say why, in at most 500 bytes (reason).")
	case !until.After(now) || until.Sub(now) > MaxOverride:
		return authz.Override{}, authz.NewError(authz.Invalid, "invalid_request", "An override ends within seven days (until).")
	}
	o := authz.Override{
		Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, ConnectionID: c.ID, Reason: reason, MadeBy: by.Subject, MadeAt: now, Until: until,
	}
	return o, f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		if err := f.cfg.Store.PutOverride(ctx, o); err != nil {
			return err
		}
		return f.tell(ctx, by, c, "connection.fallback_forced", now, map[string]any{"reason": reason, "until": until.UTC().Format(time.RFC3339)})
	})
}

// EndOverride ends an override before its time; nothing happens when there is
// none.
func (f *Federation) EndOverride(ctx context.Context, by authz.Principal, c authz.Connection) error {
	return f.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		dropped, err := f.cfg.Store.DropOverride(ctx, c.Issuer, c.WorkspaceID, c.ID)
		if err != nil || !dropped {
			return err
		}
		return f.tell(ctx, by, c, "connection.fallback_ended", f.cfg.Clock.Now(), nil)
	})
}

// tell records an administrator's act and alarms (P2).
func (f *Federation) tell(ctx context.Context, by authz.Principal, c authz.Connection, typ string, now time.Time, details map[string]any) error {
	err := f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: c.Issuer, WorkspaceID: c.WorkspaceID, Time: now, Type: typ, Result: authz.Success, Actor: by.Subject, Target: string(c.ID), Details: details,
	}.From(authz.OriginFrom(ctx)))
	if err != nil {
		return err
	}
	data := map[string]any{"connection_id": c.ID, "severity": "P2", "by": by.Subject}
	for name, value := range details {
		data[name] = value
	}
	return f.cfg.Outbox.Append(ctx, c.WorkspaceID, typ, now, data)
}
