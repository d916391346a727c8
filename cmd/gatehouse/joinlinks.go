package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// joinLinks are links by which a side of a connection comes to know a member.
func (t *things) joinLinks() *cobra.Command {
	link := &cobra.Command{Use: "join-link", Short: "Links by which one side of a connection comes to know a member, once"}
	members := []string{"id", "url", "connection_id", "side", "status", "made_by", "created_at", "expires_at"}
	create := &cobra.Command{Use: "create ID", Short: "Make a link for a member, shown once: whoever signs in by it is them", Args: cobra.ExactArgs(1)}
	s := newSettings().text(create, "connection", "connection_id", "connection they sign in by").
		text(create, "side", "side", "oidc or saml").text(create, "expires-in", "expires_in", "how long it is good, 168h at most (default 24h)")
	_ = create.MarkFlagRequired("connection")
	_ = create.MarkFlagRequired("side")
	create.RunE = func(c *cobra.Command, args []string) error {
		return t.do(c, http.MethodPost, t.at(args[0], "/join-links"), s.body(c), members)
	}
	link.AddCommand(create,
		&cobra.Command{Use: "list ID", Short: "List the links of a member", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return t.do(c, http.MethodGet, t.at(args[0], "/join-links"), nil, members)
		}},
		&cobra.Command{Use: "revoke ID LINK", Short: "Take a link back at once", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return t.do(c, http.MethodDelete, t.at(args[0], "/join-links/"+url.PathEscape(args[1])), nil, nil)
		}})
	return link
}
