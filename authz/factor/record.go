package factor

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// record writes an audit entry about a person's factor.
func (f *Factors) record(ctx context.Context, of Person, typ string, result authz.Result, reason, target string, details map[string]any) error {
	return f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: f.cfg.Issuer, WorkspaceID: of.Session.WorkspaceID, AccountID: of.AccountID, Time: f.cfg.Clock.Now(), Type: typ, Result: result,
		Reason: reason, Actor: string(of.Session.UserID), Target: target, Details: details,
	}.From(authz.OriginFrom(ctx)))
}

// tell is record and an event: a change that the person, or their
// administrator, may want to know was not theirs.
func (f *Factors) tell(ctx context.Context, of Person, typ, severity, target string, details map[string]any) error {
	if err := f.record(ctx, of, typ, authz.Success, "", target, details); err != nil {
		return err
	}
	data := map[string]any{"sub": of.Session.UserID, "sid": of.Session.ID, "severity": severity}
	for name, value := range details {
		data[name] = value
	}
	return f.cfg.Outbox.Append(ctx, of.Session.WorkspaceID, typ, f.cfg.Clock.Now(), data)
}

// refused records that a proof was not accepted, and returns what to say.
func (f *Factors) refused(ctx context.Context, of Person, method, reason string, told error) error {
	err := f.record(ctx, of, "factor.refused", authz.Refused, reason, string(of.Session.ID), map[string]any{"method": method, "known_browser": of.Browser != ""})
	if err != nil {
		return err
	}
	return told
}

// used records an accepted proof.
func (f *Factors) used(ctx context.Context, of Person, p Proof) error {
	return f.record(ctx, of, "factor.used", authz.Success, "", string(of.Session.ID), map[string]any{"method": p.Method, "factor_id": p.Factor})
}

// endOthers ends the person's other sessions (OWASP ASVS 5.0, 7.4.3): one that
// was stepped up by what is no longer theirs must not outlive it.
func (f *Factors) endOthers(ctx context.Context, of Person, reason string) error {
	s := of.Session
	return f.cfg.Sessions.EndPerson(ctx, authz.PersonEnd{WorkspaceID: s.WorkspaceID, UserID: s.UserID, Except: s.ID, Reason: reason})
}
