package storage

import (
	"context"
	"time"

	"gorm.io/gorm"

	"github.com/gatehouse-auth/gatehouse/authz"
)

type roleRow struct {
	ID          authz.RoleID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Name        string
	Permissions list[string]
	ReadOnly    bool
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// TableName is the row's table.
func (roleRow) TableName() string { return "roles" }

func (r roleRow) role() authz.Role {
	return authz.Role{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, Permissions: r.Permissions.V, ReadOnly: r.ReadOnly,
		Revision: r.Revision, CreatedAt: r.CreatedAt.UTC(), UpdatedAt: r.UpdatedAt.UTC(),
	}
}

// CreateRole stores a workspace's own role; ErrConflict when its name is taken.
func (s *Store) CreateRole(ctx context.Context, r authz.Role) error {
	err := s.writer(ctx).Create(&roleRow{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Name: r.Name, Permissions: asText(r.Permissions), ReadOnly: r.ReadOnly,
		Revision: max(1, r.Revision), CreatedAt: utc(r.CreatedAt), UpdatedAt: utc(r.UpdatedAt),
	}).Error
	return failure(ctx, "creating a role", err)
}

// GetRole returns a workspace's own role, or ErrNotFound.
func (s *Store) GetRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.RoleID) (authz.Role, error) {
	var r roleRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.Role{}, failure(ctx, "reading a role", err)
	}
	return r.role(), nil
}

// ListRoles lists a workspace's own roles.
func (s *Store) ListRoles(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.Role, error) {
	var rows []roleRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, roleRow.role), failure(ctx, "listing roles", err)
}

// UpdateRole replaces a role if its revision is still r.Revision, and raises it
// by one; ErrStale when it is not, ErrConflict when the name is taken.
func (s *Store) UpdateRole(ctx context.Context, r authz.Role) error {
	done := s.writer(ctx).Model(&roleRow{}).Where("id = ? AND issuer = ? AND workspace_id = ? AND revision = ?", r.ID, r.Issuer, r.WorkspaceID, r.Revision).
		UpdateColumns(map[string]any{
			"name": r.Name, "permissions": asText(r.Permissions), "read_only": r.ReadOnly, "revision": gorm.Expr("revision + 1"), "updated_at": utc(r.UpdatedAt),
		})
	return changed(ctx, "updating a role", done, authz.ErrStale)
}

// DeleteRole deletes a workspace's own role, or answers ErrNotFound. Nothing may
// be bound to it any more.
func (s *Store) DeleteRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.RoleID) error {
	done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&roleRow{})
	return changed(ctx, "deleting a role", done, authz.ErrNotFound)
}

type roleBindingRow struct {
	ID          authz.BindingID
	Issuer      authz.IssuerName
	WorkspaceID authz.WorkspaceID
	Kind        authz.SubjectKind
	Subject     string
	Role        authz.RoleID
	Environment authz.Environment
	Resources   text[authz.Resources]
	MadeBy      string
	CreatedAt   time.Time
}

// TableName is the row's table.
func (roleBindingRow) TableName() string { return "role_bindings" }

func (r roleBindingRow) binding() authz.RoleBinding {
	return authz.RoleBinding{
		ID: r.ID, Issuer: r.Issuer, WorkspaceID: r.WorkspaceID, Kind: r.Kind, Subject: r.Subject, Role: r.Role, Environment: r.Environment,
		Resources: r.Resources.V, MadeBy: r.MadeBy, CreatedAt: r.CreatedAt.UTC(),
	}
}

// CreateRoleBinding stores a new role binding.
func (s *Store) CreateRoleBinding(ctx context.Context, b authz.RoleBinding) error {
	err := s.writer(ctx).Create(&roleBindingRow{
		ID: b.ID, Issuer: b.Issuer, WorkspaceID: b.WorkspaceID, Kind: b.Kind, Subject: b.Subject, Role: b.Role, Environment: b.Environment,
		Resources: asText(b.Resources), MadeBy: b.MadeBy, CreatedAt: utc(b.CreatedAt),
	}).Error
	return failure(ctx, "creating a role binding", err)
}

// GetRoleBinding returns a workspace's role binding, or ErrNotFound.
func (s *Store) GetRoleBinding(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.BindingID) (authz.RoleBinding, error) {
	var r roleBindingRow
	if err := s.reader(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Take(&r).Error; err != nil {
		return authz.RoleBinding{}, failure(ctx, "reading a role binding", err)
	}
	return r.binding(), nil
}

// ListRoleBindings lists a workspace's role bindings.
func (s *Store) ListRoleBindings(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, page authz.Page) ([]authz.RoleBinding, error) {
	var rows []roleBindingRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ?", issuer, ws).
		Where("(created_at, id) > (?, ?)", utc(page.After.CreatedAt), page.After.ID).
		Order("created_at, id").Limit(page.Rows()).Find(&rows).Error
	return mapped(rows, roleBindingRow.binding), failure(ctx, "listing role bindings", err)
}

// BindingsOfSubject lists the role bindings of one subject, at most limit.
func (s *Store) BindingsOfSubject(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.SubjectKind, subject string, limit int) ([]authz.RoleBinding, error) {
	var rows []roleBindingRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND kind = ? AND subject = ?", issuer, ws, kind, subject).
		Order("created_at, id").Limit(limit).Find(&rows).Error
	return mapped(rows, roleBindingRow.binding), failure(ctx, "listing a subject's role bindings", err)
}

// BindingsOfRole lists the bindings to one role, at most limit.
func (s *Store) BindingsOfRole(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, role authz.RoleID, limit int) ([]authz.RoleBinding, error) {
	var rows []roleBindingRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND role = ?", issuer, ws, role).
		Order("created_at, id").Limit(limit).Find(&rows).Error
	return mapped(rows, roleBindingRow.binding), failure(ctx, "listing a role's bindings", err)
}

// BindingsMadeBy lists the bindings of a role that a connection made, at most
// limit.
func (s *Store) BindingsMadeBy(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, madeBy string, role authz.RoleID, env authz.Environment, limit int) ([]authz.RoleBinding, error) {
	var rows []roleBindingRow
	err := s.reader(ctx).Where("issuer = ? AND workspace_id = ? AND made_by = ? AND role = ? AND environment = ?", issuer, ws, madeBy, role, env).
		Order("id").Limit(limit).Find(&rows).Error
	return mapped(rows, roleBindingRow.binding), failure(ctx, "listing what a connection gave", err)
}

// DeleteRoleBinding deletes a role binding, or answers ErrNotFound.
func (s *Store) DeleteRoleBinding(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, id authz.BindingID) error {
	done := s.writer(ctx).Where("id = ? AND issuer = ? AND workspace_id = ?", id, issuer, ws).Delete(&roleBindingRow{})
	return changed(ctx, "deleting a role binding", done, authz.ErrNotFound)
}

// DeleteBindingsOfSubject deletes every role binding of a subject.
func (s *Store) DeleteBindingsOfSubject(ctx context.Context, issuer authz.IssuerName, ws authz.WorkspaceID, kind authz.SubjectKind, subject string) error {
	err := s.writer(ctx).Where("issuer = ? AND workspace_id = ? AND kind = ? AND subject = ?", issuer, ws, kind, subject).Delete(&roleBindingRow{}).Error
	return failure(ctx, "deleting a subject's role bindings", err)
}
