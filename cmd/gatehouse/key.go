package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

var keyMembers = []string{"id", "key", "name", "environment", "scopes", "status", "prefix", "last4", "created_at", "workspace_id"}

func newKey() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "key", Short: "Create, list, revoke and search for API keys"}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace of the key; the caller's own without it")
	c.AddCommand(newKeyCreate(r, &workspace), newKeyList(r, &workspace), newKeyScan(r),
		keyByID(r, &workspace, "get", "Show a key", http.MethodGet),
		keyByID(r, &workspace, "revoke", "Revoke a key and everything made from it, at once", http.MethodDelete))
	return c
}

// keysPath is the product's path for keys; the server's API description says
// which of the two it is.
func (r *remote) keysPath(ctx context.Context) (string, error) {
	answer, err := r.call(ctx, http.MethodGet, "/v1/openapi.json", nil)
	if err != nil {
		return "", err
	}
	var description struct {
		Paths map[string]json.RawMessage `json:"paths"`
	}
	if err := json.Unmarshal(answer, &description); err != nil {
		return "", err
	}
	for _, path := range []string{"/v1/auth/keys", "/v1/api-keys"} {
		if _, ok := description.Paths[path]; ok {
			return path, nil
		}
	}
	return "/v1/api-keys", nil
}

// doKeys is do, below the product's path for keys.
func (r *remote) doKeys(c *cobra.Command, method, suffix string, body any) error {
	path, err := r.keysPath(c.Context())
	if err != nil {
		return err
	}
	return r.do(c, method, path+suffix, body, keyMembers)
}

func newKeyCreate(r *remote, workspace *string) *cobra.Command {
	var name, environment, expires string
	var scopes, cidrs []string
	c := &cobra.Command{Use: "create", Short: "Create an API key; its text is shown this once", RunE: func(c *cobra.Command, _ []string) error {
		body := map[string]any{"name": name, "environment": environment, "scopes": scopes}
		setIf(body, "ip_allowlist", cidrs)
		setText(body, "expires_at", expires)
		setText(body, "workspace_id", *workspace)
		return r.doKeys(c, http.MethodPost, "", body)
	}}
	f := c.Flags()
	f.StringVar(&name, "name", "", "what the key is for")
	f.StringVar(&environment, "environment", "test", "live or test")
	f.StringSliceVar(&scopes, "scope", nil, "scope, such as monitor:read; repeatable")
	f.StringSliceVar(&cidrs, "allow", nil, "CIDR block the key may be used from; repeatable")
	f.StringVar(&expires, "expires-at", "", "end of the key, such as 2027-01-31T00:00:00Z")
	_ = c.MarkFlagRequired("name")
	_ = c.MarkFlagRequired("scope")
	return c
}

func newKeyList(r *remote, workspace *string) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "list", Short: "List API keys", RunE: func(c *cobra.Command, _ []string) error {
		return r.doKeys(c, http.MethodGet, query("workspace_id", *workspace, "cursor", cursor), nil)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func keyByID(r *remote, workspace *string, use, short, method string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		if strings.Contains(args[0], "_live_") || strings.Contains(args[0], "_test_") {
			return usagef("give the key's id (key_…), never the key itself: it is now in your shell's history")
		}
		return r.doKeys(c, method, "/"+url.PathEscape(args[0])+query("workspace_id", *workspace), nil)
	}}
}
