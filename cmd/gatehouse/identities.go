package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

func identityMembers() []string {
	return []string{"id", "connection_id", "side", "subject", "linked_by", "linked_at", "last_login_at"}
}

// identityFlags name what a side of a connection calls somebody.
func identityFlags(c *cobra.Command) *settings {
	s := newSettings().text(c, "connection", "connection_id", "connection they sign in by").
		text(c, "side", "side", "oidc or saml (default oidc)").
		text(c, "subject", "subject", "what that side calls them, exactly: a test sign-in shows it")
	_ = c.MarkFlagRequired("connection")
	_ = c.MarkFlagRequired("subject")
	return s
}

func (t *things) createMember() *cobra.Command {
	c := &cobra.Command{Use: "create", Short: "Make a member of somebody before their first sign-in, by what a connection calls them"}
	identity := identityFlags(c)
	s := newSettings().text(c, "role", "role", "role they have (default member)").
		text(c, "name", "name", "name to show until they sign in").text(c, "email", "email", "address to show; nobody is recognised by it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := s.body(c)
		body["identity"] = identity.body(c)
		setText(body, "workspace_id", t.workspace)
		return t.do(c, http.MethodPost, t.path, body, t.members)
	}
	return c
}

func (t *things) identities() *cobra.Command {
	return &cobra.Command{Use: "identities ID", Short: "List what the workspace's connections call a member", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return t.do(c, http.MethodGet, t.at(args[0], "/identities"), nil, identityMembers())
	}}
}

func (t *things) identify() *cobra.Command {
	c := &cobra.Command{Use: "link ID", Short: "Say what a side of a connection calls a member: whoever signs in there so is them", Args: cobra.ExactArgs(1)}
	s := identityFlags(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return t.do(c, http.MethodPost, t.at(args[0], "/identities"), s.body(c), identityMembers())
	}
	return c
}

func (t *things) unlink() *cobra.Command {
	return &cobra.Command{Use: "unlink ID IDENTITY", Short: "Take an identity from a member, with the sessions and grants that came by it", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
		return t.do(c, http.MethodDelete, t.at(args[0], "/identities/"+url.PathEscape(args[1])), nil, nil)
	}}
}
