package authz

import "time"

// SubjectKind is a kind of subject that a role can be given to.
type SubjectKind string

// The kinds of subjects.
const (
	UserSubject           SubjectKind = "user"
	TeamSubject           SubjectKind = "team"
	ServiceAccountSubject SubjectKind = "service_account"
)

// Built-in roles, by id. Every workspace has them.
const (
	RoleOwner     RoleID = "owner"
	RoleAdmin     RoleID = "admin"
	RoleDeveloper RoleID = "developer"
	RoleViewer    RoleID = "viewer"
	// RoleMember is that of who joined by signing in: it manages nothing, and
	// narrows nothing else.
	RoleMember RoleID = "member"
)

// Role is a named set of permissions: scopes that whoever has it may be granted.
type Role struct {
	ID          RoleID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Name        string
	Permissions []string
	// ReadOnly is for good: such a role never holds a permission that changes
	// anything.
	ReadOnly bool
	// BuiltIn roles cannot be changed and have no workspace.
	BuiltIn   bool
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// RoleBinding gives a subject a role in a workspace.
type RoleBinding struct {
	ID          BindingID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Kind        SubjectKind
	Subject     string
	Role        RoleID
	// Environment limits the role to one; empty for both.
	Environment Environment
	// Resources limit it to some; empty for all of a kind.
	Resources Resources
	// MadeBy is who gave it, or the connection whose groups do.
	MadeBy    string
	CreatedAt time.Time
}

// Team is a number of people.
type Team struct {
	ID          TeamID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Name        string
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// TeamMembership says that a person is in a team.
type TeamMembership struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Team        TeamID
	User        UserID
	// MadeBy is the connection whose groups put them there; empty for people who
	// were put there by somebody.
	MadeBy    string
	CreatedAt time.Time
}

// Invitation lets one person join a workspace, once, before its end.
type Invitation struct {
	ID          InvitationID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	// Digest is SHA-256 of the token.
	Digest    [32]byte
	Email     string // whom it is for, for the record
	Role      RoleID
	State     State // active, used, revoked
	InvitedBy string
	UsedBy    UserID
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Resource is something keys and roles can be restricted to. Its id is the
// customer's own; nothing else is known of it.
type Resource struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Kind        ResourceKind
	ID          string
	Name        string
	Environment Environment // empty for both
	TeamID      TeamID      // who looks after it; empty for nobody
	Revision    int64
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// ScopeManageWorkspace is what an owner of a workspace holds and nobody below
// (authz/role).
const ScopeManageWorkspace = "manage:workspace"
