package storage

import (
	"context"
	"time"

	"gorm.io/gorm/clause"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// byDocument finds the clients whose id is a URL.
const byDocument = "issuer = ? AND workspace_id = '' AND id LIKE 'http%://%'"

// KeepDocumentClient stores a client that a document describes, so that grants
// can hang on it. created is false when it is there already, in whatever state.
// ErrConflict says that there are max of them.
func (s *Store) KeepDocumentClient(ctx context.Context, c authz.Client, most int) (created bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		done := s.writer(ctx).Clauses(clause.OnConflict{DoNothing: true}).Create(rowOfClient(c))
		if created = done.RowsAffected == 1; done.Error != nil || !created {
			return failure(ctx, "keeping a client of a document", done.Error)
		}
		var have int64
		if err := s.writer(ctx).Model(&clientRow{}).Where(byDocument, c.Issuer).Count(&have).Error; err != nil {
			return failure(ctx, "counting clients of documents", err)
		}
		if have > int64(most) {
			return authz.ErrConflict
		}
		return s.TouchNode(ctx, authz.ClientRef(c.Issuer, c.ID))
	})
	return created && err == nil, err
}

const (
	unusedDocumentClients = `SELECT c.id FROM clients c WHERE c.issuer = ? AND c.workspace_id = '' AND c.id LIKE 'http%://%'
		AND c.state = 'active' AND c.updated_at <= ?
		AND NOT EXISTS (SELECT 1 FROM grants g WHERE g.client_id = c.id AND g.issuer = c.issuer AND NOT g.standing) LIMIT ?`
	deleteDocumentClients = `DELETE FROM clients WHERE issuer = ? AND workspace_id = '' AND state = 'active' AND id IN ?`
)

// DeleteUnusedDocumentClients deletes the rows of clients of documents that
// have not changed since before and that no grant hangs on: their documents
// make them anew. One that was disabled or deleted stays, and stays dead.
func (s *Store) DeleteUnusedDocumentClients(ctx context.Context, issuer authz.IssuerName, before time.Time, limit int) (deleted int64, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		var ids []authz.ClientID
		if err := s.writer(ctx).Raw(unusedDocumentClients, issuer, utc(before), min(limit, maxBatch)).Scan(&ids).Error; err != nil {
			return failure(ctx, "finding unused clients of documents", err)
		}
		if len(ids) == 0 {
			return nil
		}
		done := s.writer(ctx).Exec(deleteDocumentClients, issuer, ids)
		deleted = done.RowsAffected
		if done.Error != nil {
			return failure(ctx, "deleting unused clients of documents", done.Error)
		}
		for _, id := range ids {
			if err := s.TouchNode(ctx, authz.ClientRef(issuer, id)); err != nil {
				return err
			}
		}
		return nil
	})
	return deleted, err
}
