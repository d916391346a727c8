package storage

import (
	"context"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type upstreamRefreshRow struct {
	SessionID    authz.SessionID
	Issuer       authz.IssuerName
	WorkspaceID  authz.WorkspaceID
	ConnectionID authz.ConnectionID
	Person       digest
	Token        []byte
	PollAt       time.Time
	ExpiresAt    time.Time
	Revision     int64
}

// TableName is the row's table.
func (upstreamRefreshRow) TableName() string { return "upstream_refreshes" }

func (r upstreamRefreshRow) refresh() authz.UpstreamRefresh {
	return authz.UpstreamRefresh{
		SessionID: r.SessionID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, ConnectionID: r.ConnectionID, Person: r.Person, Token: r.Token,
		PollAt: r.PollAt.UTC(), ExpiresAt: r.ExpiresAt.UTC(), Revision: r.Revision,
	}
}

// PutUpstreamRefresh keeps what an upstream may be asked with about a session,
// in place of what there was.
func (s *Store) PutUpstreamRefresh(ctx context.Context, v authz.UpstreamRefresh) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		if err := s.DropUpstreamRefresh(ctx, v.Issuer, v.WorkspaceID, v.SessionID); err != nil {
			return err
		}
		err := s.writer(ctx).Create(&upstreamRefreshRow{
			SessionID: v.SessionID, Issuer: v.Issuer, WorkspaceID: v.WorkspaceID, ConnectionID: v.ConnectionID, Person: v.Person, Token: v.Token,
			PollAt: utc(v.PollAt), ExpiresAt: utc(v.ExpiresAt), Revision: 1,
		}).Error
		return failure(ctx, "keeping an upstream's refresh token", err)
	})
}

// UpdateUpstreamRefresh replaces token and next time. ErrConflict says that
// another did since that revision was read, or that it is gone.
func (s *Store) UpdateUpstreamRefresh(ctx context.Context, v authz.UpstreamRefresh) error {
	done := s.writer(ctx).Model(&upstreamRefreshRow{}).
		Where("session_id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", v.SessionID, v.Issuer, v.WorkspaceID, v.Revision).
		UpdateColumns(map[string]any{"token": v.Token, "poll_at": utc(v.PollAt), "revision": v.Revision + 1})
	return changed(ctx, "changing an upstream's refresh token", done, authz.ErrConflict)
}

// DropUpstreamRefresh forgets what an upstream may be asked with about a
// session, if there is anything.
func (s *Store) DropUpstreamRefresh(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, sid authz.SessionID) error {
	err := s.writer(ctx).Where("session_id = ? AND issuer = ? AND workspace_id = ?", sid, issuer, ws).Delete(&upstreamRefreshRow{}).Error
	return failure(ctx, "forgetting an upstream's refresh token", err)
}

// maxRefreshesDue bounds one list.
const maxRefreshesDue = 500

// UpstreamRefreshesDueAcrossWorkspaces lists what upstreams are to be asked
// about by now, the longest due first, at most 500.
func (s *Store) UpstreamRefreshesDueAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, now time.Time, limit int) ([]authz.UpstreamRefresh, error) {
	var rows []upstreamRefreshRow
	err := s.reader(ctx).Where("issuer = ? AND poll_at <= ?", issuer, utc(now)).
		Order("poll_at, session_id").Limit(min(limit, maxRefreshesDue)).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing upstreams to ask", err)
	}
	return mapped(rows, upstreamRefreshRow.refresh), nil
}
