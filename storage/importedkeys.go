package storage

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type importedKeyRow struct {
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	KeyID       authz.KeyID
	Lookup      string
	Tag         []byte
}

// TableName is the row's table.
func (importedKeyRow) TableName() string { return "imported_keys" }

// CreateImportedKey stores how a key is found that another system made;
// ErrConflict when one is found so already.
func (s *Store) CreateImportedKey(ctx context.Context, k authz.ImportedKey) error {
	err := s.writer(ctx).Create(&importedKeyRow{Issuer: k.Issuer, WorkspaceID: k.WorkspaceID, KeyID: k.KeyID, Lookup: k.Lookup, Tag: k.Tag}).Error
	return failure(ctx, "creating an imported key", err)
}

// FindImportedKeyAcrossWorkspaces returns the key that one of the lookups finds,
// or ErrNotFound. When several do, it is the one of the first in order.
func (s *Store) FindImportedKeyAcrossWorkspaces(ctx context.Context, issuer authz.IssuerName, lookups []string) (authz.ImportedKey, error) {
	var r importedKeyRow
	err := s.reader(ctx).Where("issuer = ? AND lookup IN ?", issuer, lookups).Order("lookup DESC").Limit(1).Take(&r).Error
	if err != nil {
		return authz.ImportedKey{}, failure(ctx, "finding an imported key", err)
	}
	return authz.ImportedKey{Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, KeyID: r.KeyID, Lookup: r.Lookup, Tag: r.Tag}, nil
}

// TagImportedKey keeps the tag of a key that was proven.
func (s *Store) TagImportedKey(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.KeyID, tag []byte) error {
	done := s.writer(ctx).Model(&importedKeyRow{}).Where("issuer = ? AND workspace_id = ? AND key_id = ? AND tag IS NULL", issuer, ws, id).
		UpdateColumns(map[string]any{"tag": tag})
	return failure(ctx, "tagging an imported key", done.Error)
}
