package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

func newKeyRotation(r *remote, workspace *string) *cobra.Command {
	return &cobra.Command{
		Use: "rotation ID", Short: "Show how far the rotation of a key is: who was given the new text, who still uses the old key",
		Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
			path, err := r.keysPath(c.Context())
			if err != nil {
				return err
			}
			return r.do(c, http.MethodGet, path+keyPath(args[0], "/rotation", *workspace), nil, []string{"old", "successor", "text", "handed_to", "delivery"})
		},
	}
}

func newKeyReach(r *remote, workspace *string) *cobra.Command {
	return &cobra.Command{
		Use: "blast-radius ID", Short: "Show what whoever holds a key can do, what came of it, and what revoking it ends",
		Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
			path, err := r.keysPath(c.Context())
			if err != nil {
				return err
			}
			members := []string{"live", "mints", "grants", "tokens_issued_last_day", "keys_made", "successors", "callers", "recent"}
			return r.do(c, http.MethodGet, path+keyPath(args[0], "/blast-radius", *workspace), nil, members)
		},
	}
}

func newKeyDeliver(r *remote, workspace *string) *cobra.Command {
	return &cobra.Command{
		Use: "deliver ID", Short: "Bring the text of a key that replaced another to its destination again, where it did not arrive",
		Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
			path, err := r.keysPath(c.Context())
			if err != nil {
				return err
			}
			members := []string{"destination_id", "status", "attempts", "next_attempt_at", "last_error", "kept_until"}
			return r.do(c, http.MethodPost, path+keyPath(args[0], "/deliver", *workspace), nil, members)
		},
	}
}
