package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/spf13/cobra"
)

// maxRuleFile bounds what is read of a file of rules, in bytes.
const maxRuleFile = 2 << 20

// ruleFile is a file of rules: an array of them, or what policy get -o json
// printed, whose version is then what it is expected to replace.
type ruleFile struct {
	Rules   json.RawMessage `json:"rules"`
	Version int64           `json:"version"`
}

func readRules(name string) (ruleFile, error) {
	text, err := readInput(name, maxRuleFile)
	if err != nil {
		return ruleFile{}, err
	}
	var list []json.RawMessage
	if json.Unmarshal(text, &list) == nil {
		return ruleFile{Rules: text}, nil
	}
	var in ruleFile
	if err := json.Unmarshal(text, &in); err != nil || in.Rules == nil {
		return ruleFile{}, usagef("%s holds no JSON array of rules", name)
	}
	return in, nil
}

func newPolicyApply(r *remote, workspace *string) *cobra.Command {
	var note string
	c := &cobra.Command{
		Use: "apply FILE", Short: "Put the rules of a file in force, as a new version", Args: cobra.ExactArgs(1),
		Long: "Put the rules of a file in force, as a new version: a JSON array of rules, or what policy get -o json\n" +
			"printed, changed; - reads standard input. Nothing is changed where a rule is wrong, or somebody was faster.",
		RunE: func(c *cobra.Command, args []string) error {
			in, err := readRules(args[0])
			if err != nil {
				return err
			}
			return r.apply(c, *workspace, note, in)
		},
	}
	c.Flags().StringVar(&note, "note", "", "why, for the history")
	return c
}

func (r *remote) apply(c *cobra.Command, workspace, note string, in ruleFile) error {
	body := map[string]any{"rules": in.Rules}
	setText(body, "note", note)
	path := policyPath(workspace)
	before, etag, err := r.conditional(c.Context(), http.MethodGet, path, nil, "")
	if _, none := errors.AsType[*notThere](err); none {
		setText(body, "workspace_id", workspace)
		return r.do(c, http.MethodPost, "/v1/policies", body, policyColumns)
	}
	if err != nil {
		return err
	}
	var now ruleFile
	if err := json.Unmarshal(before, &now); err != nil {
		return err
	}
	if in.Version != 0 && in.Version != now.Version {
		return fmt.Errorf("version %d is in force, but the file was made from version %d: get the policy again", now.Version, in.Version)
	}
	answer, _, err := r.conditional(c.Context(), http.MethodPut, path, body, etag)
	if err != nil {
		return err
	}
	return r.print(answer, policyColumns...)
}

func newPolicySimulate(r *remote, workspace *string) *cobra.Command {
	var draft, user string
	var scopes, facts []string
	c := &cobra.Command{
		Use: "simulate", Short: "Ask what rules would say to a request that nobody made",
		Long: "Ask what rules would say to a request that nobody made, and why. Facts are members of the API, such as\n" +
			"address=192.0.2.1, grant_type=refresh_token, mfa=proven, mfa_age=600, groups=a,b, environment=live.\n" +
			"What is not given is not known.",
		RunE: func(c *cobra.Command, _ []string) error {
			body := map[string]any{"scopes": scopes}
			if draft != "" {
				in, err := readRules(draft)
				if err != nil {
					return err
				}
				body["rules"] = in.Rules
			}
			setText(body, "workspace_id", *workspace)
			setText(body, "user_id", user)
			known, err := factsOf(facts)
			if err != nil {
				return err
			}
			body["facts"] = known
			answer, err := r.call(c.Context(), http.MethodPost, "/v1/policies:simulate", body)
			if err != nil || r.output == "json" {
				return firstOf(err, func() error { return r.print(answer) })
			}
			var v verdict
			if err := json.Unmarshal(answer, &v); err != nil {
				return err
			}
			v.print()
			return nil
		},
	}
	c.Flags().StringVar(&draft, "draft", "", "file of rules to ask in place of those in force")
	c.Flags().StringVar(&user, "user", "", "person whose roles to look up")
	c.Flags().StringSliceVar(&scopes, "scope", nil, "scope that is asked for; repeatable")
	c.Flags().StringArrayVar(&facts, "fact", nil, "NAME=VALUE; repeatable")
	return c
}

func newPolicyReplay(r *remote, workspace *string) *cobra.Command {
	var days int
	var operators bool
	c := &cobra.Command{
		Use: "replay FILE", Short: "Ask what a draft would have said to the decisions of the last days", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			in, err := readRules(args[0])
			if err != nil {
				return err
			}
			body := map[string]any{"rules": in.Rules, "days": days}
			setText(body, "workspace_id", *workspace)
			if operators {
				body["replaces"] = "operator"
			}
			return r.do(c, http.MethodPost, "/v1/policies:replay", body, []string{
				"from", "to", "decisions", "complete", "changed", "newly_denied", "newly_stepped_up", "newly_without_scope", "newly_allowed",
				"scopes_taken", "scopes_given", "lifetimes_shorter", "lifetimes_longer",
			})
		},
	}
	c.Flags().IntVar(&days, "days", 7, "how far back, 1 to 90")
	c.Flags().BoolVar(&operators, "operator", false, "the draft stands in for the operator's rules, not for the workspace's")
	return c
}
