package main

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"
)

var connectionMembers = []string{"id", "name", "vendor", "status", "fallback", "domains", "tested", "untried", "workspace_id"}

// connectionFlags are what a connection can be made from at the command line.
type connectionFlags struct {
	name, vendor, issuer, clientID, secretFile, metadataURL, metadataFile, entityID, fallback, jit string
	scopes, linkOIDC, linkSAML, routes                                                             []string
	numbers                                                                                        map[string]int
	settings                                                                                       connectionSettings
}

func (f *connectionFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.name, "name", "", "what people are shown")
	flags.StringVar(&f.vendor, "vendor", "", "okta, entra, auth0, onelogin, pingone, pingfederate or generic")
	flags.StringVar(&f.issuer, "issuer", "", "the OpenID provider's issuer identifier, exactly")
	flags.StringVar(&f.clientID, "client-id", "", "our client at the OpenID provider")
	flags.StringVar(&f.secretFile, "client-secret-file", "", "a file that holds its secret; - reads standard input")
	flags.StringSliceVar(&f.scopes, "scope", nil, "scope to ask the OpenID provider for; may be repeated")
	flags.StringVar(&f.metadataURL, "metadata-url", "", "where the metadata of the SAML provider is")
	flags.StringVar(&f.metadataFile, "metadata-file", "", "a file that holds it")
	flags.StringVar(&f.entityID, "entity-id", "", "the SAML provider's entity id, where the metadata describes several")
	flags.StringVar(&f.fallback, "fallback", "", "what an outage of the OpenID provider leads to: never, admin, ask or auto")
	flags.StringVar(&f.jit, "jit", "", "who becomes a member by signing in: domain, invited or off")
	flags.StringSliceVar(&f.linkOIDC, "link-claim", nil, "claim that both sides know a person by; may be repeated")
	flags.StringSliceVar(&f.linkSAML, "link-attribute", nil, "attribute that holds the same; in the same order")
	f.settings.register(c)
	flags.StringToIntVar(&f.numbers, "number", nil, "times of the connection, such as attempt_minutes=20; replace those there are; may be repeated")
	flags.StringArrayVar(&f.routes, "route", nil, "DOMAIN=SIDE, ADDRESS=SIDE or group:GROUP=SIDE, such as plant.example=saml; the first that is about somebody rules; may be repeated")
}

// body is what the flags that are set ask for.
func (f *connectionFlags) body() (map[string]any, error) {
	body, oidc, saml := map[string]any{}, map[string]any{}, map[string]any{}
	put := func(to map[string]any, name, value string) {
		if value != "" {
			to[name] = value
		}
	}
	for name, value := range map[string]string{"name": f.name, "vendor": f.vendor, "fallback": f.fallback, "jit": f.jit} {
		put(body, name, value)
	}
	put(oidc, "issuer", f.issuer)
	put(oidc, "client_id", f.clientID)
	if len(f.scopes) > 0 {
		oidc["scopes"] = f.scopes
	}
	put(saml, "metadata_url", f.metadataURL)
	put(saml, "entity_id", f.entityID)
	for file, to := range map[string]func(string){
		f.secretFile: func(text string) { oidc["client_secret"] = strings.TrimRight(text, "\r\n") }, f.metadataFile: func(text string) { saml["metadata_xml"] = text },
	} {
		if file == "" {
			continue
		}
		text, err := readInput(file, maxSmall)
		if err != nil {
			return nil, err
		}
		to(string(text))
	}
	for name, side := range map[string]map[string]any{"oidc": oidc, "saml": saml} {
		if len(side) > 0 {
			body[name] = side
		}
	}
	if len(f.numbers) > 0 {
		body["numbers"] = f.numbers
	}
	if len(f.linkOIDC)+len(f.linkSAML) > 0 {
		body["link_key"] = map[string]any{"oidc": f.linkOIDC, "saml": f.linkSAML}
	}
	return body, f.route(body)
}

func (f *connectionFlags) route(body map[string]any) error {
	var routes []map[string]string
	for _, r := range f.routes {
		n := strings.LastIndex(r, "=")
		if n < 0 {
			return usagef("--route must be DOMAIN=SIDE, ADDRESS=SIDE or group:GROUP=SIDE")
		}
		kind, who := "domain", strings.ToLower(r[:n])
		if group, is := strings.CutPrefix(r[:n], "group:"); is {
			kind, who = "group", group
		} else if strings.Contains(who, "@") {
			kind = "email"
		}
		if kind != "group" && strings.Contains(who, ",") {
			return usagef("--route takes one route; repeat it for several")
		}
		routes = append(routes, map[string]string{kind: who, "use": r[n+1:]})
	}
	if routes != nil {
		body["routes"] = routes
	}
	return nil
}

// maxSmall bounds a file of the command line, in bytes.
const maxSmall = 64 << 10

func newConnection() *cobra.Command {
	r := &remote{}
	c := &cobra.Command{Use: "connection", Short: "Set up, test and switch the identity providers of a workspace"}
	r.flags(c)
	var workspace string
	c.PersistentFlags().StringVar(&workspace, "workspace", "", "workspace; without it the key's own")
	path := func(id, suffix string) string {
		return "/v1/connections/" + url.PathEscape(id) + suffix + query("workspace_id", workspace)
	}

	fresh := &connectionFlags{}
	create := &cobra.Command{Use: "create", Short: "Begin a connection: a draft", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		body, err := fresh.body()
		if err != nil {
			return err
		}
		if _, err := fresh.settings.add(c, r, "", body); err != nil {
			return err
		}
		if workspace != "" {
			body["workspace_id"] = workspace
		}
		return r.do(c, http.MethodPost, "/v1/connections", body, connectionMembers)
	}}
	fresh.register(create)
	_ = create.MarkFlagRequired("name")

	change := &connectionFlags{}
	update := &cobra.Command{Use: "update ID", Short: "Change a connection", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		body, err := change.body()
		if err != nil {
			return err
		}
		revision, err := change.settings.add(c, r, path(args[0], ""), body)
		if err != nil {
			return err
		}
		return r.change(c, revision, http.MethodPatch, path(args[0], ""), body, connectionMembers)
	}}
	change.register(update)

	list := &cobra.Command{Use: "list", Short: "List connections", Args: cobra.NoArgs, RunE: func(c *cobra.Command, _ []string) error {
		return r.do(c, http.MethodGet, "/v1/connections"+query("workspace_id", workspace), nil, connectionMembers)
	}}
	one := func(use, short, method, suffix string, members []string) *cobra.Command {
		return &cobra.Command{Use: use + " ID", Short: short, Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, method, path(args[0], suffix), nil, members)
		}}
	}
	c.AddCommand(create, update, list,
		one("get", "Show a connection", http.MethodGet, "", connectionMembers),
		one("test", "Look at the upstreams, and get links for test sign-ins", http.MethodPost, "/test", []string{"sides"}),
		one("activate", "Put a tested connection into use", http.MethodPost, "/activate", connectionMembers),
		one("disable", "Take a connection out of use: everything below it stops at once", http.MethodPost, "/disable", connectionMembers),
		one("delete", "Delete a connection and end everything below it", http.MethodDelete, "", nil),
		one("failures", "The latest refused sign-ins, with what is wrong in plain words", http.MethodGet, "/failures", []string{"time", "reason", "diagnosis"}),
		connectionDomain(r, path), connectionGroups(r, path), connectionFallback(r, path), connectionMetadata(r, path), connectionKey(r, path), connectionSetup(r, path))
	c.AddCommand(connectionHistory(r, path)...)
	c.AddCommand(connectionExplain(r, &workspace), connectionCalendar(r, &workspace))
	return c
}

func connectionDomain(r *remote, path func(id, suffix string) string) *cobra.Command {
	domain := &cobra.Command{Use: "domain", Short: "Prove domains, whose people then sign in here"}
	record := []string{"type", "name", "value"}
	domain.AddCommand(
		&cobra.Command{Use: "claim ID DOMAIN", Short: "Get the TXT record to publish", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodPost, path(args[0], "/domains"), map[string]any{"domain": args[1]}, record)
		}},
		&cobra.Command{Use: "verify ID DOMAIN", Short: "Look for the TXT record and take the domain", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodPost, path(args[0], "/domains/verify"), map[string]any{"domain": args[1]}, connectionMembers)
		}},
		&cobra.Command{Use: "drop ID DOMAIN", Short: "Give a domain up", Args: cobra.ExactArgs(2), RunE: func(c *cobra.Command, args []string) error {
			return r.do(c, http.MethodDelete, path(args[0], "/domains/"+url.PathEscape(args[1])), nil, nil)
		}})
	return domain
}

func connectionFallback(r *remote, path func(id, suffix string) string) *cobra.Command {
	fallback := &cobra.Command{Use: "fallback", Short: "Switch a connection over to SAML for a while"}
	var reason, until string
	force := &cobra.Command{Use: "force ID", Short: "Switch over, with a reason and an end", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		body := map[string]any{"reason": reason}
		if until != "" {
			body["until"] = until
		}
		return r.do(c, http.MethodPost, path(args[0], "/fallback"), body, []string{"connection_id", "reason", "until"})
	}}
	force.Flags().StringVar(&reason, "reason", "", "why")
	force.Flags().StringVar(&until, "until", "", "when it ends, as RFC 3339 writes it, within seven days; without it a day from now")
	_ = force.MarkFlagRequired("reason")
	end := &cobra.Command{Use: "end ID", Short: "Switch back before the time", Args: cobra.ExactArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return r.do(c, http.MethodDelete, path(args[0], "/fallback"), nil, nil)
	}}
	fallback.AddCommand(force, end)
	return fallback
}
