package storage

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ListAPIKeys lists the keys of a workspace that the filter means, revoked and
// expired ones too until they are purged.
func (s *Store) ListAPIKeys(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, f authz.KeyFilter, page authz.Page) ([]authz.APIKey, error) {
	var rows []apiKeyRow
	q := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID)
	err := filtered(withStatus(q, f.Status, utc(f.Now)), f).Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, apiKeyRow.apiKey), failure(ctx, "listing API keys", err)
}

// withStatus keeps the keys that APIKey.StatusAt tells the status of at now.
func withStatus(q *gorm.DB, status string, now time.Time) *gorm.DB {
	switch status {
	case "":
		return q
	case authz.StatusExpired:
		return q.Where("state IN ('active', 'grace') AND (expires_at <= ? OR grace_until <= ?)", now, now)
	}
	q = q.Where("state = ?", status)
	if !authz.State(status).Usable() {
		return q
	}
	return q.Where("(expires_at IS NULL OR expires_at > ?) AND (grace_until IS NULL OR grace_until > ?)", now, now)
}

func filtered(q *gorm.DB, f authz.KeyFilter) *gorm.DB {
	if f.Environment != "" {
		q = q.Where("environment = ?", f.Environment)
	}
	if f.ServiceAccountID != "" {
		q = q.Where("service_account_id = ?", f.ServiceAccountID)
	}
	if f.Text != "" {
		part := "%" + likeText.Replace(strings.Map(lowerASCII, f.Text)) + "%"
		q = q.Where(`(LOWER(name) LIKE ? ESCAPE '!' OR id = ? OR prefix = ? OR last4 = ?)`, part, f.Text, f.Text, f.Text)
	}
	if !f.UnusedSince.IsZero() {
		since := utc(f.UnusedSince)
		q = q.Where("COALESCE(last_used_at, created_at) <= ? AND (enabled_at IS NULL OR enabled_at <= ?)", since, since)
	}
	return q
}

// lowerASCII is what LOWER does on every database.
func lowerASCII(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}

// likeText escapes what LIKE would read as a pattern.
var likeText = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_") //nolint:gochecknoglobals // a constant

const noteAPIKeyUse = `UPDATE api_keys SET last_used_at = ?, last_used_ip = CASE WHEN ? = '' THEN last_used_ip ELSE ? END
	WHERE id = ? AND issuer = ? AND (last_used_at IS NULL OR last_used_at < ?)`

// NoteAPIKeyUses writes down the last uses of keys, and of those in grace from
// where they were used; what is known to be later stays. It changes nothing that anybody remembers of a key.
func (s *Store) NoteAPIKeyUses(ctx context.Context, issuer authz.IssuerName, uses []authz.KeyUse) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		for _, u := range uses {
			at := utc(u.At)
			if err := s.writer(ctx).Exec(noteAPIKeyUse, at, u.IP, u.IP, u.KeyID, issuer, at).Error; err != nil {
				return failure(ctx, "noting the use of an API key", err)
			}
		}
		return s.noteKeyCallers(ctx, issuer, uses)
	})
}
