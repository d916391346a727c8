package main

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/spf13/cobra"
)

// things are a kind of object in a workspace, as the command line shows them.
type things struct {
	*remote
	use, short string
	path       string
	members    []string
	workspace  string
}

// command is the kind's own, with what every kind has: list and get.
func (t *things) command(more ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{Use: t.use, Short: t.short}
	t.flags(c)
	c.PersistentFlags().StringVar(&t.workspace, "workspace", "", "workspace it is in; the caller's own without it")
	c.AddCommand(t.list(), t.byID("get", "Show one", http.MethodGet, ""))
	c.AddCommand(more...)
	return c
}

func (t *things) list() *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "list", Short: "List them", RunE: func(c *cobra.Command, _ []string) error {
		return t.do(c, http.MethodGet, t.path+query("workspace_id", t.workspace, "cursor", cursor), nil, t.members)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func (t *things) at(id, suffix string) string {
	return t.path + "/" + url.PathEscape(id) + suffix + query("workspace_id", t.workspace)
}

func (t *things) byID(use, short, method, suffix string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return t.do(c, method, t.at(args[0], suffix), nil, t.members)
	}}
}

// settings are flags that become members of a body.
type settings struct {
	value map[string]func() any // a member's
	flags map[string]string     // a member's flag
}

func newSettings() *settings {
	return &settings{value: map[string]func() any{}, flags: map[string]string{}}
}

func (s *settings) text(c *cobra.Command, flag, member, usage string) *settings {
	v := c.Flags().String(flag, "", usage)
	s.value[member], s.flags[member] = func() any { return *v }, flag
	return s
}

func (s *settings) list(c *cobra.Command, flag, member, usage string) *settings {
	v := c.Flags().StringSlice(flag, nil, usage+"; repeatable")
	s.value[member], s.flags[member] = func() any { return *v }, flag
	return s
}

func (s *settings) toggle(c *cobra.Command, flag, member, usage string) {
	v := c.Flags().Bool(flag, false, usage)
	s.value[member], s.flags[member] = func() any { return *v }, flag
}

// body holds the members whose flags were given: what is not named stays.
func (s *settings) body(c *cobra.Command) map[string]any {
	body := map[string]any{}
	for member, value := range s.value {
		if c.Flags().Changed(s.flags[member]) {
			body[member] = value()
		}
	}
	return body
}

// create makes one of what the flags say; update changes one, from the
// revision that was read if it is named.
func (t *things) create(use, short string, flags func(*cobra.Command, *settings), required ...string) *cobra.Command {
	c := &cobra.Command{Use: use, Short: short}
	s := newSettings()
	flags(c, s)
	for _, flag := range required {
		_ = c.MarkFlagRequired(flag)
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := s.body(c)
		setText(body, "workspace_id", t.workspace)
		return t.do(c, http.MethodPost, t.path, body, t.members)
	}
	return c
}

func (t *things) update(short string, flags func(*cobra.Command, *settings)) *cobra.Command {
	c := &cobra.Command{Use: "update ID", Short: short, Args: cobra.ExactArgs(1)}
	s := newSettings()
	flags(c, s)
	revision := revisionFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		body := s.body(c)
		if len(body) == 0 {
			return usagef("nothing to change: give a flag")
		}
		return t.change(c, *revision, http.MethodPatch, t.at(args[0], ""), body, t.members)
	}
	return c
}

func revisionFlag(c *cobra.Command) *int64 {
	return c.Flags().Int64("revision", 0, "change it only if this is still its revision")
}

// change is do with a condition on the revision; 0 is none.
func (r *remote) change(c *cobra.Command, revision int64, method, path string, body any, members []string) error {
	etag := ""
	if revision != 0 {
		etag = `"` + strconv.FormatInt(revision, 10) + `"`
	}
	answer, _, err := r.conditional(c.Context(), method, path, body, etag)
	if err != nil {
		return err
	}
	return r.print(answer, members...)
}
