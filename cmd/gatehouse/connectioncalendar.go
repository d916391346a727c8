package main

import (
	"net/http"
	"strconv"

	"github.com/spf13/cobra"
)

func connectionCalendar(r *remote, workspace *string) *cobra.Command {
	var days int
	c := &cobra.Command{Use: "calendar", Short: "List what ends when: certificates, set-up links, overrides", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		within := ""
		if days > 0 {
			within = strconv.Itoa(days)
		}
		return r.do(c, http.MethodGet, "/v1/connections:calendar"+query("workspace_id", *workspace, "within_days", within), nil,
			[]string{"at", "days_left", "kind", "name", "connection_id", "id", "last"})
	}}
	c.Flags().IntVar(&days, "days", 0, "only what ends within so many days, or has ended")
	return c
}
