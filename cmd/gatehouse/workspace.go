package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

var workspaceMembers = []string{"id", "name", "status", "tier", "leaver", "account_id", "revision", "created_at"}

func newWorkspace() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "workspace", Short: "Create, list, change, suspend, resume and delete workspaces"}
	r.flags(c)

	var name, account, cursor string
	create := &cobra.Command{Use: "create", Short: "Create a workspace", RunE: func(c *cobra.Command, _ []string) error {
		body := map[string]any{"name": name}
		if account != "" {
			body["account_id"] = account
		}
		return r.do(c, http.MethodPost, "/v1/workspaces", body, workspaceMembers)
	}}
	create.Flags().StringVar(&name, "name", "", "name of the workspace")
	create.Flags().StringVar(&account, "account", "", "account that owns it; without it a new one is made")
	_ = create.MarkFlagRequired("name")

	list := &cobra.Command{Use: "list", Short: "List workspaces", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/workspaces"+query("cursor", cursor), nil, workspaceMembers)
	}}
	list.Flags().StringVar(&cursor, "cursor", "", "continue a list")

	one := func(use, short, method, suffix string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, method, "/v1/workspaces/"+url.PathEscape(args[0])+suffix, nil, workspaceMembers)
		}}
	}
	t := &things{remote: r, path: "/v1/workspaces", members: workspaceMembers}
	c.AddCommand(t.update("Change a workspace", func(c *cobra.Command, s *settings) {
		s.text(c, "name", "name", "name of the workspace").text(c, "tier", "tier", "plan of the workspace; the operator's to decide").
			text(c, "leaver", "leaver", "what becomes of the keys of a member who leaves: transfer or end")
	}), one("delete", "End a workspace and everything in it, for good", http.MethodDelete, ""))
	c.AddCommand(create, list,
		one("get", "Show a workspace", http.MethodGet, ""),
		one("suspend", "Suspend a workspace: everything below it stops at once", http.MethodPost, "/suspend"),
		one("resume", "Resume a workspace: keys work again, tokens stay dead", http.MethodPost, "/resume"))
	return c
}

// do sends a request and prints the answer.
func (r *remote) do(c *cobra.Command, method, path string, body any, members []string) error {
	return r.change(c, 0, method, path, body, members)
}
