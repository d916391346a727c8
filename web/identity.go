package web

import (
	"fmt"
	"net/http"

	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// An identityHeader is one fact that the answer of forward-auth tells the
// service behind the gateway.
type identityHeader struct {
	name string
	of   func(*credential.Record) string
}

// identityFacts are the facts there are, by their names in the configuration.
var identityFacts = map[string]identityHeader{
	"subject":         {"X-Gatehouse-Subject", func(r *credential.Record) string { return r.Introspection.Sub }},
	"client_id":       {"X-Gatehouse-Client-Id", func(r *credential.Record) string { return r.Introspection.ClientID }},
	"key_id":          {"X-Gatehouse-Key-Id", func(r *credential.Record) string { return string(r.Principal.KeyID) }},
	"workspace_id":    {"X-Gatehouse-Workspace-Id", func(r *credential.Record) string { return string(r.Principal.WorkspaceID) }},
	"account_id":      {"X-Gatehouse-Account-Id", func(r *credential.Record) string { return string(r.Principal.AccountID) }},
	"environment":     {"X-Gatehouse-Environment", func(r *credential.Record) string { return string(r.Principal.Environment) }},
	"scope":           {"X-Gatehouse-Scope", func(r *credential.Record) string { return r.Introspection.Scope }},
	"credential_type": {"X-Gatehouse-Credential-Type", func(r *credential.Record) string { return r.Introspection.CredentialType }},
}

// An identity is what an issuer's answers tell.
type identity []identityHeader

func newIdentity(facts []string) (identity, error) {
	var id identity
	for _, fact := range facts {
		header, ok := identityFacts[fact]
		if !ok {
			return nil, fmt.Errorf("web: forward-auth knows no fact %q", fact)
		}
		id = append(id, header)
	}
	return id, nil
}

// tell sets the headers, empty ones too: what a client itself sent under the
// name must not stand. Gateways copy them over it.
func (id identity) tell(h http.Header, record *credential.Record) {
	values := make([]string, len(id))
	for n, header := range id {
		values[n] = header.of(record)
		h[header.name] = values[n : n+1 : n+1]
	}
}
