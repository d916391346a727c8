package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
)

// Explanation is what would happen to somebody who signs in.
type Explanation struct {
	Email  string `json:"email"`
	Domain string `json:"domain"`
	Home   string `json:"home" enum:"domain,only_active,chooser,no_connections" doc:"How the connections are found: by the domain, the only one in use, all in use to choose from, or none."`
	Unused string `json:"unused_connection_id,omitempty" doc:"The domain is of this connection, which is not in use."`
	Ways   []Way  `json:"ways"`
}

// Way is a connection they could sign in by.
type Way struct {
	ConnectionID  string       `json:"connection_id"`
	Name          string       `json:"name"`
	Side          string       `json:"side" enum:"oidc,saml"`
	Because       string       `json:"because" enum:"only_side,route,override,circuit,usual" doc:"Why that side."`
	Route         *authz.Route `json:"route,omitempty" doc:"The rule that leads there. One about a group is by what was told at the last sign-ins of the member with this address."`
	Asked         bool         `json:"asked,omitempty" doc:"They are told of the outage first, and go on if they say so."`
	OverrideUntil string       `json:"override_until,omitempty"`
	CircuitOpen   bool         `json:"circuit_open,omitempty" doc:"The OpenID provider has not answered us lately."`
	Outcome       string       `json:"outcome" enum:"known,joins,invited,refused"`
	Reason        string       `json:"reason,omitempty" doc:"That of the audit entry, where they would be refused."`
	Words         string       `json:"words" doc:"Why, in plain words."`
	UserID        string       `json:"user_id,omitempty" doc:"The member with this address whom that side knows."`
	ACRValues     []string     `json:"acr_values,omitempty" doc:"What conditional access asks of the sign-in, one of which will do."`
	MaxAge        int64        `json:"max_age,omitempty" doc:"How old the sign-in may be, in seconds, as conditional access asks."`
	Denied        string       `json:"denied,omitempty" doc:"What conditional access refuses, whoever signs in."`
}

func viewExplanation(e connection.Explanation) Explanation {
	return Explanation{Email: e.Email, Domain: e.Domain, Home: string(e.Home), Unused: string(e.Unused), Ways: views(e.Ways, viewWay)}
}

func viewWay(w connection.Way) Way {
	v := Way{
		ConnectionID: string(w.Connection.ID), Name: w.Connection.Name, Side: string(w.Side), Because: w.Because, Route: w.Route, Asked: w.Ask, OverrideUntil: stamp(w.OverrideUntil),
		CircuitOpen: w.CircuitOpen, Outcome: string(w.Outcome), Reason: w.Reason, Words: w.Words, UserID: string(w.User), Denied: w.Denied,
	}
	if w.Rule != nil {
		v.ACRValues, v.MaxAge = w.Rule.ACRValues, int64(w.Rule.MaxAge.Seconds())
	}
	return v
}

type explainSignIn struct {
	Body struct {
		ForWorkspace
		Email string `json:"email" minLength:"3" maxLength:"320"`
	}
}

func (a *api) explainRoutes(h huma.API) {
	repeatable(a, h, http.MethodPost, "/v1/connections:explain", "explain-sign-in", "Say what would happen if somebody with an address signed in; asks nobody and changes nothing", http.StatusOK,
		func(ctx context.Context, in *explainSignIn) (*answer[Explanation], error) {
			e, err := a.cfg.Connections.Explain(ctx, principal(ctx), in.Body.in(ctx), in.Body.Email)
			if err != nil {
				return nil, err
			}
			return answered(viewExplanation(e)), nil
		})
}
