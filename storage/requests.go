package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type authorizationRequestRow struct {
	ID               string
	Issuer           authz.IssuerName
	BrowserDigest    digest
	ClientID         authz.ClientID
	Parameters       string
	PushedDigest     digest
	ArrivedAt        time.Time
	ExpiresAt        time.Time
	State            authz.State
	ConnectionID     authz.ConnectionID
	StateDigest      digest
	SpentStateDigest digest
	Upstream         []byte
	SessionID        authz.SessionID
	DeviceDigest     digest
}

const authorizationRequestColumns = `id, issuer, browser_digest, client_id, parameters, pushed_digest, arrived_at, expires_at, state, connection_id, state_digest, spent_state_digest, upstream, session_id, device_digest`

// columns are where those columns go.
func (r *authorizationRequestRow) columns() []any {
	return []any{&r.ID, &r.Issuer, &r.BrowserDigest, &r.ClientID, &r.Parameters, &r.PushedDigest, &r.ArrivedAt, &r.ExpiresAt, &r.State, &r.ConnectionID, &r.StateDigest, &r.SpentStateDigest, &r.Upstream, &r.SessionID, &r.DeviceDigest}
}

// TableName is the row's table.
func (authorizationRequestRow) TableName() string { return "authorization_requests" }

func (r authorizationRequestRow) request() authz.AuthorizationRequest {
	request := authz.AuthorizationRequest{
		ID: r.ID, Issuer: r.Issuer, BrowserDigest: r.BrowserDigest, ClientID: r.ClientID, Parameters: r.Parameters,
		ArrivedAt: r.ArrivedAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), State: r.State, ConnectionID: r.ConnectionID,
		StateDigest: r.StateDigest, Upstream: r.Upstream, SessionID: r.SessionID, Device: r.DeviceDigest,
	}
	if r.PushedDigest != (digest{}) {
		request.Pushed = (*[32]byte)(&r.PushedDigest)
	}
	return request
}

// CreateAuthorizationRequest stores a new request; ErrConflict when its id is taken.
func (s *Store) CreateAuthorizationRequest(ctx context.Context, v authz.AuthorizationRequest) error {
	row := authorizationRequestRow{
		ID: v.ID, Issuer: v.Issuer, BrowserDigest: v.BrowserDigest, ClientID: v.ClientID, Parameters: v.Parameters,
		ArrivedAt: utc(v.ArrivedAt), ExpiresAt: utc(v.ExpiresAt), State: v.State, ConnectionID: v.ConnectionID,
		StateDigest: v.StateDigest, Upstream: v.Upstream, SessionID: v.SessionID, DeviceDigest: v.Device,
	}
	if v.Pushed != nil {
		row.PushedDigest = *v.Pushed
	}
	err := s.writer(ctx).Create(&row).Error
	return failure(ctx, "creating an authorization request", err)
}

// GetAuthorizationRequest returns a request, used or expired ones too, or ErrNotFound.
func (s *Store) GetAuthorizationRequest(ctx context.Context, issuer authz.IssuerName, id string) (authz.AuthorizationRequest, error) {
	var r authorizationRequestRow
	if err := s.queryRow(ctx, getAuthorizationRequest, id, issuer).Scan(r.columns()...); err != nil {
		return authz.AuthorizationRequest{}, failure(ctx, "reading an authorization request", err)
	}
	return r.request(), nil
}

// In what follows a state has an empty text appended, so that those that wait are
// not read through for one whose id is known (see lineage.go).

// BeginUpstream remembers the leg to an upstream that begins now and forgets
// one begun before; the request lasts until then at least. ErrConsumed when the request is not active, ErrConflict
// when the state is another's.
func (s *Store) BeginUpstream(ctx context.Context, issuer authz.IssuerName, id string, connection authz.ConnectionID, stateDigest [32]byte, sealed []byte, until time.Time) error {
	done := s.writer(ctx).Model(&authorizationRequestRow{}).Where("id = ? AND issuer = ? AND state || '' = 'active'", id, issuer).
		UpdateColumns(map[string]any{"connection_id": connection, "state_digest": digest(stateDigest), "upstream": sealed,
			"expires_at": gorm.Expr("CASE WHEN expires_at < ? THEN ? ELSE expires_at END", utc(until), utc(until))})
	return changed(ctx, "beginning an upstream leg", done, authz.ErrConsumed)
}

const getAuthorizationRequest = `SELECT ` + authorizationRequestColumns + ` FROM authorization_requests WHERE id = ? AND issuer = ?`

const consumeUpstreamState = `UPDATE authorization_requests SET spent_state_digest = state_digest, state_digest = NULL
	WHERE state_digest = ? AND issuer = ? AND connection_id = ? AND state || '' = 'active' RETURNING ` + authorizationRequestColumns

const stateWasKnown = `SELECT count(*) FROM authorization_requests
	WHERE (spent_state_digest = ? OR state_digest = ?) AND issuer = ? AND connection_id = ?`

// ConsumeUpstreamState returns the active request that an upstream's answer
// belongs to. The state is good once, and at the connection it was made for:
// ErrConsumed when it was used before, ErrNotFound when it never was.
func (s *Store) ConsumeUpstreamState(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, stateDigest [32]byte) (authz.AuthorizationRequest, error) {
	const doing = "consuming an upstream state"
	var request authz.AuthorizationRequest
	var outcome error
	consume := func(ctx context.Context) error {
		var r authorizationRequestRow
		err := s.queryRow(ctx, consumeUpstreamState, digest(stateDigest), issuer, connection).Scan(r.columns()...)
		if err == nil {
			request, outcome = r.request(), nil
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return failure(ctx, doing, err)
		}
		outcome, err = s.knewState(ctx, issuer, connection, stateDigest)
		return failure(ctx, doing, err)
	}
	inTx := s.InTx
	if s.driver == Postgres { // one statement is its own transaction there
		inTx = func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }
	}
	err := inTx(ctx, consume)
	if err == nil && outcome != nil {
		err = fmt.Errorf("%s: %w", doing, outcome)
	}
	return request, err
}

// knewState says why a state is not good: ErrConsumed for one that was, else
// ErrNotFound.
func (s *Store) knewState(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, stateDigest [32]byte) (outcome, err error) {
	var known int64
	err = s.queryRow(ctx, stateWasKnown, digest(stateDigest), digest(stateDigest), issuer, connection).Scan(&known)
	if known == 0 {
		return authz.ErrNotFound, err
	}
	return authz.ErrConsumed, err
}

// SetRequestSession remembers the session a request signed in; ErrConsumed
// when the request is not active.
func (s *Store) SetRequestSession(ctx context.Context, issuer authz.IssuerName, id string, session authz.SessionID) error {
	done := s.writer(ctx).Model(&authorizationRequestRow{}).Where("id = ? AND issuer = ? AND state || '' = 'active'", id, issuer).
		UpdateColumns(map[string]any{"session_id": session})
	return changed(ctx, "signing in a request", done, authz.ErrConsumed)
}

const consumeAuthorizationRequest = `UPDATE authorization_requests SET state = 'used' WHERE id = ? AND issuer = ? AND state || '' = 'active'`

// ConsumeAuthorizationRequest takes an active request to "used". Of many who
// try, one succeeds; ErrConsumed is for the others.
func (s *Store) ConsumeAuthorizationRequest(ctx context.Context, issuer authz.IssuerName, id string) error {
	return s.later(ctx, "consuming an authorization request", authz.ErrConsumed, step{consumeAuthorizationRequest, []any{id, issuer}})
}
