package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func newOperator() *cobra.Command {
	r := &remote{}
	members := []string{"id", "login", "created_by", "created_at"}
	c := &cobra.Command{
		Use: "operator", Short: "List and remove operators of an issuer",
		Long: `List and remove the people who administer every workspace of an issuer, with an
operator's key. One is made, and gets a new link, by gatehouse bootstrap.`,
	}
	r.flags(c)
	list := &cobra.Command{Use: "list", Short: "List them", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/operators", nil, members)
	}}
	var last bool
	remove := &cobra.Command{
		Use: "remove ID", Short: "Remove one, with all they sign in with and their sessions", Args: cobra.ExactArgs(1),
		Long: `Remove an operator, with all they sign in with, their links and their sessions.
API keys are nobody's and stay: revoke those that the operator has, gatehouse key
list shows them. The last operator who can sign in is removed with --last only.`,
		RunE: func(c *cobra.Command, args []string) error {
			path := "/v1/operators/" + url.PathEscape(args[0])
			if last {
				path += "?last=true"
			}
			return r.do(c, http.MethodDelete, path, nil, members)
		},
	}
	remove.Flags().BoolVar(&last, "last", false, "though nobody else is left who can sign in as an operator")
	c.AddCommand(list, remove)
	return c
}
