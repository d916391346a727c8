package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

var keyMembers = []string{"id", "key", "name", "environment", "scopes", "status", "prefix", "last4", "created_at", "last_used_at", "last_used_ip", "rotate_at", "grace_until", "workspace_id", "service_account_id"}

func newKey() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "key", Short: "Create, list, change, rotate, revoke and search for API keys"}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace of the key; the caller's own without it")
	c.AddCommand(newKeyCreate(r, &workspace), newKeyList(r, &workspace), newKeyUpdate(r, &workspace), newKeyRotate(r, &workspace), newKeyGrace(r, &workspace), newKeyRotation(r, &workspace), newKeyDeliver(r, &workspace), newKeyReach(r, &workspace), newKeyPolicy(r, &workspace), newKeyScan(r), newKeyImport(r),
		newKeySwitch(r, &workspace, "disable", "Refuse a key until it is enabled again; tokens made from it end", "disabled"),
		newKeySwitch(r, &workspace, "enable", "Accept a disabled key again", "active"),
		keyByID(r, &workspace, "get", "Show a key", http.MethodGet),
		newKeyRevoke(r, &workspace))
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
	var environment, account string
	var f keyFlags
	c := &cobra.Command{Use: "create", Short: "Create an API key; its text is shown this once", RunE: func(c *cobra.Command, _ []string) error {
		body, err := f.members(c)
		if err != nil {
			return err
		}
		body["environment"] = environment
		setText(body, "service_account_id", account)
		setText(body, "workspace_id", *workspace)
		return r.doKeys(c, http.MethodPost, "", body)
	}}
	f.add(c)
	c.Flags().StringVar(&environment, "environment", "test", "live or test")
	c.Flags().StringVar(&account, "service-account", "", "service account the key is of; one of its own without it")
	_ = c.MarkFlagRequired("name")
	_ = c.MarkFlagRequired("scope")
	return c
}

func newKeyList(r *remote, workspace *string) *cobra.Command {
	filters := map[string]*string{}
	c := &cobra.Command{Use: "list", Short: "List API keys", RunE: func(c *cobra.Command, _ []string) error {
		pairs := []string{"workspace_id", *workspace}
		for parameter, value := range filters {
			pairs = append(pairs, parameter, *value)
		}
		return r.doKeys(c, http.MethodGet, query(pairs...), nil)
	}}
	for _, f := range [...]struct{ flag, parameter, usage string }{
		{"cursor", "cursor", "continue a list"},
		{"status", "status", "active, grace, disabled, revoked or expired"},
		{"environment", "environment", "live or test"},
		{"service-account", "service_account_id", "keys of this service account"},
		{"search", "q", "part of a name, or a whole id, prefix or last4"},
		{"unused-for", "unused_for", "not used for as long, such as P30D"},
	} {
		filters[f.parameter] = c.Flags().String(f.flag, "", f.usage)
	}
	return c
}

func keyByID(r *remote, workspace *string, use, short, method string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
		return r.doKeys(c, method, keyPath(args[0], "", *workspace), nil)
	}}
}

func newKeyRevoke(r *remote, workspace *string) *cobra.Command {
	var successors bool
	c := &cobra.Command{Use: "revoke ID", Short: "Revoke a key and everything made from it, at once", Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
		path, err := r.keysPath(c.Context())
		if err != nil {
			return err
		}
		line := map[bool]string{true: "true"}[successors]
		path += "/" + url.PathEscape(args[0]) + query("workspace_id", *workspace, "successors", line)
		return r.do(c, http.MethodDelete, path, nil, slices.Concat(keyMembers, []string{"receipt", "revoked_successors", "successors"}))
	}}
	c.Flags().BoolVar(&successors, "successors", false, "revoke also every key that replaced it: whoever holds a leaked key can have made its successor")
	return c
}

// keyArgument takes the id of one key, and no key.
func keyArgument(c *cobra.Command, args []string) error {
	if err := cobra.ExactArgs(1)(c, args); err != nil {
		return err
	}
	if strings.Contains(args[0], "_live_") || strings.Contains(args[0], "_test_") {
		return errors.New("give the key's id (key_…), never the key itself: it is now in your shell's history")
	}
	return nil
}

// keyPath is where a key is, below the product's path.
func keyPath(id, suffix, workspace string) string {
	return "/" + url.PathEscape(id) + suffix + query("workspace_id", workspace)
}
