package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// explanation is the part of an answer that is told as text.
type explanation struct {
	Domain string `json:"domain"`
	Home   string `json:"home"`
	Unused string `json:"unused_connection_id"`
	Ways   []struct {
		ID          string `json:"connection_id"`
		Name        string `json:"name"`
		Side        string `json:"side"`
		Because     string `json:"because"`
		Route       struct{ Domain, Email, Group string }
		Asked       bool     `json:"asked"`
		CircuitOpen bool     `json:"circuit_open"`
		Outcome     string   `json:"outcome"`
		Reason      string   `json:"reason"`
		Words       string   `json:"words"`
		User        string   `json:"user_id"`
		ACRValues   []string `json:"acr_values"`
		MaxAge      int64    `json:"max_age"`
		Denied      string   `json:"denied"`
	} `json:"ways"`
}

func connectionExplain(r *remote, workspace *string) *cobra.Command {
	return &cobra.Command{
		Use: "explain EMAIL", Short: "Say what would happen if somebody with an address signed in; asks nobody and changes nothing", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			body := map[string]any{"email": args[0]}
			setText(body, "workspace_id", *workspace)
			answer, err := r.call(c.Context(), http.MethodPost, "/v1/connections:explain", body)
			if err != nil || r.output == "json" {
				return firstOf(err, func() error { return r.print(answer) })
			}
			var e explanation
			if err := json.Unmarshal(answer, &e); err != nil {
				return err
			}
			e.print()
			return nil
		},
	}
}

func (e explanation) print() {
	home := map[string]string{
		"domain": "the domain " + e.Domain + " is this connection's", "only_active": "it is the only connection in use",
		"chooser": "the domain " + e.Domain + " is no connection's: they choose", "no_connections": "no connection is in use: nobody signs in",
	}
	fmt.Println("home:", home[e.Home])
	if e.Unused != "" {
		fmt.Println("      the domain is of", e.Unused+", which is not in use")
	}
	for _, w := range e.Ways {
		fmt.Printf("\n%s (%s)\n  side: %s, %s", w.Name, w.ID, w.Side, w.Because)
		if about := w.Route.Domain + w.Route.Email + w.Route.Group; about != "" {
			fmt.Print(" of ", about)
		}
		if w.Asked {
			fmt.Print("; they are told of the outage first")
		}
		if w.CircuitOpen && w.Because != "circuit" {
			fmt.Print("; the OpenID provider has not answered lately")
		}
		fmt.Printf("\n  outcome: %s", strings.TrimSpace(w.Outcome+" "+w.User))
		if w.Reason != "" {
			fmt.Printf(" (%s)", w.Reason)
		}
		fmt.Printf("\n    %s\n", w.Words)
		switch {
		case w.Denied != "":
			fmt.Println("  conditional access:", w.Denied)
		case len(w.ACRValues) > 0 || w.MaxAge > 0:
			fmt.Printf("  conditional access: asks for %s, at most %d seconds old\n", strings.Join(w.ACRValues, " or "), w.MaxAge)
		default:
			fmt.Println("  conditional access: asks for nothing more")
		}
	}
}
