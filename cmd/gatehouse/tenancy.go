package main

import (
	"bufio"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

func newAccount() *cobra.Command {
	r := &remote{}
	t := &things{remote: r, path: "/v1/accounts", members: []string{"id", "name", "status", "revision", "created_at"}}
	c := &cobra.Command{Use: "account", Short: "Create, list, rename and suspend accounts: customers that own workspaces"}
	r.flags(c)
	name := func(c *cobra.Command, s *settings) { s.text(c, "name", "name", "name of the account") }
	c.AddCommand(t.list(), t.byID("get", "Show an account", http.MethodGet, ""),
		t.create("create", "Create an account", name, "name"), t.update("Rename an account", name),
		t.byID("suspend", "Suspend an account: everything of its workspaces stops at once", http.MethodPost, "/suspend"),
		t.byID("resume", "Resume an account: keys work again, tokens stay dead", http.MethodPost, "/resume"))
	return c
}

func newMember() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "member", short: "List the people of a workspace, make them in advance, change their role, remove them",
		path: "/v1/members", members: []string{"user_id", "role", "name", "email", "revision", "created_at"},
	}
	var successor string
	remove := &cobra.Command{Use: "remove ID", Short: "Remove a member, with their sessions and tokens in the workspace", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		path := t.path + "/" + url.PathEscape(args[0]) + query("workspace_id", t.workspace, "successor", successor)
		return t.do(c, http.MethodDelete, path, nil, nil)
	}}
	remove.Flags().StringVar(&successor, "successor", "", "who answers for the member's service accounts, where they are passed on")
	return t.command(remove, t.update("Give a member another role", func(c *cobra.Command, s *settings) {
		s.text(c, "role", "role", "owner, admin, developer, viewer, member, or the id of a role of your own")
	}), t.factors(), t.byID("reset-factors", "Forget a member's second factors and recovery codes, and end their sessions", http.MethodDelete, "/factors"),
		t.enrolmentCode(), t.createMember(), t.identities(), t.identify(), t.unlink(), t.joinLinks())
}

func newInvitation() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "invitation", short: "Invite people to a workspace, list and end invitations",
		path: "/v1/invitations", members: []string{"id", "token", "link", "email", "role", "status", "expires_at"},
	}
	accept := &cobra.Command{
		Use: "accept", Short: "Join the workspace one was invited to; the token is read from standard input",
		RunE: func(c *cobra.Command, _ []string) error {
			token, _ := bufio.NewReader(os.Stdin).ReadString('\n')
			if token = strings.TrimSpace(token); token == "" {
				return usagef("no token on standard input")
			}
			return t.do(c, http.MethodPost, t.path+"/accept", map[string]any{"invitation": token}, []string{"workspace_id", "user_id", "role"})
		},
	}
	return t.command(accept, t.byID("revoke", "End an invitation", http.MethodDelete, ""),
		t.create("create", "Invite a person; the token is shown this once", func(c *cobra.Command, s *settings) {
			s.text(c, "email", "email", "whom the invitation is for").text(c, "role", "role", "role to join with (default member)").
				text(c, "expires-in", "expires_in", "how long it is good, 1m to 720h (default 168h)")
		}, "email"))
}

func newTeam() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "team", short: "Create and list teams, and say who is in them",
		path: "/v1/teams", members: []string{"id", "name", "members", "revision", "created_at"},
	}
	name := func(c *cobra.Command, s *settings) { s.text(c, "name", "name", "name of the team") }
	person := func(use, short, method string) *cobra.Command {
		return &cobra.Command{Use: use + " ID USER", Short: short, Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return t.do(c, method, t.at(args[0], "/members/"+url.PathEscape(args[1])), nil, nil)
		}}
	}
	return t.command(t.create("create", "Create a team", name, "name"), t.update("Rename a team", name),
		t.byID("delete", "Delete a team; its people lose its roles at once", http.MethodDelete, ""),
		person("add", "Put a member into a team", http.MethodPut), person("remove", "Take a member out of a team", http.MethodDelete))
}

func newRole() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "role", short: "List roles, make and change roles of your own",
		path: "/v1/roles", members: []string{"id", "name", "permissions", "read_only", "built_in", "revision"},
	}
	flags := func(c *cobra.Command, s *settings) {
		s.text(c, "name", "name", "name of the role").list(c, "permission", "permissions", "scope that the role allows")
	}
	create := t.create("create", "Create a role", func(c *cobra.Command, s *settings) {
		flags(c, s)
		s.toggle(c, "read-only", "read_only", "for good: the role never allows to change anything")
	}, "name", "permission")
	return t.command(create, t.update("Change a role, and what everybody may do who has it", flags),
		t.byID("delete", "Delete a role that nobody has", http.MethodDelete, ""))
}

func newRoleBinding() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "role-binding", short: "Give people, teams and service accounts roles, and take them back",
		path: "/v1/role-bindings", members: []string{"id", "subject_kind", "subject", "role", "environment", "resources"},
	}
	return t.command(t.bind(), t.byID("delete", "Take a role from a subject, at once", http.MethodDelete, ""))
}

// bind gives a role; the resources are one member of the body.
func (t *things) bind() *cobra.Command {
	c := &cobra.Command{Use: "create", Short: "Give a subject a role"}
	s := newSettings().text(c, "role", "role", "admin, developer, viewer, or the id of a role of your own").
		text(c, "user", "user", "give it to a member").text(c, "team", "team", "give it to a team").
		text(c, "service-account", "service_account", "give it to a service account").
		text(c, "environment", "environment", "live or test (default both)")
	r := newSettings().list(c, "cluster", "clusters", "limit it to a cluster").list(c, "check-group", "check_groups", "limit it to a check group").
		list(c, "alert-route", "alert_routes", "limit it to an alert route")
	_ = c.MarkFlagRequired("role")
	c.MarkFlagsOneRequired("user", "team", "service-account")
	c.MarkFlagsMutuallyExclusive("user", "team", "service-account")
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := s.body(c)
		for _, kind := range []string{"user", "team", "service_account"} {
			if subject, ok := body[kind]; ok {
				delete(body, kind)
				body["subject_kind"], body["subject"] = kind, subject
			}
		}
		if resources := r.body(c); len(resources) > 0 {
			body["resources"] = resources
		}
		setText(body, "workspace_id", t.workspace)
		return t.do(c, http.MethodPost, t.path, body, t.members)
	}
	return c
}

func newServiceAccount() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "service-account", short: "Create, list, disable and delete service accounts: subjects that hold keys and never sign in",
		path: "/v1/service-accounts", members: []string{"id", "name", "owner_id", "team_id", "bound", "status", "revision"},
	}
	flags := func(c *cobra.Command, s *settings) {
		s.text(c, "name", "name", "name of the service account").text(c, "owner", "owner_id", "member who answers for it").
			text(c, "team", "team_id", "team that looks after it")
	}
	return t.command(t.create("create", "Create a service account", flags, "name"), t.update("Change a service account", flags),
		t.byID("disable", "Make every key and token of it inactive, at once", http.MethodPost, "/disable"),
		t.byID("enable", "Take that back: keys work again, tokens stay dead", http.MethodPost, "/enable"),
		t.byID("delete", "End it with every key and token of it", http.MethodDelete, ""))
}

func newResource() *cobra.Command {
	t := &things{
		remote: &remote{}, use: "resource", short: "Register the clusters, check groups and alert routes that keys and roles can be limited to",
		members: []string{"kind", "id", "name", "environment", "team_id", "revision"},
	}
	c := t.command()
	kind := c.PersistentFlags().String("kind", "cluster", "cluster, check_group or alert_route")
	c.PersistentPreRun = func(*cobra.Command, []string) { t.path = "/v1/resources/" + url.PathEscape(*kind) }
	flags := func(c *cobra.Command, s *settings) {
		s.text(c, "name", "name", "name people see").text(c, "environment", "environment", "live or test (default both)").
			text(c, "team", "team_id", "team that looks after it")
	}
	c.AddCommand(t.create("register", "Register a resource", func(c *cobra.Command, s *settings) {
		s.text(c, "id", "id", "your own id for it")
		flags(c, s)
	}, "id"), t.update("Change what is known of a resource", flags),
		t.byID("forget", "Forget a resource; what is limited to it stays so", http.MethodDelete, ""))
	return c
}
