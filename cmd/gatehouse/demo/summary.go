package demo

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
)

// summary is what --summary writes: everything needed to use the demo from a
// script.
type summary struct {
	OperatorURL string          `json:"operator_url"`
	Issuers     []summaryIssuer `json:"issuers"`
	Upstream    struct {
		OIDCIssuer   string        `json:"oidc_issuer"`
		SAMLMetadata string        `json:"saml_metadata"`
		Users        []summaryUser `json:"users"`
	} `json:"upstream"`
}

type summaryIssuer struct {
	Name        string `json:"name"`
	Issuer      string `json:"issuer"`
	API         string `json:"api"`
	Console     string `json:"console"`
	OperatorKey string `json:"operator_key"`
	EnrolURL    string `json:"enrol_url"`
	WorkspaceID string `json:"workspace_id"`
	AccountID   string `json:"account_id"`
	KeysPath    string `json:"keys_path"`
	Clients     struct {
		Web          summaryClient `json:"web"`
		SPA          summaryClient `json:"spa"`
		Introspector summaryClient `json:"introspector"`
		Service      summaryClient `json:"service"`
	} `json:"clients"`
	Keys struct {
		Live string `json:"live"`
		Test string `json:"test"`
	} `json:"keys"`
}

type summaryClient struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret,omitempty"`
	RedirectURI  string `json:"redirect_uri,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

type summaryUser struct {
	Login    string `json:"login"`
	Password string `json:"password"`
	MFA      bool   `json:"mfa"`
	Via      string `json:"via"`
}

// write puts the summary into a file only its owner can read, whole or not at
// all: a script may wait for it to appear.
func (s *summary) write(path string) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	part := path + ".part"
	if err := os.WriteFile(part, append(text, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(part, path)
}

// print tells a person what there is to try.
func (s *summary) print(w io.Writer, sample, log string) {
	out := func(format string, args ...any) { _, _ = fmt.Fprintf(w, format+"\n", args...) }
	out("\nGatehouse demo is running. Everything is on this machine and gone when you press Ctrl-C.\n")
	out("Sign in with a browser:  %s", sample)
	for _, u := range s.Upstream.Users {
		var notes []string
		if u.MFA {
			notes = append(notes, "with a second factor")
		}
		if u.Via == "saml" {
			notes = append(notes, "in the old directory, by SAML")
		}
		note := ""
		if len(notes) > 0 {
			note = "  (" + strings.Join(notes, ", ") + ")"
		}
		out("  %-28s %s%s", u.Login, u.Password, note)
	}
	for _, i := range s.Issuers {
		out("\n── %s ── issuer %s", i.Name, i.Issuer)
		out("\n# an operator in person: set up a password and an authenticator app, once")
		out("%s", i.EnrolURL)
		out("\n# what does the server offer?")
		out("curl -s %s/.well-known/openid-configuration", i.Issuer)
		out("\n# is this API key good, and for what? (asked by a gateway of the operator's)")
		out("curl -s -u '%s:%s' -d 'token=%s' %s/oauth2/introspect", i.Clients.Introspector.ClientID, i.Clients.Introspector.ClientSecret, i.Keys.Live, i.API)
		out("\n# may it do this, from there, now? (allow-list, resources and rate limit bite here)")
		out(`curl -s -u '%s:%s' -H 'Content-Type: application/json' -d '{"credential":"%s","action":"%s","environment":"live","client_ip":"192.0.2.7"}' %s/v1/verify`,
			i.Clients.Introspector.ClientID, i.Clients.Introspector.ClientSecret, i.Keys.Live, readScope(i.Name), i.API)
		out("\n# exchange the key for a short-lived access token")
		out("curl -s -H 'Authorization: Bearer %s' -d grant_type=client_credentials %s/oauth2/token", i.Keys.Live, i.Issuer)
		if i.Clients.Service.Scope != "" {
			out("\n# the same for an OAuth client")
			out("curl -s -u '%s:%s' -d grant_type=client_credentials -d 'scope=%s' %s/oauth2/token", i.Clients.Service.ClientID, i.Clients.Service.ClientSecret, i.Clients.Service.Scope, i.Issuer)
		}
		out("\n# create another key, as the operator")
		out(`curl -s -H 'Authorization: Bearer %s' -H 'Content-Type: application/json' -d '{"name":"ci","workspace_id":"%s","environment":"test","scopes":["%s"]}' %s%s`,
			i.OperatorKey, i.WorkspaceID, readScope(i.Name), i.API, i.KeysPath)
	}
	out("\nHealth and metrics: %s/readyz  %s/metrics", s.OperatorURL, s.OperatorURL)
	out("Log: %s\n", log)
}

// readScope is a harmless key scope of the product.
func readScope(issuer string) string {
	if issuer == "statuspulse" {
		return "read:checks"
	}
	return "monitor:read"
}
