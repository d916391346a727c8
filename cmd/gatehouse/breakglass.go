package main

import (
	"net/http"

	"github.com/spf13/cobra"
)

// factors lists what a member proves themselves with.
func (t *things) factors() *cobra.Command {
	return &cobra.Command{Use: "factors ID", Short: "List the second factors that a member has with us", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return t.do(c, http.MethodGet, t.at(args[0], "/factors"), nil, []string{"id", "kind", "name", "status", "created_at", "last_used_at"})
	}}
}

func (t *things) enrolmentCode() *cobra.Command {
	return &cobra.Command{
		Use: "enrolment-code ID", Short: "Give out a code to set up a first factor with during an outage, shown this once", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return t.do(c, http.MethodPost, t.at(args[0], "/enrolment-code"), nil, []string{"code"})
		},
	}
}

func newBreakGlass() *cobra.Command {
	t := &things{
		remote: &remote{}, path: "/v1/break-glass-accounts", members: []string{"user_id", "login", "link", "created_by", "created_at"},
	}
	c := &cobra.Command{
		Use: "break-glass", Short: "Make and list accounts for when a workspace's upstream is no way in",
		Long: `Make and list accounts for when a workspace's upstream is no way in. Whoever has
one signs in at /break-glass?workspace=ID, with a passkey or a password and an
authenticator app, and every use is told as an event of severity P1. Remove one
with gatehouse member remove.`,
	}
	t.flags(c)
	c.PersistentFlags().StringVar(&t.workspace, "workspace", "", "workspace it is in; the caller's own without it")
	list := &cobra.Command{Use: "list", Short: "List them", RunE: func(c *cobra.Command, _ []string) error {
		return t.do(c, http.MethodGet, t.path+query("workspace_id", t.workspace), nil, t.members)
	}}
	c.AddCommand(list, t.create("create", "Make one, or give one that is there a new link, shown this once", func(c *cobra.Command, s *settings) {
		s.text(c, "login", "login", "what its person is called").text(c, "role", "role", "role it has (default owner)")
	}, "login"))
	return c
}
