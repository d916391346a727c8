package session

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Store is what this package needs of the database.
type Store interface {
	InTx(ctx context.Context, fn func(context.Context) error) error
	KillNode(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, ref authz.NodeRef, to authz.State) (bool, error)
	SessionsByUpstream(ctx context.Context, of authz.UpstreamSessions) ([]authz.Session, error)
	SessionsOfPerson(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, user authz.UserID, except authz.SessionID) ([]authz.Session, error)
	GrantsOfSession(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) ([]authz.GrantID, error)
	GetWorkspace(ctx context.Context, issuer authz.IssuerName, id authz.WorkspaceID) (authz.Workspace, error)
	SessionClients(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) ([]authz.SessionClient, error)
	AppendAudit(ctx context.Context, e authz.AuditEntry) error
}

// Outbox takes an event that commits with the context's transaction
// (authz/event).
type Outbox interface {
	Append(ctx context.Context, ws authz.WorkspaceID, typ string, at time.Time, data any) error
}

// Config is what Sessions needs; every field is required.
type Config struct {
	Issuer authz.IssuerName
	Store  Store
	Outbox Outbox
	// Logouts leads to event.LogoutSink and nowhere else.
	Logouts Outbox
	Clock   authz.Clock
}

// Sessions are one issuer's. It is safe for concurrent use.
type Sessions struct{ cfg Config }

// New returns Sessions, or says what is missing.
func New(cfg Config) (*Sessions, error) {
	if cfg.Issuer == "" || cfg.Store == nil || cfg.Outbox == nil || cfg.Logouts == nil || cfg.Clock == nil {
		return nil, errors.New("session: every field of Config is required")
	}
	return &Sessions{cfg: cfg}, nil
}

// Why a session ended: the reason of the audit entry and of the event.
const (
	SignedOut = "signed_out" // its person asked for it
	Replaced  = "replaced"   // somebody else signed in in the same browser
	// UpstreamLogout: the upstream told that it has ended there.
	UpstreamLogout = "upstream_logout"
)

// Revocation is the end of a session.
type Revocation struct {
	Session   authz.Session
	AccountID authz.AccountID
	Reason    string
	// Actor is who ended it; empty for its person.
	Actor string
	// ClientID is the client that asked for it; empty if none did.
	ClientID authz.ClientID
}

// Revoke ends the session, whole or not at all, and returns the clients that
// were granted something in it; none when it had ended before. It joins the
// context's transaction. Refresh tokens end with the session unless
// offline_access was granted.
func (s *Sessions) Revoke(ctx context.Context, r Revocation) (told []authz.SessionClient, err error) {
	err = s.cfg.Store.InTx(ctx, func(ctx context.Context) error {
		ref := authz.NodeRef{Kind: authz.SessionNode, ID: string(r.Session.ID)}
		moved, err := s.cfg.Store.KillNode(ctx, s.cfg.Issuer, r.Session.WorkspaceID, ref, authz.Revoked)
		if told = nil; err != nil || !moved {
			return err
		}
		if told, err = s.cfg.Store.SessionClients(ctx, s.cfg.Issuer, r.Session.WorkspaceID, r.Session.ID); err != nil {
			return err
		}
		return s.record(ctx, r, told)
	})
	return told, err
}

// record writes what the transaction leaves for others to read.
func (s *Sessions) record(ctx context.Context, r Revocation, told []authz.SessionClient) error {
	now, v := s.cfg.Clock.Now(), r.Session
	details, actor := map[string]any{"sub": v.UserID}, r.Actor
	if actor == "" {
		actor = string(v.UserID)
	}
	if r.ClientID != "" {
		details["client_id"] = r.ClientID
	}
	err := s.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
		Issuer: s.cfg.Issuer, WorkspaceID: v.WorkspaceID, AccountID: r.AccountID, Time: now, Type: "session.revoked", Result: authz.Success,
		Reason: r.Reason, Actor: actor, Target: string(v.ID), Details: details,
	}.From(authz.OriginFrom(ctx)))
	if err != nil {
		return err
	}
	err = s.cfg.Outbox.Append(ctx, v.WorkspaceID, "session.revoked", now, map[string]any{"sid": v.ID, "sub": v.UserID, "reason": r.Reason})
	if err != nil {
		return err
	}
	for _, c := range told {
		if c.Metadata.BackchannelLogoutURI == "" {
			continue
		}
		logout := authz.Logout{ClientID: c.ClientID, Subject: c.Subject, SID: v.ID, UserID: v.UserID}
		if err := s.cfg.Logouts.Append(ctx, v.WorkspaceID, "logout", now, logout); err != nil {
			return err
		}
	}
	return nil
}
