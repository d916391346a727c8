package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// ClientRevision is what a client came to be by a change.
type ClientRevision struct {
	Actor     string `json:"actor"`
	ChangedAt string `json:"changed_at"`
	Client    Client `json:"client"`
}

func (a *api) clientHistoryRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/clients/{id}/history", "get-client-history", "The last hundred revisions of a client, newest first", http.StatusOK, a.clientHistory)
	type rollback struct {
		ClientPath
		IfMatch
		Body struct {
			Revision int64 `json:"revision" minimum:"1" doc:"The revision whose settings to take up again."`
		}
	}
	repeatable(a, h, http.MethodPost, "/v1/clients/{id}/rollback", "roll-back-client", "Give a client the settings of an earlier revision", http.StatusOK,
		func(ctx context.Context, in *rollback) (*answer[Client], error) {
			revision, err := in.revision()
			if err != nil {
				return nil, err
			}
			c, err := a.cfg.Admin.RollBackClient(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client(), revision, in.Body.Revision)
			if err != nil {
				return nil, err
			}
			return clientAnswer(c, ""), nil
		})
}

func (a *api) clientHistory(ctx context.Context, in *ClientPath) (*answer[list[ClientRevision]], error) {
	rows, err := a.cfg.Admin.ClientHistory(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.client())
	if err != nil {
		return nil, err
	}
	out := list[ClientRevision]{Items: []ClientRevision{}}
	for _, r := range rows {
		out.Items = append(out.Items, viewClientRevision(r))
	}
	return answered(out), nil
}

func viewClientRevision(r authz.ClientRevision) ClientRevision {
	return ClientRevision{Actor: r.Actor, ChangedAt: stamp(r.At), Client: viewClient(r.Client)}
}
