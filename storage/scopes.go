package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type scopesVersionRow struct {
	Issuer    authz.IssuerName
	Version   int64
	Act       string
	Name      string
	Scopes    text[[]authz.Scope]
	Note      string
	CreatedBy string
	CreatedAt time.Time
}

// TableName is the row's table.
func (scopesVersionRow) TableName() string { return "scope_versions" }

func (r scopesVersionRow) version() authz.ScopesVersion {
	return authz.ScopesVersion{
		Issuer: r.Issuer, Version: r.Version, Act: r.Act, Name: r.Name, Scopes: r.Scopes.V, Note: r.Note, CreatedBy: r.CreatedBy,
		CreatedAt: r.CreatedAt.UTC(),
	}
}

const oldScopes = `DELETE FROM scope_versions WHERE issuer = ? AND version <= ?`

// PutScopes puts other scopes in force, as the version after the one in force,
// and remembers the latest keep versions; authz.ErrStale says that somebody else
// did meanwhile. voids says that what credentials are good for is another thing
// now.
func (s *Store) PutScopes(ctx context.Context, v authz.ScopesVersion, keep int64, voids []authz.NodeRef) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		err := failure(ctx, "putting scopes in force", s.writer(ctx).Create(&scopesVersionRow{
			Issuer: v.Issuer, Version: v.Version, Act: v.Act, Name: v.Name, Scopes: asText(v.Scopes), Note: v.Note,
			CreatedBy: v.CreatedBy, CreatedAt: utc(v.CreatedAt),
		}).Error)
		if errors.Is(err, authz.ErrConflict) {
			return fmt.Errorf("version %d of the scopes: %w", v.Version, authz.ErrStale)
		}
		if err != nil {
			return err
		}
		if err := s.writer(ctx).Exec(oldScopes, v.Issuer, v.Version-keep).Error; err != nil {
			return failure(ctx, "forgetting old versions of the scopes", err)
		}
		for _, ref := range append([]authz.NodeRef{authz.ScopesRef(v.Issuer)}, voids...) {
			if err := s.TouchNode(ctx, ref); err != nil {
				return err
			}
		}
		return nil
	})
}

// ScopesInForce returns the latest version of the scopes of an issuer, or
// ErrNotFound.
func (s *Store) ScopesInForce(ctx context.Context, issuer authz.IssuerName) (authz.ScopesVersion, error) {
	var r scopesVersionRow
	err := s.reader(ctx).Where("issuer = ?", issuer).Order("version DESC").Limit(1).Take(&r).Error
	if err != nil {
		return authz.ScopesVersion{}, failure(ctx, "reading the scopes in force", err)
	}
	return r.version(), nil
}

// GetScopesVersion returns one version of the scopes of an issuer, or
// ErrNotFound.
func (s *Store) GetScopesVersion(ctx context.Context, issuer authz.IssuerName, version int64) (authz.ScopesVersion, error) {
	var r scopesVersionRow
	if err := s.reader(ctx).Where("issuer = ? AND version = ?", issuer, version).Take(&r).Error; err != nil {
		return authz.ScopesVersion{}, failure(ctx, "reading a version of the scopes", err)
	}
	return r.version(), nil
}

// ListScopesVersions lists at most limit versions below the one given (0 for
// all), the newest first, without the scopes.
func (s *Store) ListScopesVersions(ctx context.Context, issuer authz.IssuerName, below int64, limit int) ([]authz.ScopesVersion, error) {
	if below <= 0 {
		below = 1 << 62
	}
	var rows []scopesVersionRow
	err := s.reader(ctx).Select("issuer, version, act, name, note, created_by, created_at").
		Where("issuer = ? AND version < ?", issuer, below).Order("version DESC").Limit(limit).Find(&rows).Error
	return mapped(rows, scopesVersionRow.version), failure(ctx, "listing the versions of the scopes", err)
}
