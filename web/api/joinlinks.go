package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

// JoinLink lets whoever has it sign in at one side of a connection, once, and be
// the member from then on.
type JoinLink struct {
	ID           string `json:"id"`
	URL          string `json:"url,omitempty" doc:"In the answer that made it, and nowhere else."`
	ConnectionID string `json:"connection_id"`
	Side         string `json:"side" enum:"oidc,saml"`
	Status       string `json:"status" enum:"active,used,revoked,expired"`
	MadeBy       string `json:"made_by"`
	CreatedAt    string `json:"created_at"`
	ExpiresAt    string `json:"expires_at"`
}

func (a *api) viewJoinLink(l authz.JoinLink) JoinLink {
	status := string(l.State)
	if l.State == authz.Active && !l.UsableAt(a.cfg.Clock.Now()) {
		status = "expired"
	}
	return JoinLink{
		ID: string(l.ID), ConnectionID: string(l.ConnectionID), Side: string(l.Side), Status: status, MadeBy: l.MadeBy,
		CreatedAt: stamp(l.CreatedAt), ExpiresAt: stamp(l.ExpiresAt),
	}
}

// JoinLinks are those of one member.
type JoinLinks struct {
	Items []JoinLink `json:"items"`
}

// NewJoinLink says where a member is to come to be known.
type NewJoinLink struct {
	ConnectionID string `json:"connection_id" minLength:"1" maxLength:"64"`
	Side         string `json:"side" enum:"oidc,saml"`
	ExpiresIn    string `json:"expires_in,omitempty" maxLength:"20" doc:"1m to 168h; absent: 24h."`
}

type createJoinLink struct {
	OneOf
	Body NewJoinLink
}

type joinLinkPath struct {
	OneOf
	Link authz.JoinLinkID `path:"link" maxLength:"64"`
}

func (a *api) joinLinkRoutes(h huma.API) {
	const path = "/v1/members/{id}/join-links"
	register(a, h, http.MethodPost, path, "create-join-link", "Make a link by which one side of a connection comes to know a member, once; shown this once", http.StatusCreated, a.createJoinLink)
	register(a, h, http.MethodGet, path, "list-join-links", "List the join links of a member, at most a hundred", http.StatusOK,
		func(ctx context.Context, in *OneOf) (*answer[JoinLinks], error) {
			list, err := a.cfg.Admin.ListJoinLinks(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID))
			if err != nil {
				return nil, err
			}
			return answered(JoinLinks{views(list, a.viewJoinLink)}), nil
		})
	register(a, h, http.MethodDelete, path+"/{link}", "revoke-join-link", "Take a join link back at once", http.StatusNoContent,
		func(ctx context.Context, in *joinLinkPath) (*struct{}, error) {
			return nil, a.cfg.Admin.RevokeJoinLink(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), in.Link)
		})
}

func (a *api) createJoinLink(ctx context.Context, in *createJoinLink) (*answer[JoinLink], error) {
	request := admin.NewJoinLink{Connection: authz.ConnectionID(in.Body.ConnectionID), Side: authz.Side(in.Body.Side)}
	if in.Body.ExpiresIn != "" {
		var err error
		if request.ExpiresIn, err = time.ParseDuration(in.Body.ExpiresIn); err != nil || request.ExpiresIn <= 0 {
			return nil, authz.NewError(authz.Invalid, "invalid_expires_in", "expires_in: must be a duration such as 24h.")
		}
	}
	l, token, err := a.cfg.Admin.CreateJoinLink(ctx, principal(ctx), in.in(ctx), authz.UserID(in.ID), request)
	if err != nil {
		return nil, err
	}
	view := a.viewJoinLink(l)
	view.URL = a.cfg.JoinURL(token)
	return answered(view), nil
}
