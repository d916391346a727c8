package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz/connection"
)

// End is something at a connection that ends.
type End struct {
	At           string `json:"at"`
	Kind         string `json:"kind" enum:"provider_certificate,our_certificate,setup_link,override,metadata"`
	ConnectionID string `json:"connection_id"`
	Name         string `json:"name" doc:"Of the connection."`
	ID           string `json:"id,omitempty" doc:"Fingerprint of the certificate (SHA-256, in hex), or id of the link."`
	DaysLeft     int    `json:"days_left" doc:"Whole days; below 0 for what has ended."`
	Last         bool   `json:"last,omitempty" doc:"No other certificate of its kind outlives it."`
}

func (a *api) viewEnd(e connection.End) End {
	left := e.At.Sub(a.cfg.Clock.Now())
	days := int(left / (24 * time.Hour))
	if left < 0 {
		days--
	}
	return End{
		At: stamp(e.At), Kind: string(e.Kind), ConnectionID: string(e.Connection.ID), Name: e.Connection.Name, ID: e.Name, DaysLeft: days, Last: e.Last,
	}
}

type connectionCalendar struct {
	InWorkspace
	Days int `query:"within_days" minimum:"0" maximum:"36500" doc:"What ends within so many days, and what has ended; absent: everything."`
}

func (a *api) calendarRoutes(h huma.API) {
	register(a, h, http.MethodGet, "/v1/connections:calendar", "list-connection-ends", "List what ends when at the connections of a workspace, the soonest first", http.StatusOK,
		func(ctx context.Context, in *connectionCalendar) (*answer[list[End]], error) {
			var until time.Time
			if in.Days > 0 {
				until = a.cfg.Clock.Now().Add(time.Duration(in.Days) * 24 * time.Hour)
			}
			ends, err := a.cfg.Connections.Calendar(ctx, principal(ctx), in.in(ctx), until)
			if err != nil {
				return nil, err
			}
			return answered(list[End]{Items: views(ends, a.viewEnd)}), nil
		})
}
