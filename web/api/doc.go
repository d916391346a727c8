// Package api is the management API, /v1: JSON in snake_case, RFC 3339 times,
// cursor pagination, RFC 9457 problems that never quote the request, described
// in OpenAPI 3.1 at /v1/openapi.json.
//
// It is authenticated by our own keys and tokens in the Authorization header,
// never by cookies. A handler decodes, calls one function of the domain, and
// renders.
package api
