package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type userRow struct {
	ID        authz.UserID
	Issuer    authz.IssuerName
	Profile   text[authz.Profile]
	State     authz.State
	Epoch     int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// TableName is the row's table.
func (userRow) TableName() string { return "users" }

func (r userRow) user() authz.User {
	return authz.User{
		ID: r.ID, Issuer: r.Issuer, Profile: r.Profile.V, State: r.State, Epoch: r.Epoch,
		CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

type upstreamIdentityRow struct {
	Issuer       authz.IssuerName
	ConnectionID authz.ConnectionID
	Side         authz.Side
	Subject      string
	UserID       authz.UserID
	CreatedAt    time.Time
	LastLoginAt  time.Time
}

// TableName is the row's table.
func (upstreamIdentityRow) TableName() string { return "upstream_identities" }

// CreateUser stores a new person and what their connection calls them;
// ErrConflict when the connection's subject is somebody already.
func (s *Store) CreateUser(ctx context.Context, u authz.User, identity authz.UpstreamIdentity) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := s.writer(ctx).Create(&userRow{
			ID: u.ID, Issuer: u.Issuer, Profile: asText(u.Profile), State: u.State, Epoch: u.Epoch,
			CreatedAt: utc(u.CreatedAt), UpdatedAt: utc(u.UpdatedAt),
		}).Error
		if err != nil {
			return failure(ctx, "creating a user", err)
		}
		err = s.writer(ctx).Create(&upstreamIdentityRow{
			Issuer: identity.Issuer, ConnectionID: identity.ConnectionID, Side: identity.Side, Subject: identity.Subject, UserID: identity.UserID,
			CreatedAt: utc(identity.CreatedAt), LastLoginAt: utc(identity.LastLoginAt),
		}).Error
		return failure(ctx, "creating an upstream identity", err)
	})
}

// GetUserAcrossWorkspaces returns a person in any state, or ErrNotFound.
func (s *Store) GetUserAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.UserID) (authz.User, error) {
	var r userRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.User{}, failure(ctx, "reading a user", err)
	}
	return r.user(), nil
}

const memberByUpstream = `SELECT u.id, u.issuer, u.profile, u.state, u.epoch, u.created_at, u.updated_at, m.user_id
	FROM upstream_identities i
	JOIN users u ON u.id = i.user_id AND u.issuer = i.issuer
	LEFT JOIN members m ON m.issuer = i.issuer AND m.workspace_id = ? AND m.user_id = i.user_id
	WHERE i.issuer = ? AND i.connection_id = ? AND i.side = ? AND i.subject = ?`

// UserByUpstream returns the person, in any state, whom that side of the connection calls
// subject, and whether they are a member of the workspace; or ErrNotFound.
func (s *Store) UserByUpstream(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, connection authz.ConnectionID, side authz.Side, subject string) (user authz.User, member bool, err error) {
	var r userRow
	var m sql.NullString
	err = s.queryRow(ctx, memberByUpstream, ws, issuer, connection, side, subject).
		Scan(&r.ID, &r.Issuer, &r.Profile, &r.State, &r.Epoch, &r.CreatedAt, &r.UpdatedAt, &m)
	if err != nil {
		return authz.User{}, false, failure(ctx, "finding a user by upstream identity", err)
	}
	return r.user(), m.Valid, nil
}

// UpdateUserProfile replaces what is told of a person, or answers ErrNotFound.
func (s *Store) UpdateUserProfile(ctx context.Context, issuer authz.IssuerName, id authz.UserID, p authz.Profile, at time.Time) error {
	done := s.writer(ctx).Model(&userRow{}).Where("id = ? AND issuer = ?", id, issuer).
		UpdateColumns(map[string]any{"profile": asText(p), "updated_at": utc(at)})
	return changed(ctx, "updating a profile", done, authz.ErrNotFound)
}

// TouchUpstreamIdentity records a sign-in by an upstream identity, or answers ErrNotFound.
func (s *Store) TouchUpstreamIdentity(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, side authz.Side, subject string, at time.Time) error {
	done := s.writer(ctx).Model(&upstreamIdentityRow{}).
		Where("issuer = ? AND connection_id = ? AND side = ? AND subject = ?", issuer, connection, side, subject).
		UpdateColumns(map[string]any{"last_login_at": utc(at)})
	return changed(ctx, "recording a sign-in", done, authz.ErrNotFound)
}
