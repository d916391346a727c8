package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

var clientMembers = []string{"client_id", "client_secret", "name", "token_endpoint_auth_method", "scopes", "status", "workspace_id"}

func newClient() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "client", Short: "Register, list, rotate and delete OAuth clients"}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace of the client; the key's own without it")
	c.AddCommand(newClientCreate(r, &workspace), newClientList(r, &workspace), newClientRotate(r, &workspace),
		clientByID(r, &workspace, "get", "Show a client", http.MethodGet),
		clientByID(r, &workspace, "delete", "Delete a client and end its tokens at once", http.MethodDelete))
	return c
}

func newClientCreate(r *remote, workspace *string) *cobra.Command {
	var name, method, environment, format string
	var redirects, scopes, grants, environments []string
	var introspect, skipConsent bool
	c := &cobra.Command{Use: "create", Short: "Register a client; its secret is shown this once", RunE: func(c *cobra.Command, _ []string) error {
		body := map[string]any{"name": name, "token_endpoint_auth_method": method, "redirect_uris": redirects, "scopes": scopes}
		setIf(body, "grant_types", grants)
		setText(body, "environment", environment)
		setText(body, "token_format", format)
		setText(body, "workspace_id", *workspace)
		setIf(body, "environments", environments)
		if introspect {
			body["introspect"] = true
		}
		if skipConsent {
			body["skip_consent"] = true
		}
		return r.do(c, http.MethodPost, "/v1/clients", body, clientMembers)
	}}
	f := c.Flags()
	f.StringVar(&name, "name", "", "name people see")
	f.StringVar(&method, "auth-method", "client_secret_basic", "none makes a public client")
	f.StringVar(&environment, "environment", "", "live or test")
	f.StringVar(&format, "token-format", "", "opaque or jwt")
	f.StringSliceVar(&redirects, "redirect-uri", nil, "redirect URI, exactly as it will be sent; repeatable")
	f.StringSliceVar(&scopes, "scope", nil, "scope the client may ask for; repeatable")
	f.StringSliceVar(&grants, "grant-type", nil, "authorization_code, refresh_token, client_credentials or urn:ietf:params:oauth:grant-type:device_code; repeatable")
	f.BoolVar(&introspect, "introspect", false, "platform clients: may introspect credentials of every workspace")
	f.StringSliceVar(&environments, "serves", nil, "platform clients: environments whose credentials they may introspect; repeatable")
	f.BoolVar(&skipConsent, "skip-consent", false, "platform clients: the operator's own application, people are not asked")
	_ = c.MarkFlagRequired("name")
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
			path := "/v1/clients/" + url.PathEscape(args[0]) + "/rotate" + query("workspace_id", *workspace)
			return r.do(c, http.MethodPost, path, map[string]any{"overlap": overlap}, clientMembers)
		},
	}
	c.Flags().StringVar(&overlap, "overlap", "24h", "how long the old secret works on")
	return c
}

func clientByID(r *remote, workspace *string, use, short, method string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return r.do(c, method, "/v1/clients/"+url.PathEscape(args[0])+query("workspace_id", *workspace), nil, clientMembers)
	}}
}

func setText(body map[string]any, member, text string) {
	if text != "" {
		body[member] = text
	}
}

func setIf(body map[string]any, member string, list []string) {
	if len(list) > 0 {
		body[member] = list
	}
}
