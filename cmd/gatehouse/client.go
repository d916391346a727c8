package main

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

var clientMembers = []string{"client_id", "client_secret", "name", "profile", "token_endpoint_auth_method", "scopes", "status", "workspace_id", "registration"}

func newClient() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "client", Short: "Register, list, change, rotate and delete OAuth clients"}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace of the client; the key's own without it")
	c.AddCommand(newClientCreate(r, &workspace), newClientUpdate(r, &workspace), newRegistrationToken(r, &workspace), newClientList(r, &workspace), newClientRotate(r, &workspace),
		newClientHistory(r, &workspace), newClientRollback(r, &workspace),
		clientByID(r, &workspace, "get", "Show a client", http.MethodGet),
		clientByID(r, &workspace, "delete", "Delete a client and end its tokens at once", http.MethodDelete))
	return c
}

func newClientList(r *remote, workspace *string) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "list", Short: "List clients", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/clients"+query("workspace_id", *workspace, "cursor", cursor), nil, clientMembers)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func newClientRotate(r *remote, workspace *string) *cobra.Command {
	var overlap string
	c := &cobra.Command{
		Use: "rotate ID", Short: "Give a client a new secret, shown this once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/v1/clients/" + clientPath(args[0]) + "/rotate" + query("workspace_id", *workspace)
			return r.do(c, http.MethodPost, path, map[string]any{"overlap": overlap}, clientMembers)
		},
	}
	c.Flags().StringVar(&overlap, "overlap", "24h", "how long the old secret works on")
	return c
}

func newClientHistory(r *remote, workspace *string) *cobra.Command {
	return &cobra.Command{
		Use: "history ID", Short: "List the last hundred revisions of a client, newest first", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := "/v1/clients/" + clientPath(args[0]) + "/history" + query("workspace_id", *workspace)
			return r.do(c, http.MethodGet, path, nil, []string{"changed_at", "actor", "client"})
		},
	}
}

func newClientRollback(r *remote, workspace *string) *cobra.Command {
	c := &cobra.Command{Use: "rollback ID", Short: "Give a client the settings of an earlier revision", Args: cobra.ExactArgs(1)}
	to := c.Flags().Int64("to", 0, "revision to take up again")
	revision := revisionFlag(c)
	_ = c.MarkFlagRequired("to")
	c.RunE = func(c *cobra.Command, args []string) error {
		path := "/v1/clients/" + clientPath(args[0]) + "/rollback" + query("workspace_id", *workspace)
		return r.change(c, *revision, http.MethodPost, path, map[string]any{"revision": *to}, clientMembers)
	}
	return c
}

func clientByID(r *remote, workspace *string, use, short, method string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return r.do(c, method, "/v1/clients/"+clientPath(args[0])+query("workspace_id", *workspace), nil, clientMembers)
	}}
}

// clientPath names a client in a path; a client_id that is a URL cannot stand
// there as it is.
func clientPath(id string) string {
	if strings.Contains(id, "://") {
		return "url_" + base64.RawURLEncoding.EncodeToString([]byte(id))
	}
	return url.PathEscape(id)
}

func setText(body map[string]any, member, text string) {
	if text != "" {
		body[member] = text
	}
}
