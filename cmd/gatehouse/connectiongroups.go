package main

import (
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// connectionGroups says what people are given by their groups at the upstream.
func connectionGroups(r *remote, path func(id, suffix string) string) *cobra.Command {
	groups := &cobra.Command{Use: "groups", Short: "Say what people are given by their groups at the provider"}
	get := &cobra.Command{Use: "get ID", Short: "Show the rules", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return r.do(c, http.MethodGet, path(args[0], "/groups"), nil, []string{"rules"})
	}}
	var roles, teams []string
	var none bool
	set := &cobra.Command{Use: "set ID", Short: "Replace the rules; what none gives any more is taken at once", Args: cobra.ExactArgs(1)}
	set.Flags().StringArrayVar(&roles, "role", nil, "GROUP=ROLE or GROUP=ROLE:ENVIRONMENT, such as ops=developer:test; repeatable")
	set.Flags().StringArrayVar(&teams, "team", nil, "GROUP=TEAM; repeatable")
	set.Flags().BoolVar(&none, "none", false, "no rules: groups give nothing")
	revision := revisionFlag(set)
	set.RunE = func(c *cobra.Command, args []string) error {
		if len(roles)+len(teams) == 0 != none {
			return usagef("give --role or --team, or --none")
		}
		rules := []map[string]string{}
		for kind, list := range map[string][]string{"role": roles, "team": teams} {
			for _, text := range list {
				rule, err := groupRule(kind, text)
				if err != nil {
					return err
				}
				rules = append(rules, rule)
			}
		}
		return r.change(c, *revision, http.MethodPut, path(args[0], "/groups"), map[string]any{"rules": rules}, []string{"rules"})
	}
	groups.AddCommand(get, set)
	return groups
}

// groupRule reads GROUP=ROLE:ENVIRONMENT or GROUP=TEAM; a group may hold any
// character.
func groupRule(kind, text string) (map[string]string, error) {
	n := strings.LastIndex(text, "=")
	if n < 1 || n == len(text)-1 {
		return nil, usagef("--%s must be GROUP=%s", kind, strings.ToUpper(kind))
	}
	rule := map[string]string{"group": text[:n], kind: text[n+1:]}
	if name, env, ok := strings.Cut(text[n+1:], ":"); kind == "role" && ok {
		rule[kind], rule["environment"] = name, env
	}
	return rule, nil
}
