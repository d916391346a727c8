package main

import (
	"net/http"
	"strings"

	"github.com/spf13/cobra"
)

// keyFlags are the members of a key that creating and changing share.
type keyFlags struct {
	name, expires, tier      string
	rotate, deliver          string
	scopes, cidrs, resources []string
}

func (f *keyFlags) add(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.name, "name", "", "what the key is for")
	flags.StringSliceVar(&f.scopes, "scope", nil, "scope, such as monitor:read; repeatable")
	flags.StringSliceVar(&f.cidrs, "allow", nil, "CIDR block the key may be used from; repeatable")
	flags.StringSliceVar(&f.resources, "resource", nil, "what the key is restricted to: cluster:ID, check_group:ID or alert_route:ID; repeatable")
	flags.StringVar(&f.expires, "expires-at", "", "end of the key, such as 2027-01-31T00:00:00Z")
	flags.StringVar(&f.rotate, "rotate-every", "", "replace the key by a successor as often, such as P90D")
	flags.StringVar(&f.deliver, "deliver-to", "", "key destination that the texts of its successors are brought to; claim for none")
	flags.StringVar(&f.tier, "tier", "", "rate tier; the operator's to choose")
}

// members are those that were given.
func (f *keyFlags) members(c *cobra.Command) (map[string]any, error) {
	body := map[string]any{}
	for flag, member := range map[string]any{
		"name": f.name, "scope": f.scopes, "allow": f.cidrs, "expires-at": f.expires, "tier": f.tier,
	} {
		if c.Flags().Changed(flag) {
			body[keyMember[flag]] = member
		}
	}
	rotation := map[string]any{}
	setText(rotation, "interval", f.rotate)
	setText(rotation, "delivery", f.deliver)
	if len(rotation) > 0 {
		body["rotation"] = rotation
	}
	if c.Flags().Changed("resource") {
		resources, err := resourcesOf(f.resources)
		if err != nil {
			return nil, err
		}
		body["resources"] = resources
	}
	return body, nil
}

var keyMember = map[string]string{"name": "name", "scope": "scopes", "allow": "ip_allowlist", "expires-at": "expires_at", "tier": "tier"}

// resourcesOf sorts kind:id by kind.
func resourcesOf(list []string) (map[string][]string, error) {
	resources := map[string][]string{}
	for _, r := range list {
		kind, id, _ := strings.Cut(r, ":")
		member, ok := map[string]string{"cluster": "clusters", "check_group": "check_groups", "alert_route": "alert_routes"}[kind]
		if !ok || id == "" {
			return nil, usagef("--resource must be cluster:ID, check_group:ID or alert_route:ID")
		}
		resources[member] = append(resources[member], id)
	}
	return resources, nil
}

func newKeyUpdate(r *remote, workspace *string) *cobra.Command {
	var f keyFlags
	var lift []string
	c := &cobra.Command{
		Use: "update ID", Short: "Change what is given of a key, and nothing else",
		Long: `Change what is given of a key, and nothing else. A list replaces the one that was there.

Whoever manages keys may make one less; making it more takes an issuing delegation
that could have created it so. Tokens made from a key end when it loses a scope, its
resources change or its end comes nearer.`,
		Args: keyArgument,
		RunE: func(c *cobra.Command, args []string) error {
			body, err := f.members(c)
			if err != nil {
				return err
			}
			if err := lifted(body, lift); err != nil {
				return err
			}
			if len(body) == 0 {
				return usagef("nothing to change; see gatehouse key update --help")
			}
			return r.doKeys(c, http.MethodPatch, keyPath(args[0], "", *workspace), body)
		},
	}
	f.add(c)
	c.Flags().StringSliceVar(&lift, "lift", nil, "what to take away: allow, resource, expires-at, or rotate-every with deliver-to; repeatable")
	return c
}

// lifted takes restrictions away.
func lifted(body map[string]any, lift []string) error {
	for _, flag := range lift {
		switch flag {
		case "allow":
			body["ip_allowlist"] = []string{}
		case "resource":
			body["resources"] = map[string]any{}
		case "expires-at":
			body["expires_at"] = nil
		case "rotate-every":
			body["rotation"] = nil
		default:
			return usagef("--lift must be allow, resource, expires-at or rotate-every")
		}
	}
	return nil
}

// newKeySwitch disables or enables a key.
func newKeySwitch(r *remote, workspace *string, use, short, status string) *cobra.Command {
	return &cobra.Command{Use: use + " ID", Short: short, Args: keyArgument, RunE: func(c *cobra.Command, args []string) error {
		return r.doKeys(c, http.MethodPatch, keyPath(args[0], "", *workspace), map[string]any{"status": status})
	}}
}
