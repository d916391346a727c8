package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type clientSecretRow struct {
	ID          string
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	ClientID    authz.ClientID
	Hash        string
	Last4       string `gorm:"column:last4"`
	CreatedAt   time.Time
	ExpiresAt   sql.NullTime
}

// TableName is the row's table.
func (clientSecretRow) TableName() string { return "client_secrets" }

func (s *Store) insertClientSecret(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, secret authz.ClientSecret) error {
	err := s.writer(ctx).Create(&clientSecretRow{
		ID: secret.ID, Issuer: issuer, WorkspaceID: ws, ClientID: secret.ClientID, Hash: secret.Hash, Last4: secret.Last4,
		CreatedAt: utc(secret.CreatedAt), ExpiresAt: optional(secret.ExpiresAt),
	}).Error
	return failure(ctx, "creating a client secret", err)
}

// maxClientSecrets bounds the hashes one authentication may have to compute.
const maxClientSecrets = 4

// ListClientSecrets lists a client's secrets that have not expired at now,
// newest first, at most 4: of more that overlap, the oldest no longer count.
func (s *Store) ListClientSecrets(ctx context.Context, issuer authz.IssuerName, id authz.ClientID, now time.Time) ([]authz.ClientSecret, error) {
	var rows []clientSecretRow
	err := s.reader(ctx).Where("client_id = ? AND issuer = ?", id, issuer).
		Where("expires_at IS NULL OR expires_at > ?", utc(now)).
		Order("created_at DESC, id").Limit(maxClientSecrets).Find(&rows).Error
	if err != nil {
		return nil, failure(ctx, "listing client secrets", err)
	}
	secrets := make([]authz.ClientSecret, len(rows))
	for i, r := range rows {
		secrets[i] = authz.ClientSecret{
			ID: r.ID, ClientID: r.ClientID, Hash: r.Hash, Last4: r.Last4,
			CreatedAt: r.CreatedAt.UTC(), ExpiresAt: instant(r.ExpiresAt),
		}
	}
	return secrets, nil
}

// AddClientSecret gives a client a new secret; those before it expire at
// oldExpireAt, unless they do earlier, and what expired before the new one's
// creation is deleted. ErrNotFound when there is no such client.
func (s *Store) AddClientSecret(ctx context.Context, issuer authz.IssuerName, secret authz.ClientSecret, oldExpireAt time.Time) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		// Writing to the client's row makes two rotations follow each other.
		done := s.writer(ctx).Model(&clientRow{}).
			Where("id = ? AND issuer = ? AND state <> 'deleted'", secret.ClientID, issuer).
			UpdateColumns(map[string]any{"updated_at": utc(secret.CreatedAt)})
		if err := changed(ctx, "rotating a client secret", done, authz.ErrNotFound); err != nil {
			return err
		}
		client, err := s.GetClientAcrossWorkspaces(ctx, issuer, secret.ClientID)
		if err != nil {
			return err
		}
		if err := s.expireClientSecrets(ctx, issuer, secret, oldExpireAt); err != nil {
			return err
		}
		if err := s.insertClientSecret(ctx, issuer, client.WorkspaceID, secret); err != nil {
			return err
		}
		return s.TouchNode(ctx, authz.NodeRef{Kind: authz.ClientNode, ID: string(secret.ClientID)})
	})
}

func (s *Store) expireClientSecrets(ctx context.Context, issuer authz.IssuerName, secret authz.ClientSecret, at time.Time) error {
	err := s.writer(ctx).Model(&clientSecretRow{}).Where("client_id = ? AND issuer = ?", secret.ClientID, issuer).
		Where("expires_at IS NULL OR expires_at > ?", utc(at)).
		UpdateColumns(map[string]any{"expires_at": utc(at)}).Error
	if err != nil {
		return failure(ctx, "expiring client secrets", err)
	}
	err = s.writer(ctx).Where("client_id = ? AND issuer = ?", secret.ClientID, issuer).
		Where("expires_at <= ?", utc(secret.CreatedAt)).Delete(&clientSecretRow{}).Error
	return failure(ctx, "deleting expired client secrets", err)
}
