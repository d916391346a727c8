package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

var (
	scopeColumns        = []string{"name", "kind", "status", "built_in", "aliases", "description"}
	scopeVersionColumns = []string{"version", "act", "name", "created_at", "created_by", "note"}
)

func newScope() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "scope", Short: "The scopes of the issuer: list, add, change, retire, roll back", Long: `The scopes of the issuer.

Those of the configuration file are changed there; beside them the operator adds
others while the server runs. A name is taken for good: a scope that is retired
is given to nobody any more, and whoever holds it can use it for nothing.`}
	r.flags(c)
	c.AddCommand(newScopeList(r), newScopeAdd(r), newScopeUpdate(r), newScopeRetire(r), newScopeHistory(r), newScopeRollback(r))
	return c
}

func newScopeList(r *remote) *cobra.Command {
	var version int64
	c := &cobra.Command{Use: "list", Short: "List the scopes, or those of a version", RunE: func(c *cobra.Command, _ []string) error {
		path := "/v1/scopes"
		if version > 0 {
			path += query("version", strconv.FormatInt(version, 10))
		}
		return r.do(c, http.MethodGet, path, nil, scopeColumns)
	}}
	c.Flags().Int64Var(&version, "version", 0, "as they stood after this change")
	return c
}

func noteFlag(c *cobra.Command) *string {
	return c.Flags().String("note", "", "why, for the history")
}

func newScopeAdd(r *remote) *cobra.Command {
	c := &cobra.Command{Use: "add NAME", Short: "Add a scope", Args: cobra.ExactArgs(1)}
	kind := c.Flags().String("kind", "key", "whom it is granted to: client or key")
	description := c.Flags().String("description", "", "what people are told that it allows")
	aliases := c.Flags().StringSlice("alias", nil, "another name that keys may be asked for with it; repeatable")
	people := c.Flags().Bool("people-only", false, "never given to a key")
	explicit := c.Flags().Bool("explicit-only", false, "in no built-in role but the owner's")
	note := noteFlag(c)
	_ = c.MarkFlagRequired("description")
	c.RunE = func(c *cobra.Command, args []string) error {
		body := map[string]any{"name": args[0], "kind": *kind, "description": *description, "note": *note}
		if len(*aliases) > 0 {
			body["aliases"] = *aliases
		}
		if *people {
			body["people_only"] = true
		}
		if *explicit {
			body["explicit_only"] = true
		}
		return r.do(c, http.MethodPost, "/v1/scopes", body, scopeColumns)
	}
	return c
}

func newScopeUpdate(r *remote) *cobra.Command {
	c := &cobra.Command{Use: "update NAME", Short: "Change the description or the aliases of a scope", Args: cobra.ExactArgs(1)}
	description := c.Flags().String("description", "", "what people are told that it allows")
	aliases := c.Flags().StringSlice("alias", nil, "all other names it may be asked for by; repeatable, empty for none")
	note, revision := noteFlag(c), revisionFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		body := map[string]any{"note": *note}
		if c.Flags().Changed("description") {
			body["description"] = *description
		}
		if c.Flags().Changed("alias") {
			body["aliases"] = *aliases
		}
		return r.change(c, *revision, http.MethodPatch, scopePath(args[0], ""), body, scopeColumns)
	}
	return c
}

func newScopeRetire(r *remote) *cobra.Command {
	c := &cobra.Command{Use: "retire NAME", Short: "Give a scope to nobody any more, and take it from whoever holds it", Args: cobra.ExactArgs(1)}
	note, revision := noteFlag(c), revisionFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		return r.change(c, *revision, http.MethodPost, scopePath(args[0], "/retire"), map[string]any{"note": *note}, scopeColumns)
	}
	return c
}

func newScopeHistory(r *remote) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "history", Short: "List the changes of the scopes, the newest first", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/scopes/versions"+query("cursor", cursor), nil, scopeVersionColumns)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func newScopeRollback(r *remote) *cobra.Command {
	var version int64
	c := &cobra.Command{Use: "rollback", Short: "Make the scopes again what they were, at once", Long: `Make the scopes again what they were, at once.

Scopes that came later are retired, those that were retired since are given again
to whoever was granted them.`}
	c.Flags().Int64Var(&version, "version", 0, "the version to go back to; the one before without it")
	note := noteFlag(c)
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := map[string]any{"note": *note}
		if version > 0 {
			body["version"] = version
		}
		return r.do(c, http.MethodPost, "/v1/scopes:rollback", body, scopeColumns)
	}
	return c
}

func scopePath(name, suffix string) string { return "/v1/scopes/" + url.PathEscape(name) + suffix }
