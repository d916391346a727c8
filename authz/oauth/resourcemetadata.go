package oauth

import (
	"encoding/json"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/proof"
)

// resourceMetadata describes the API as a protected resource (RFC 9728 section 2).
type resourceMetadata struct {
	Resource             string   `json:"resource"`
	AuthorizationServers []string `json:"authorization_servers"`
	ScopesSupported      []string `json:"scopes_supported"`
	BearerMethods        []string `json:"bearer_methods_supported"`
	DPoPAlgorithms       []string `json:"dpop_signing_alg_values_supported"`
	ResourceName         string   `json:"resource_name,omitempty"`
}

// ResourceMetadata renders the protected resource metadata of the API, or of
// what is below path there, as JSON. It changes with the scopes and with nothing
// else.
func (s *Server) ResourceMetadata(known *authz.Scopes, path, name string) ([]byte, error) {
	doc := resourceMetadata{
		Resource: s.settings.api() + path, AuthorizationServers: []string{s.settings.URL}, BearerMethods: []string{"header"},
		DPoPAlgorithms: proof.Algorithms(), ResourceName: name,
	}
	for _, scope := range known.Of(authz.ClientScope) {
		doc.ScopesSupported = append(doc.ScopesSupported, scope.Name)
	}
	body, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("rendering the resource metadata: %w", err)
	}
	return body, nil
}

// ManagementPath is where the management API is below the API's host; it is a
// resource by that name too.
const ManagementPath = "/v1"

// isAPI reports whether a resource is the API, by either of its names (RFC 8707
// section 2).
func (s *Server) isAPI(resource string) bool {
	return resource == s.settings.api() || resource == s.settings.api()+ManagementPath
}
