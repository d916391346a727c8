package main

import (
	"encoding/json"
	"net/http"

	"github.com/spf13/cobra"
)

// connectionSettings are flags for what is said of a side beyond what it is.
type connectionSettings struct {
	pollMinutes       int
	tenants           []string
	initiateLoginURI  string
	metadataCertFiles []string
}

func (s *connectionSettings) register(c *cobra.Command) {
	flags := c.Flags()
	flags.IntVar(&s.pollMinutes, "poll-minutes", 0, "how often to ask the OpenID provider whether it still knows each person: 5 to 1440, 0 for never")
	flags.StringSliceVar(&s.tenants, "tenant", nil, "id of a tenant of Entra ID whose people may sign in, where the issuer stands for every tenant; may be repeated")
	flags.StringVar(&s.initiateLoginURI, "initiate-login-uri", "", "where an application begins its own sign-in, for people who come from the SAML provider unasked; empty refuses them")
	flags.StringArrayVar(&s.metadataCertFiles, "metadata-certificate-file", nil, "a file with a certificate, in PEM, that signs the SAML provider's metadata: what it signed is believed, and nothing else; may be repeated, an empty name takes them away")
}

// The members of a side that are settings: a change replaces all of them.
var (
	oidcSettings = []string{"subject", "require", "groups", "request", "mfa_contexts", "mfa_methods", "mfa_declared", "poll_minutes", "tenants"}
	samlSettings = []string{
		"sign_requests", "name_id_format", "subject", "require", "mfa_contexts", "mfa_methods", "mfa_declared", "mutable_subject", "metadata_certificates",
		"initiate_login_uri",
	}
)

// given reports whether a flag of a side's settings was.
func (s *connectionSettings) given(c *cobra.Command) (oidc, saml bool) {
	return c.Flags().Changed("poll-minutes") || c.Flags().Changed("tenant"), c.Flags().Changed("initiate-login-uri") || c.Flags().Changed("metadata-certificate-file")
}

// add puts into the body the settings that there are with what the flags say, and
// returns the revision they are of; 0 where no flag was given.
func (s *connectionSettings) add(c *cobra.Command, r *remote, path string, body map[string]any) (revision int64, err error) {
	oidc, saml := s.given(c)
	if !oidc && !saml {
		return 0, nil
	}
	var held struct {
		Revision   int64
		OIDC, SAML map[string]any
	}
	if path != "" {
		answer, err := r.call(c.Context(), http.MethodGet, path, nil)
		if err != nil {
			return 0, err
		}
		if err := json.Unmarshal(answer, &held); err != nil {
			return 0, err
		}
	}
	if oidc {
		settings := picked(held.OIDC, oidcSettings)
		if c.Flags().Changed("poll-minutes") {
			settings["poll_minutes"] = s.pollMinutes
		}
		if c.Flags().Changed("tenant") {
			settings["tenants"] = s.tenants
		}
		side(body, "oidc")["settings"] = settings
	}
	if !saml {
		return held.Revision, nil
	}
	settings := picked(held.SAML, samlSettings)
	if c.Flags().Changed("initiate-login-uri") {
		settings["initiate_login_uri"] = s.initiateLoginURI
	}
	if c.Flags().Changed("metadata-certificate-file") {
		if settings["metadata_certificates"], err = certificatesIn(s.metadataCertFiles); err != nil {
			return 0, err
		}
	}
	side(body, "saml")["settings"] = settings
	return held.Revision, nil
}

// certificatesIn are the texts of files; an empty name is none.
func certificatesIn(files []string) ([]string, error) {
	texts := []string{}
	for _, file := range files {
		if file == "" {
			continue
		}
		text, err := readInput(file, maxSmall)
		if err != nil {
			return nil, err
		}
		texts = append(texts, string(text))
	}
	return texts, nil
}

// picked are the members of an object that have one of the names.
func picked(of map[string]any, names []string) map[string]any {
	some := map[string]any{}
	for _, name := range names {
		if value, there := of[name]; there && value != nil {
			some[name] = value
		}
	}
	return some
}

// side is the part of a body about a side of the connection.
func side(body map[string]any, name string) map[string]any {
	part, _ := body[name].(map[string]any)
	if part == nil {
		part = map[string]any{}
		body[name] = part
	}
	return part
}
