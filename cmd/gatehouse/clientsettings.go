package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"

	"github.com/spf13/cobra"
)

// clientFlags are the settings of a client that have flags; --metadata takes
// every other by its name in the registry (RFC 7591 section 4.1).
type clientFlags struct {
	texts    map[string]*string   // by member
	lists    map[string]*[]string // by member
	switches map[string]*bool     // by member
	flagOf   map[string]string    // a member's flag
	jwks     string
	metadata string
}

func (f *clientFlags) text(c *cobra.Command, flag, member, usage string) {
	f.texts[member], f.flagOf[member] = c.Flags().String(flag, "", usage), flag
}

func (f *clientFlags) list(c *cobra.Command, flag, member, usage string) {
	f.lists[member], f.flagOf[member] = c.Flags().StringSlice(flag, nil, usage+"; repeatable"), flag
}

func (f *clientFlags) toggle(c *cobra.Command, flag, member, usage string) {
	f.switches[member], f.flagOf[member] = c.Flags().Bool(flag, false, usage), flag
}

// settingsFlags gives a command the flags that creating and changing share.
func settingsFlags(c *cobra.Command) *clientFlags {
	f := &clientFlags{texts: map[string]*string{}, lists: map[string]*[]string{}, switches: map[string]*bool{}, flagOf: map[string]string{}}
	f.text(c, "name", "name", "name people see")
	f.text(c, "profile", "profile", "web, spa, native, service, fapi2 or mcp: a safe bundle of settings")
	f.text(c, "environment", "environment", "live or test")
	f.text(c, "token-format", "token_format", "opaque or jwt")
	f.text(c, "id-token-alg", "id_token_signed_response_alg", "RS256, ES256, PS256 or EdDSA")
	f.text(c, "jwks-uri", "jwks_uri", "address of the client's public keys")
	f.text(c, "subject-dn", "tls_client_auth_subject_dn", "subject of the client's certificate, for tls_client_auth")
	f.text(c, "backchannel-logout-uri", "backchannel_logout_uri", "where the server tells of sign-outs")
	f.list(c, "redirect-uri", "redirect_uris", "redirect URI, exactly as it will be sent")
	f.list(c, "post-logout-redirect-uri", "post_logout_redirect_uris", "where people may return after signing out")
	f.list(c, "scope", "scopes", "scope the client may ask for")
	f.list(c, "grant-type", "grant_types", "authorization_code, refresh_token, client_credentials, …")
	f.list(c, "resource", "resources", "resource the client may ask tokens for")
	f.list(c, "serves", "environments", "platform clients: environments whose credentials they may introspect")
	f.toggle(c, "require-pkce", "require_pkce", "ask for a code challenge although the client has a secret")
	f.toggle(c, "dpop", "dpop_bound_access_tokens", "bind access tokens to a key of the client's")
	f.toggle(c, "introspect", "introspect", "platform clients: may introspect credentials of every workspace")
	f.toggle(c, "skip-consent", "skip_consent", "platform clients: the operator's own application, people are not asked")
	c.Flags().StringVar(&f.jwks, "jwks", "", "file with the client's public keys, a JWK Set")
	c.Flags().StringVar(&f.metadata, "metadata", "", "JSON file with further members; flags win")
	return f
}

// body is what was asked for: the file's members, and over them the flags that
// were given.
func (f *clientFlags) body(c *cobra.Command) (map[string]any, error) {
	body := map[string]any{}
	if f.metadata != "" {
		if err := readJSON(f.metadata, &body); err != nil {
			return nil, err
		}
	}
	given := func(member string) bool { return c.Flags().Changed(f.flagOf[member]) }
	for member, v := range f.texts {
		if given(member) {
			body[member] = *v
		}
	}
	for member, v := range f.lists {
		if given(member) {
			body[member] = *v
		}
	}
	for member, v := range f.switches {
		if given(member) {
			body[member] = *v
		}
	}
	if f.jwks == "" {
		return body, nil
	}
	var keys json.RawMessage
	err := readJSON(f.jwks, &keys)
	body["jwks"] = keys
	return body, err
}

func readJSON(path string, into any) error {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the caller's
	if err != nil {
		return err
	}
	if json.Unmarshal(text, into) != nil { // the error would quote the file
		return usagef("%s does not hold JSON of the right form", path)
	}
	return nil
}

func newClientCreate(r *remote, workspace *string) *cobra.Command {
	c := &cobra.Command{Use: "create", Short: "Register a client; its secret is shown this once"}
	f := settingsFlags(c)
	method := c.Flags().String("auth-method", "", "how the client authenticates; none makes it public (default: the profile's, or client_secret_basic)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		body, err := f.body(c)
		if err != nil {
			return err
		}
		if body["name"] == nil {
			return usagef("--name is required")
		}
		setText(body, "token_endpoint_auth_method", *method)
		setText(body, "workspace_id", *workspace)
		return r.do(c, http.MethodPost, "/v1/clients", body, clientMembers)
	}
	return c
}

func newClientUpdate(r *remote, workspace *string) *cobra.Command {
	c := &cobra.Command{Use: "update ID", Short: "Change what is registered of a client; what is not named stays", Args: cobra.ExactArgs(1)}
	f := settingsFlags(c)
	revision := revisionFlag(c)
	c.RunE = func(c *cobra.Command, args []string) error {
		body, err := f.body(c)
		if err != nil {
			return err
		}
		if len(body) == 0 {
			return usagef("nothing to change: give a flag or --metadata")
		}
		return r.change(c, *revision, http.MethodPatch, "/v1/clients/"+clientPath(args[0])+query("workspace_id", *workspace), body, clientMembers)
	}
	return c
}

func newRegistrationToken(r *remote, workspace *string) *cobra.Command {
	var expires, profile string
	var uses int
	c := &cobra.Command{Use: "registration-token", Short: "Make a token that lets clients register themselves; shown this once", RunE: func(c *cobra.Command, _ []string) error {
		body := map[string]any{"expires_in": expires, "uses": uses}
		setText(body, "workspace_id", *workspace)
		setText(body, "profile", profile)
		return r.do(c, http.MethodPost, "/v1/registration-tokens", body, []string{"id", "token", "workspace_id", "profile", "uses", "expires_at"})
	}}
	revoke := &cobra.Command{Use: "revoke ID", Short: "End a registration token; clients registered with it stay", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return r.do(c, http.MethodDelete, fmt.Sprintf("/v1/registration-tokens/%s%s", clientPath(args[0]), query("workspace_id", *workspace)), nil, nil)
	}}
	c.Flags().StringVar(&expires, "expires-in", "1h", "life of the token, at most 720h")
	c.Flags().IntVar(&uses, "uses", 1, "how many clients may register with it")
	c.Flags().StringVar(&profile, "profile", "", "profile of the clients: web, spa, native, fapi2 or mcp")
	c.AddCommand(revoke)
	return c
}
