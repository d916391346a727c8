package main

import (
	"net/http"
	"net/url"

	"github.com/spf13/cobra"
)

// toConnection makes the path of something at a connection.
type toConnection func(id, suffix string) string

func connectionMetadata(r *remote, path toConnection) *cobra.Command {
	metadata := &cobra.Command{Use: "metadata", Short: "Look at newer metadata of a SAML provider, and approve it"}
	members := []string{"checked_at", "check_at", "problem", "proposal", "expiring", "our_keys"}
	one := func(use, short, method, suffix string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, method, path(args[0], "/metadata"+suffix), nil, members)
		}}
	}
	decide := func(use, short, suffix string, shown []string) *cobra.Command {
		return &cobra.Command{Use: use + " ID PROPOSAL", Short: short, Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodPost, path(args[0], "/metadata"+suffix), map[string]any{"proposal": args[1]}, shown)
		}}
	}
	metadata.AddCommand(
		one("show", "What is known of it, what it proposes, and which certificates end", http.MethodGet, ""),
		one("refresh", "Look at it now", http.MethodPost, "/refresh"),
		decide("approve", "Believe what it proposes", "/approve", connectionMembers),
		decide("reject", "Say no to what it proposes", "/reject", nil))
	return metadata
}

func connectionKey(r *remote, path toConnection) *cobra.Command {
	key := &cobra.Command{Use: "saml-key", Short: "Replace our key at a SAML provider: publish, use, retire"}
	for step, short := range map[string]string{
		"publish": "Make the next key and publish it beside the one in use",
		"use":     "Sign with the next key; the old one stays published",
		"retire":  "Forget the key that is not in use",
	} {
		key.AddCommand(&cobra.Command{Use: step + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodPost, path(args[0], "/saml-key"), map[string]any{"step": step}, []string{"our_keys"})
		}})
	}
	return key
}

func connectionSetup(r *remote, path toConnection) *cobra.Command {
	link := &cobra.Command{Use: "setup-link", Short: "Links by which a customer's own administrator sets a connection up"}
	members := []string{"id", "url", "made_by", "created_at", "expires_at", "revoked_at"}
	var hours int
	create := &cobra.Command{Use: "create ID", Short: "Make a link, shown once", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		body := map[string]any{}
		if hours > 0 {
			body["expires_in_hours"] = hours
		}
		return r.do(c, http.MethodPost, path(args[0], "/setup-links"), body, members)
	}}
	create.Flags().IntVar(&hours, "hours", 0, "how long it is good, 720 at most; without it a week")
	link.AddCommand(create,
		&cobra.Command{Use: "list ID", Short: "List the links of a connection", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodGet, path(args[0], "/setup-links"), nil, members)
		}},
		&cobra.Command{Use: "revoke ID LINK", Short: "Take a link back at once", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodDelete, path(args[0], "/setup-links/"+url.PathEscape(args[1])), nil, nil)
		}})
	return link
}
