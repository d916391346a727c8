package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// SetupLink is a link by which a customer's own administrator sets one
// connection up.
type SetupLink struct {
	ID        string `json:"id"`
	URL       string `json:"url,omitempty" doc:"In the answer that made it, and nowhere else."`
	MadeBy    string `json:"made_by"`
	CreatedAt string `json:"created_at"`
	ExpiresAt string `json:"expires_at"`
	RevokedAt string `json:"revoked_at,omitempty"`
}

func viewSetupLink(l authz.SetupLink) SetupLink {
	v := SetupLink{ID: l.ID, MadeBy: l.MadeBy, CreatedAt: stamp(l.CreatedAt), ExpiresAt: stamp(l.ExpiresAt)}
	if !l.RevokedAt.IsZero() {
		v.RevokedAt = stamp(l.RevokedAt)
	}
	return v
}

type createSetupLink struct {
	ConnectionPath
	Body struct {
		ExpiresInHours int `json:"expires_in_hours,omitempty" minimum:"1" maximum:"720" doc:"Absent: a week."`
	}
}

type setupLinkPath struct {
	ConnectionPath
	Link string `path:"link" maxLength:"64"`
}

func (a *api) setupLinkRoutes(h huma.API) {
	const path = "/v1/connections/{id}/setup-links"
	register(a, h, http.MethodPost, path, "create-setup-link", "Make a link by which a customer's own administrator sets the connection up", http.StatusCreated, a.createSetupLink)
	register(a, h, http.MethodGet, path, "list-setup-links", "List set-up links", http.StatusOK, a.listSetupLinks)
	register(a, h, http.MethodDelete, path+"/{link}", "revoke-setup-link", "Take a set-up link back at once", http.StatusNoContent, a.revokeSetupLink)
}

func (a *api) createSetupLink(ctx context.Context, in *createSetupLink) (*answer[SetupLink], error) {
	life := time.Duration(in.Body.ExpiresInHours) * time.Hour
	l, token, err := a.cfg.Connections.CreateSetupLink(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), life)
	if err != nil {
		return nil, err
	}
	v := viewSetupLink(l)
	v.URL = a.cfg.Connections.SetupURL(token)
	return answered(v), nil
}

func (a *api) listSetupLinks(ctx context.Context, in *ConnectionPath) (*answer[list[SetupLink]], error) {
	rows, err := a.cfg.Connections.SetupLinks(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	out := list[SetupLink]{Items: make([]SetupLink, len(rows))}
	for n, l := range rows {
		out.Items[n] = viewSetupLink(l)
	}
	return answered(out), nil
}

func (a *api) revokeSetupLink(ctx context.Context, in *setupLinkPath) (*struct{}, error) {
	return nil, a.cfg.Connections.RevokeSetupLink(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Link)
}
