package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// IdentityMembers say what a side of a connection calls somebody.
type IdentityMembers struct {
	ConnectionID string `json:"connection_id" minLength:"1" maxLength:"64"`
	Side         string `json:"side,omitempty" enum:"oidc,saml" doc:"Absent: oidc."`
	Subject      string `json:"subject" minLength:"1" maxLength:"255" doc:"As the side tells it, exactly: the claims or attributes that name people there, joined by a blank where they are several. A test sign-in shows it."`
}

func (m IdentityMembers) named() admin.Named {
	side := authz.Side(m.Side)
	if side == "" {
		side = authz.OIDCSide
	}
	return admin.Named{Connection: authz.ConnectionID(m.ConnectionID), Side: side, Subject: m.Subject}
}

// Identity is what a side of a connection calls a member.
type Identity struct {
	ID           string `json:"id"`
	ConnectionID string `json:"connection_id"`
	Side         string `json:"side" enum:"oidc,saml"`
	Subject      string `json:"subject"`
	LinkedBy     string `json:"linked_by,omitempty" doc:"sign_in, key, admin, ceremony or invite; absent for what was there before it was kept."`
	LinkedAt     string `json:"linked_at"`
	LastLoginAt  string `json:"last_login_at,omitempty"`
}

func viewIdentity(i authz.UpstreamIdentity) Identity {
	return Identity{
		ID: i.ID(), ConnectionID: string(i.ConnectionID), Side: string(i.Side), Subject: i.Subject, LinkedBy: string(i.LinkedBy),
		LinkedAt: stamp(i.CreatedAt), LastLoginAt: stamp(i.LastLoginAt),
	}
}

// Identities are those of one member.
type Identities struct {
	Items []Identity `json:"items"`
}

// NewMember is somebody who is to be a member before they first sign in.
type NewMember struct {
	ForWorkspace
	Role     string          `json:"role,omitempty" maxLength:"64" doc:"Absent: member."`
	Name     string          `json:"name,omitempty" maxLength:"200" doc:"To be shown until they sign in and their provider tells it."`
	Email    string          `json:"email,omitempty" maxLength:"200" doc:"Likewise. Nobody is recognised by it."`
	Identity IdentityMembers `json:"identity"`
}

type newIdentity struct {
	OneOf
	Body IdentityMembers
}

type identityPath struct {
	OneOf
	Identity string `path:"identity" maxLength:"64"`
}

func (a *api) identityRoutes(h huma.API) {
	const path = "/v1/members/{id}/identities"
	repeatable(a, h, http.MethodPost, "/v1/members", "create-member", "Make a member of somebody before their first sign-in, by what a connection calls them", http.StatusCreated, a.createMember)
	register(a, h, http.MethodGet, path, "list-member-identities", "List what the workspace's connections call a member", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[Identities], error) {
			list, err := a.cfg.Admin.ListIdentities(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(Identities{views(list, viewIdentity)}), nil
		})
	repeatable(a, h, http.MethodPost, path, "add-member-identity", "Say what a side of a connection calls a member: whoever signs in there so is them", http.StatusCreated,
		func(ctx context.Context, in *newIdentity) (*answer[Identity], error) {
			i, err := a.cfg.Admin.Identify(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), in.Body.named())
			if err != nil {
				return nil, err
			}
			return answered(viewIdentity(i)), nil
		})
	register(a, h, http.MethodDelete, path+"/{identity}", "remove-member-identity", "Take an identity from a member, with the sessions and grants that came by it", http.StatusNoContent,
		func(ctx context.Context, in *identityPath) (*struct{}, error) {
			return nil, a.cfg.Admin.RemoveIdentity(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), in.Identity)
		})
}

func (a *api) createMember(ctx context.Context, in *create[NewMember]) (*answer[Member], error) {
	p, err := a.cfg.Admin.CreateMember(ctx, principal(ctx), in.Body.in(ctx), admin.NewMember{
		Named: in.Body.Identity.named(), Role: authz.RoleID(in.Body.Role), Name: in.Body.Name, Email: in.Body.Email,
	})
	if err != nil {
		return nil, err
	}
	return tagged(viewPerson(p), p.Revision), nil
}
