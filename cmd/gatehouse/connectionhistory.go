package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

// connectionHistory shows what a connection was, and takes it up again.
func connectionHistory(r *remote, path func(id, suffix string) string) []*cobra.Command {
	history := &cobra.Command{
		Use: "history ID", Short: "List the last hundred revisions of a connection, newest first", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodGet, path(args[0], "/history"), nil, []string{"changed_at", "actor", "connection"})
		},
	}
	rollback := &cobra.Command{Use: "rollback ID", Short: "Give a connection the settings of an earlier revision", Args: cobra.ExactArgs(1)}
	to := rollback.Flags().Int64("to", 0, "revision to take up again")
	revision := revisionFlag(rollback)
	_ = rollback.MarkFlagRequired("to")
	rollback.RunE = func(c *cobra.Command, args []string) error {
		return r.change(c, *revision, http.MethodPost, path(args[0], "/rollback"), map[string]any{"revision": *to}, connectionMembers)
	}
	return []*cobra.Command{history, rollback}
}
