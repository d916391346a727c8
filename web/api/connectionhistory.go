package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// ConnectionRevision is what a connection came to be by a change.
type ConnectionRevision struct {
	Actor      string     `json:"actor"`
	ChangedAt  string     `json:"changed_at"`
	Connection Connection `json:"connection"`
}

type rollBackConnection struct {
	ConnectionPath
	IfMatch
	Body struct {
		Revision int64 `json:"revision" minimum:"1" doc:"The revision whose settings to take up again."`
	}
}

func (a *api) connectionHistoryRoutes(h huma.API) {
	const path = "/v1/connections/{id}"
	register(a, h, http.MethodGet, path+"/history", "get-connection-history", "The last hundred revisions of a connection, newest first", http.StatusOK, a.connectionHistory)
	repeatable(a, h, http.MethodPost, path+"/rollback", "roll-back-connection", "Give a connection the settings of an earlier revision", http.StatusOK, a.rollBackConnection)
}

func (a *api) connectionHistory(ctx context.Context, in *ConnectionPath) (*answer[list[ConnectionRevision]], error) {
	rows, err := a.cfg.Connections.History(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	out := list[ConnectionRevision]{Items: make([]ConnectionRevision, 0, len(rows))}
	for _, r := range rows {
		out.Items = append(out.Items, ConnectionRevision{Actor: r.Actor, ChangedAt: stamp(r.At), Connection: viewConnection(r.Connection)})
	}
	return answered(out), nil
}

func (a *api) rollBackConnection(ctx context.Context, in *rollBackConnection) (*answer[Connection], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	return a.connection(a.cfg.Connections.RollBack(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), revision, in.Body.Revision))
}
