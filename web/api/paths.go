package api

import (
	"context"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// InWorkspace names the workspace a request is about.
type InWorkspace struct {
	WorkspaceID string `query:"workspace_id" maxLength:"64" doc:"Absent: the caller's own."`
}

func (w InWorkspace) in(ctx context.Context) authz.WorkspaceID {
	return workspaceOr(ctx, w.WorkspaceID)
}

// OneOf names an object of a workspace.
type OneOf struct {
	ID string `path:"id" maxLength:"64"`
	InWorkspace
}

// AllOf asks for a list of a workspace's objects.
type AllOf struct {
	InWorkspace
	Paging
}

// patch changes an object of a workspace.
type patch[B any] struct {
	OneOf
	IfMatch
	Body B
}

// ForWorkspace names, in a body, the workspace that something is made in.
type ForWorkspace struct {
	WorkspaceID string `json:"workspace_id,omitempty" maxLength:"64" doc:"Absent: the caller's own."`
}

func (w ForWorkspace) in(ctx context.Context) authz.WorkspaceID {
	return workspaceOr(ctx, w.WorkspaceID)
}

// create makes an object.
type create[B any] struct{ Body B }
