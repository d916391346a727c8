package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

var (
	rulesMembers    = []string{"id", "workspace_id", "version", "latest_version", "updated_at", "updated_by", "note", "rules"}
	policyColumns   = []string{"id", "workspace_id", "version", "latest_version", "updated_at", "updated_by"}
	versionColumns  = []string{"version", "rule_count", "created_at", "created_by", "note"}
	decisionColumns = []string{"id", "time", "place", "outcome", "changed", "client_id", "subject"}
)

func newPolicy() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "policy", Short: "Conditional access: apply, try, replay, roll back and explain rules", Long: `Conditional access: rules that restrict what is issued.

A workspace has one policy, a list of rules in versions. The operator has one
too, which holds in every workspace: name no --workspace with the operator's key.
How rules are written: docs/conditional-access.md.`}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace of the policy; the key's own without it")
	c.AddCommand(newPolicyList(r, &workspace), newPolicyGet(r, &workspace), newPolicyApply(r, &workspace), newPolicySimulate(r, &workspace),
		newPolicyReplay(r, &workspace), newPolicyRollback(r, &workspace), newPolicyHistory(r, &workspace), newPolicyDecisions(r, &workspace), newPolicyExplain(r))
	return c
}

func newPolicyList(r *remote, workspace *string) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "list", Short: "List policies", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/policies"+query("workspace_id", *workspace, "cursor", cursor), nil, policyColumns)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func newPolicyGet(r *remote, workspace *string) *cobra.Command {
	var version int64
	c := &cobra.Command{Use: "get", Short: "Show the rules in force, or a version", RunE: func(c *cobra.Command, _ []string) error {
		path := policyPath(*workspace)
		if version > 0 {
			return r.do(c, http.MethodGet, fmt.Sprintf("%s/versions/%d", path, version), nil, append(versionColumns, "rules"))
		}
		return r.do(c, http.MethodGet, path, nil, rulesMembers)
	}}
	c.Flags().Int64Var(&version, "version", 0, "show this version instead")
	return c
}

func newPolicyHistory(r *remote, workspace *string) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "history", Short: "List the versions of a policy, the newest first", RunE: func(c *cobra.Command, _ []string) error {
		path := policyPath(*workspace)
		return r.do(c, http.MethodGet, path+"/versions"+query("cursor", cursor), nil, versionColumns)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func newPolicyRollback(r *remote, workspace *string) *cobra.Command {
	var version int64
	c := &cobra.Command{Use: "rollback", Short: "Put an earlier version in force again, at once", RunE: func(c *cobra.Command, _ []string) error {
		path := policyPath(*workspace)
		body := map[string]any{}
		if version > 0 {
			body["version"] = version
		}
		return r.do(c, http.MethodPost, path+"/rollback", body, policyColumns)
	}}
	c.Flags().Int64Var(&version, "version", 0, "the version; the one before the one in force without it")
	return c
}

func newPolicyDecisions(r *remote, workspace *string) *cobra.Command {
	var cursor string
	c := &cobra.Command{Use: "decisions", Short: "List recorded decisions, the newest first", RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/policy-decisions"+query("workspace_id", *workspace, "cursor", cursor), nil, decisionColumns)
	}}
	c.Flags().StringVar(&cursor, "cursor", "", "continue a list")
	return c
}

func newPolicyExplain(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "explain DECISION", Short: "Say why a decision ended as it did", Args: cobra.ExactArgs(1),
		Long: "Say why a decision ended as it did: what was known, and what every rule said. The id is in the error\n" +
			"that was answered, in the audit entry, and in policy decisions.",
		RunE: func(c *cobra.Command, args []string) error {
			answer, err := r.call(c.Context(), http.MethodGet, "/v1/policy-decisions/"+url.PathEscape(args[0]), nil)
			if err != nil || r.output == "json" {
				return firstOf(err, func() error { return r.print(answer) })
			}
			members := []string{"id", "time", "place", "outcome", "client_id", "subject", "grant_id", "requested_scopes", "facts"}
			if err := r.print(answer, members...); err != nil {
				return err
			}
			var opened struct{ Verdict verdict }
			if err := json.Unmarshal(answer, &opened); err != nil {
				return err
			}
			opened.Verdict.print()
			return nil
		},
	}
}

func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

// verdict is what the command line tells of a decision.
type verdict struct {
	Outcome string
	Scopes  []string
	Removed []string
	Rules   []struct {
		ID, Name, State   string
		Matched, Operator bool
		Then              json.RawMessage
		Facts             []struct {
			Name  string
			Holds bool
		}
	}
	Report *struct{ Outcome string }
}

// print says what is left, and of every rule whether it matched and why not.
func (v verdict) print() {
	fmt.Printf("%s, scopes left: %s\n", v.Outcome, orNone(v.Scopes))
	for _, rule := range v.Rules {
		whose, what := "", "matched: "+string(rule.Then)
		if rule.Operator {
			whose = "the operator's "
		}
		if !rule.Matched {
			var failed []string
			for _, f := range rule.Facts {
				if !f.Holds {
					failed = append(failed, f.Name)
				}
			}
			what = "did not match: " + orNone(failed)
		}
		fmt.Printf("  %srule %s (%s, %s) %s\n", whose, rule.ID, rule.Name, rule.State, what)
	}
	if v.Report != nil {
		fmt.Printf("with report_only rules on: %s\n", v.Report.Outcome)
	}
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, " ")
}

// policyPath names the policy of a workspace; without one the key's own, which
// for the operator's key is the one that holds everywhere.
func policyPath(workspace string) string {
	if workspace == "" {
		return "/v1/policies/own"
	}
	return "/v1/policies/" + url.PathEscape(workspace)
}
