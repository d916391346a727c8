package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// Member is a person in a workspace as the API tells of them.
type Member struct {
	UserID      string `json:"user_id"`
	WorkspaceID string `json:"workspace_id"`
	Role        string `json:"role"`
	Name        string `json:"name,omitempty" doc:"Told for one member, not in lists."`
	Email       string `json:"email,omitempty" doc:"Likewise."`
	Revision    int64  `json:"revision"`
	CreatedAt   string `json:"created_at"`
}

func viewMember(m authz.Member) Member {
	return Member{UserID: string(m.UserID), WorkspaceID: string(m.WorkspaceID), Role: string(m.Role), Revision: m.Revision, CreatedAt: stamp(m.CreatedAt)}
}

func viewPerson(p admin.Person) Member {
	view := viewMember(p.Member)
	view.Name, view.Email = p.Profile.Name, p.Profile.Email
	return view
}

// Invitation is an invitation as the API tells of it. The token is in the answer
// that made it and nowhere else, ever.
type Invitation struct {
	ID          string `json:"id"`
	Token       string `json:"token,omitempty"`
	Link        string `json:"link,omitempty" doc:"Where the person joins by signing in; holds the token."`
	WorkspaceID string `json:"workspace_id"`
	Email       string `json:"email"`
	Role        string `json:"role"`
	Status      string `json:"status" enum:"active,used,revoked,expired"`
	InvitedBy   string `json:"invited_by"`
	UsedBy      string `json:"used_by,omitempty"`
	CreatedAt   string `json:"created_at"`
	ExpiresAt   string `json:"expires_at"`
}

// NewInvitation is what a new one is made of.
type NewInvitation struct {
	ForWorkspace
	InvitationMembers
}

func (a *api) viewInvitation(i authz.Invitation) Invitation {
	status := string(i.State)
	if i.State == authz.Active && !a.cfg.Clock.Now().Before(i.ExpiresAt) {
		status = "expired"
	}
	return Invitation{
		ID: string(i.ID), WorkspaceID: string(i.WorkspaceID), Email: i.Email, Role: string(i.Role), Status: status, InvitedBy: i.InvitedBy,
		UsedBy: string(i.UsedBy), CreatedAt: stamp(i.CreatedAt), ExpiresAt: stamp(i.ExpiresAt),
	}
}

// MemberRole is what somebody decides about a member.
type MemberRole struct {
	Role string `json:"role" minLength:"1" maxLength:"64"`
}

// InvitationMembers say whom to invite.
type InvitationMembers struct {
	Email     string `json:"email" minLength:"3" maxLength:"200"`
	Role      string `json:"role,omitempty" maxLength:"64" doc:"Absent: member."`
	ExpiresIn string `json:"expires_in,omitempty" maxLength:"20" doc:"1m to 720h; absent: 168h."`
}

func (a *api) memberRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/members", "list-members", "List the people of a workspace", http.StatusOK, a.listMembers)
	register(a, h, http.MethodGet, "/v1/members/{id}", "get-member", "Get a member", http.StatusOK, a.getMember)
	register(a, h, http.MethodPatch, "/v1/members/{id}", "update-member", "Give a member another role", http.StatusOK,
		func(ctx context.Context, in *patch[MemberRole]) (*answer[Member], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			m, err := a.cfg.Admin.SetMemberRole(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), revision, authz.RoleID(in.Body.Role))
			if err != nil {
				return nil, err
			}
			return tagged(viewMember(m), m.Revision), nil
		})
	type leaver struct {
		OneOf
		Successor string `query:"successor" maxLength:"64" doc:"Who answers for the member's service accounts, where they are passed on."`
	}
	register(a, h, http.MethodDelete, "/v1/members/{id}", "remove-member", "Remove a member, with their sessions and tokens here", http.StatusNoContent,
		func(ctx context.Context, in *leaver) (*struct{}, error) {
			return nil, a.cfg.Admin.RemoveMember(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), authz.UserID(in.Successor))
		})
	a.invitationRoutes(h)
}

func (a *api) listMembers(ctx context.Context, in *AllOf) (*answer[list[Member]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListMembers(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(m authz.Member) authz.Position {
		return authz.Position{CreatedAt: m.CreatedAt, ID: string(m.UserID)}
	}
	return listed(in.Paging, rows, at, viewMember), nil
}

func (a *api) getMember(ctx context.Context, in *OneOf) (*answer[Member], error) {
	p, err := a.cfg.Admin.GetMember(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
	if err != nil {
		return nil, err
	}
	return tagged(viewPerson(p), p.Revision), nil
}

func (a *api) invitationRoutes(h huma.API) {
	const path = "/v1/invitations"
	register(a, h, http.MethodPost, path, "create-invitation", "Invite a person; the token is shown this once", http.StatusCreated, a.createInvitation)
	register(a, h, http.MethodGet, path, "list-invitations", "List invitations", http.StatusOK, a.listInvitations)
	register(a, h, http.MethodGet, path+"/{id}", "get-invitation", "Get an invitation", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Invitation], error) {
			i, err := a.cfg.Admin.GetInvitation(ctx, principal(ctx), in.in(ctx), authz.InvitationID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(a.viewInvitation(i)), nil
		})
	register(a, h, http.MethodDelete, path+"/{id}", "revoke-invitation", "End an invitation", http.StatusNoContent,
		func(ctx context.Context, in *OneOf) (*struct{}, error) {
			return nil, a.cfg.Admin.RevokeInvitation(ctx, principal(ctx), in.in(ctx), authz.InvitationID(in.ID))
		})
	type token struct {
		Body struct {
			Invitation string `json:"invitation" minLength:"1" maxLength:"128" doc:"The token of the invitation."`
		}
	}
	repeatable(a, h, http.MethodPost, path+"/accept", "accept-invitation", "Join the workspace one was invited to; as a person who signed in", http.StatusOK,
		func(ctx context.Context, in *token) (*answer[Member], error) {
			m, err := a.cfg.Admin.Accept(ctx, principal(ctx), authz.Secret(in.Body.Invitation))
			if err != nil {
				return nil, err
			}
			return tagged(viewMember(m), m.Revision), nil
		})
}

func (a *api) createInvitation(ctx context.Context, in *create[NewInvitation]) (*answer[Invitation], error) {
	request := admin.NewInvitation{Email: in.Body.Email, Role: authz.RoleID(in.Body.Role)}
	if in.Body.ExpiresIn != "" {
		var err error
		if request.ExpiresIn, err = time.ParseDuration(in.Body.ExpiresIn); err != nil || request.ExpiresIn <= 0 {
			return nil, authz.NewError(authz.Invalid, "invalid_expires_in", "expires_in: must be a duration such as 24h.")
		}
	}
	i, token, err := a.cfg.Admin.Invite(ctx, principal(ctx), in.Body.in(ctx), request)
	if err != nil {
		return nil, err
	}
	view := a.viewInvitation(i)
	view.Token, view.Link = token.Reveal(), a.cfg.InvitationURL(token)
	return answered(view), nil
}

func (a *api) listInvitations(ctx context.Context, in *AllOf) (*answer[list[Invitation]], error) {
	page, err := in.page()
	if err != nil {
		return nil, err
	}
	rows, err := a.cfg.Admin.ListInvitations(ctx, principal(ctx), in.in(ctx), page)
	if err != nil {
		return nil, err
	}
	at := func(i authz.Invitation) authz.Position {
		return authz.Position{CreatedAt: i.CreatedAt, ID: string(i.ID)}
	}
	return listed(in.Paging, rows, at, a.viewInvitation), nil
}
