package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

var policyMembers = []string{"enforce_rotation", "disable_unused_after", "revision", "updated_at"}

func newKeyPolicy(r *remote, workspace *string) *cobra.Command {
	var enforce bool
	var unused string
	c := &cobra.Command{
		Use: "policy", Short: "Show or decide what a workspace asks of all its keys",
		Long: `Show what a workspace asks of all its keys, those it has among them; with flags, decide
it. What is not given then is not asked for.`,
		RunE: func(c *cobra.Command, _ []string) error {
			if *workspace == "" {
				return usagef("--workspace is required")
			}
			path := "/v1/workspaces/" + url.PathEscape(*workspace) + "/key-policy"
			if !c.Flags().Changed("enforce-rotation") && !c.Flags().Changed("disable-unused-after") {
				return r.do(c, http.MethodGet, path, nil, policyMembers)
			}
			body := map[string]any{"enforce_rotation": enforce}
			setText(body, "disable_unused_after", unused)
			return r.do(c, http.MethodPut, path, body, policyMembers)
		},
	}
	c.Flags().BoolVar(&enforce, "enforce-rotation", false, "replace every key at the age the issuer lets workspaces enforce")
	c.Flags().StringVar(&unused, "disable-unused-after", "", "disable keys that were not used for as long, such as P90D")
	return c
}
