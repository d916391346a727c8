package storage

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type userRow struct {
	ID        authz.UserID
	Issuer    authz.IssuerName
	Profile   text[authz.Profile]
	Email     string // the profile's, in lower case, to notice two people with one
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
	Link         digest
	UserID       authz.UserID
	GroupNames   text[[]string]
	LinkedBy     authz.LinkedBy
	CreatedAt    time.Time
	LastLoginAt  time.Time // the zero time before the first
}

// TableName is the row's table.
func (upstreamIdentityRow) TableName() string { return "upstream_identities" }

// CreateUser stores a new person and what their connection calls them;
// ErrConflict when the connection's subject is somebody already.
func (s *Store) CreateUser(ctx context.Context, u authz.User, identity authz.UpstreamIdentity) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.createUser(ctx, u); err != nil {
			return err
		}
		return s.AddUpstreamIdentity(ctx, identity)
	})
}

func (s *Store) createUser(ctx context.Context, u authz.User) error {
	err := s.writer(ctx).Create(&userRow{
		ID: u.ID, Issuer: u.Issuer, Profile: asText(u.Profile), Email: lowerEmail(u.Profile), State: u.State, Epoch: u.Epoch,
		CreatedAt: utc(u.CreatedAt), UpdatedAt: utc(u.UpdatedAt),
	}).Error
	return failure(ctx, "creating a user", err)
}

// AddUpstreamIdentity stores what a side of a connection calls a person;
// ErrConflict when its subject is somebody already.
func (s *Store) AddUpstreamIdentity(ctx context.Context, i authz.UpstreamIdentity) error {
	err := s.writer(ctx).Create(&upstreamIdentityRow{
		Issuer: i.Issuer, ConnectionID: i.ConnectionID, Side: i.Side, Subject: i.Subject, Link: i.Link, UserID: i.UserID,
		GroupNames: groupNames(i), LinkedBy: i.LinkedBy, CreatedAt: utc(i.CreatedAt), LastLoginAt: utc(i.LastLoginAt),
	}).Error
	return failure(ctx, "creating an upstream identity", err)
}

// groupNames are a list, be it empty.
func groupNames(i authz.UpstreamIdentity) text[[]string] {
	return asText(append([]string{}, i.Groups...))
}

// SetUpstreamGroups remembers the groups of an identity, and writes nothing where
// they are those that are there.
func (s *Store) SetUpstreamGroups(ctx context.Context, i authz.UpstreamIdentity) error {
	names := groupNames(i)
	done := s.writer(ctx).Model(&upstreamIdentityRow{}).
		Where("issuer = ? AND connection_id = ? AND side = ? AND subject = ? AND group_names <> ?", i.Issuer, i.ConnectionID, i.Side, i.Subject, names).
		UpdateColumns(map[string]any{"group_names": names})
	return failure(ctx, "remembering groups", done.Error)
}

// SetUpstreamLink remembers the name of a person that both sides tell, or
// answers ErrNotFound.
func (s *Store) SetUpstreamLink(ctx context.Context, i authz.UpstreamIdentity) error {
	done := s.writer(ctx).Model(&upstreamIdentityRow{}).
		Where("issuer = ? AND connection_id = ? AND side = ? AND subject = ?", i.Issuer, i.ConnectionID, i.Side, i.Subject).
		UpdateColumns(map[string]any{"link": digest(i.Link), "last_login_at": utc(i.LastLoginAt)})
	return changed(ctx, "linking an upstream identity", done, authz.ErrNotFound)
}

const usersByLink = `SELECT DISTINCT i.user_id FROM upstream_identities i
	WHERE i.issuer = ? AND i.connection_id = ? AND i.link = ? LIMIT 2`

// UserByLink returns the one person of a connection with that link, whichever
// side told it; ErrNotFound when there is none, ErrConflict when there are two.
func (s *Store) UserByLink(ctx context.Context, issuer authz.IssuerName, c authz.ConnectionID, link [32]byte) (authz.UserID, error) {
	var ids []authz.UserID
	if err := s.reader(ctx).Raw(usersByLink, issuer, c, digest(link)).Scan(&ids).Error; err != nil {
		return "", failure(ctx, "finding a user by link", err)
	}
	switch len(ids) {
	case 0:
		return "", fmt.Errorf("finding a user by link: %w", authz.ErrNotFound)
	case 1:
		return ids[0], nil
	}
	return "", fmt.Errorf("finding a user by link: %w", authz.ErrConflict)
}

const memberHasEmail = `SELECT count(*) FROM (SELECT 1 FROM users u
	JOIN members m ON m.issuer = u.issuer AND m.user_id = u.id
	WHERE u.issuer = ? AND u.email = ? AND m.workspace_id = ? LIMIT 1) one`

// MemberHasEmail reports whether a member of the workspace has the address. It
// finds nobody: it is there to notice that somebody else comes with it.
func (s *Store) MemberHasEmail(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, email string) (bool, error) {
	var n int64
	if err := s.queryRow(ctx, memberHasEmail, issuer, strings.ToLower(email), ws).Scan(&n); err != nil {
		return false, failure(ctx, "looking for an address", err)
	}
	return n > 0, nil
}

func lowerEmail(p authz.Profile) string { return strings.ToLower(p.Email) }

// GetUserAcrossWorkspaces returns a person in any state, or ErrNotFound.
func (s *Store) GetUserAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, id authz.UserID) (authz.User, error) {
	var r userRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ?", id, issuer).Take(&r).Error; err != nil {
		return authz.User{}, failure(ctx, "reading a user", err)
	}
	return r.user(), nil
}

const memberByUpstream = `SELECT u.id, u.issuer, u.profile, u.state, u.epoch, u.created_at, u.updated_at, m.user_id, i.link
	FROM upstream_identities i
	JOIN users u ON u.id = i.user_id AND u.issuer || '' = i.issuer
	LEFT JOIN members m ON m.issuer = i.issuer AND m.workspace_id = ? AND m.user_id = i.user_id
	WHERE i.issuer = ? AND i.connection_id = ? AND i.side = ? AND i.subject = ?`

// UserByUpstream returns the person, in any state, whom that side of the connection calls
// subject, the link it has with the other side, and whether they are a member of
// the workspace; or ErrNotFound.
func (s *Store) UserByUpstream(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, connection authz.ConnectionID, side authz.Side, subject string) (user authz.User, link [32]byte, member bool, err error) {
	var r userRow
	var l digest
	var m sql.NullString
	err = s.queryRow(ctx, memberByUpstream, ws, issuer, connection, side, subject).
		Scan(&r.ID, &r.Issuer, &r.Profile, &r.State, &r.Epoch, &r.CreatedAt, &r.UpdatedAt, &m, &l)
	if err != nil {
		return authz.User{}, link, false, failure(ctx, "finding a user by upstream identity", err)
	}
	return r.user(), l, m.Valid, nil
}

// UpdateUserProfile replaces what is told of a person, or answers ErrNotFound.
func (s *Store) UpdateUserProfile(ctx context.Context, issuer authz.IssuerName, id authz.UserID, p authz.Profile, at time.Time) error {
	done := s.writer(ctx).Model(&userRow{}).Where("id = ? AND issuer = ?", id, issuer).
		UpdateColumns(map[string]any{"profile": asText(p), "email": lowerEmail(p), "updated_at": utc(at)})
	return changed(ctx, "updating a profile", done, authz.ErrNotFound)
}

// loginsTold is how exactly it is kept when somebody last came by an identity:
// who comes often writes nothing then.
const loginsTold = time.Hour

const lastLogin = `SELECT last_login_at FROM upstream_identities WHERE issuer = ? AND connection_id = ? AND side = ? AND subject = ?`

// TouchUpstreamIdentity records a sign-in by an upstream identity, to the hour,
// and holds the identity until the end of the context's transaction: beside
// other sign-ins by it, not beside its removal. ErrNotFound says that it is gone.
func (s *Store) TouchUpstreamIdentity(ctx context.Context, issuer authz.IssuerName, connection authz.ConnectionID, side authz.Side, subject string, at time.Time) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		hold := lastLogin
		if s.driver == Postgres { // SQLite has one writer
			hold += ` FOR KEY SHARE`
		}
		var last time.Time
		if err := s.queryRow(ctx, hold, issuer, connection, side, subject).Scan(&last); err != nil {
			return failure(ctx, "holding an identity", err)
		}
		if since := at.Sub(last); since >= 0 && since < loginsTold {
			return nil
		}
		done := s.writer(ctx).Model(&upstreamIdentityRow{}).
			Where("issuer = ? AND connection_id = ? AND side = ? AND subject = ?", issuer, connection, side, subject).
			UpdateColumns(map[string]any{"last_login_at": utc(at)})
		return changed(ctx, "recording a sign-in", done, authz.ErrNotFound)
	})
}
