package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// describeChecks adds the checks of credentials to the document. They are
// served by plain handlers ahead of this API, for every microsecond counts
// there, and are described by hand.
func describeChecks(h huma.API) {
	text := &huma.Schema{Type: huma.TypeString}
	described := func(s huma.Schema, what string) *huma.Schema { s.Description = what; return &s }
	choice := func(what string, values ...any) *huma.Schema {
		return &huma.Schema{Type: huma.TypeString, Enum: values, Description: what}
	}
	object := func(properties map[string]*huma.Schema, required ...string) *huma.Schema {
		return &huma.Schema{Type: huma.TypeObject, Properties: properties, Required: required}
	}
	number := &huma.Schema{Type: huma.TypeInteger}
	environment := choice("The environment of what is acted on.", "live", "test")
	question := object(map[string]*huma.Schema{
		"credential": described(*text, "The access token or API key to look at."),
		"action":     described(*text, "A scope the credential must hold."), "environment": environment,
		"resource": object(map[string]*huma.Schema{
			"kind": choice("", "cluster", "check_group", "alert_route"), "id": text,
		}, "kind", "id"),
		"client_ip": described(*text, "The address of whoever presented the credential. A key with an allow-list is refused without it."),
		"method":    described(*text, "The method of the request; for the record, it decides nothing."),
	}, "credential")
	question.AdditionalProperties = false
	verdict := object(map[string]*huma.Schema{
		"allowed": {Type: huma.TypeBoolean},
		"reason":  choice("", "ok", "inactive", "scope", "resource", "environment", "ip_not_allowed", "rate_limited", "suspended"),
		"rate_limit": object(map[string]*huma.Schema{
			"limit": number, "remaining": number, "window": number, "reset": number, "retry_after": number,
		}),
		"active": {Type: huma.TypeBoolean, Description: "This and further members as introspection has them (RFC 7662 section 2.2)."},
	}, "allowed", "reason", "active")
	verdict.AdditionalProperties = true

	security := []map[string][]string{{"bearer": {}}, {"basic": {}}}
	h.OpenAPI().Components.SecuritySchemes["basic"] = &huma.SecurityScheme{Type: "http", Scheme: "basic", Description: "A client with its secret."}
	problem := &huma.Response{Description: "Error", Content: map[string]*huma.MediaType{"application/problem+json": {}}}
	h.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "verify", Method: http.MethodPost, Path: "/v1/verify", Security: security,
		Summary:     "Decide whether a credential is good for a use",
		Description: "Always 200 with the decision; 400, 401, 413 and 429 speak of the caller. Counts towards the key's rate limit.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: question}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "The decision", Content: map[string]*huma.MediaType{"application/json": {Schema: verdict}}},
			"400": problem, "401": problem, "413": problem, "429": problem, "503": problem,
		},
	})
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		h.OpenAPI().AddOperation(forwardAuth(method, environment))
	}
	h.OpenAPI().AddOperation(leakReport(problem))
}

// leakReport describes the one operation that asks for no authentication.
func leakReport(problem *huma.Response) *huma.Operation {
	text := &huma.Schema{Type: huma.TypeString}
	one := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Required: []string{"key"}, Properties: map[string]*huma.Schema{
		"key": {Type: huma.TypeString, Description: "The key, whole: who reports it holds it."},
		"url": {Type: huma.TypeString, Description: "Where it was seen; what follows a question mark is not kept."},
	}}
	many := &huma.Schema{Type: huma.TypeArray, Description: "What GitHub sends, signed in Github-Public-Key-Signature.", Items: &huma.Schema{
		Type: huma.TypeObject, Properties: map[string]*huma.Schema{"token": text, "type": text, "url": text}, Required: []string{"token"},
	}}
	known := &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"known": {Type: huma.TypeBoolean}}}
	labels := &huma.Schema{Type: huma.TypeArray, Items: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{
		"token_hash": {Type: huma.TypeString, Description: "Base64 of the token's SHA-256."}, "token_type": text,
		"label": {Type: huma.TypeString, Enum: []any{"true_positive", "false_positive"}},
	}}}
	return &huma.Operation{
		OperationID: "report-leak", Method: http.MethodPost, Path: "/v1/leaks/report", Security: []map[string][]string{},
		Summary:     "Report a leaked API key",
		Description: "Whoever holds a key may report it. Its people are told, and the policy for its environment is applied.",
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{one, many}}}}},
		Responses: map[string]*huma.Response{
			"200": {Description: "Whether it is a key of this server", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{known, labels}}}}},
			"400": problem, "401": problem, "413": problem, "429": problem, "503": problem,
		},
	}
}

func forwardAuth(method string, environment *huma.Schema) *huma.Operation {
	parameter := func(in, name, what string, schema *huma.Schema) *huma.Param {
		return &huma.Param{Name: name, In: in, Description: what, Schema: schema}
	}
	text := &huma.Schema{Type: huma.TypeString}
	return &huma.Operation{
		OperationID: "forward-auth-" + map[string]string{http.MethodGet: "get", http.MethodPost: "post"}[method], Method: method,
		Path: "/v1/forward-auth", Security: []map[string][]string{}, Summary: "Decide about a request that a gateway holds back",
		Description: "The same decision as verify. The gateway authenticates in X-Gatehouse-Caller, or reaches a listener of its own; Authorization is the client's.",
		Parameters: []*huma.Param{
			parameter("header", "X-Gatehouse-Caller", "Basic, Bearer, or Client with a certificate.", text),
			parameter("query", "action", "A scope the credential must hold.", text),
			parameter("query", "environment", "The environment of what is acted on.", environment),
			parameter("query", "resource", "kind:id, such as cluster:eu-1.", text),
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "Allowed; X-Gatehouse-Subject, -Client-Id, -Key-Id, -Workspace-Id, -Environment and -Scope say who it is, or what the issuer is set to tell, -Account-Id and -Credential-Type too."},
			"401": {Description: "No live credential"}, "403": {Description: "Not with this credential, here"}, "429": {Description: "The key was used too often"},
		},
	}
}
