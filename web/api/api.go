package api

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/access"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
)

// Config is what the API of one issuer needs; required but for Demands and
// Registration.
type Config struct {
	Admin *admin.Admin
	Keys  *apikey.Keys
	// Deliveries brings the texts of replaced keys' successors to destinations.
	Deliveries *delivery.Deliveries
	// Connections and Federation administer the upstreams.
	Connections *connection.Connections
	Federation  *federation.Federation
	// InvitationURL is where somebody joins by an invitation's token.
	InvitationURL func(token authz.Secret) string
	// JoinURL is where a join link leads.
	JoinURL func(token authz.Secret) string
	// EnrolmentURL is where the person of a break-glass account sets it up.
	EnrolmentURL func(token authz.Secret) string
	// Access is conditional access.
	Access *access.Access
	// Scopes are the issuer's.
	Scopes *scope.Catalogue
	// Registration mints registration tokens; nil where clients may not
	// register themselves.
	Registration *registration.Registrar
	// KeysPath is the product's path for API keys: /v1/auth/keys or /v1/api-keys.
	KeysPath string
	// Authenticate finds who presents a credential.
	Authenticate func(ctx context.Context, p Presented) (authz.Principal, error)
	// Refused records a failed authentication.
	Refused func(ctx context.Context, typ, reason, actor string) error
	// Note tells the log which operation a request is for, who sent it, and
	// what was wrong with it.
	Note func(ctx context.Context, operation string, by authz.Principal, e *authz.Error)
	// CursorKeys make the cursors of lists; all of them are good, the first is
	// used.
	CursorKeys [][]byte
	// Onces remembers requests with an Idempotency-Key.
	Onces Onces
	// Demands is how a person must have signed in for an operation, by its
	// id; nil demands nothing (RFC 9470).
	Demands func(operation string) authz.AuthenticationRule
	// Status maps kinds of error to HTTP status codes.
	Status func(authz.Kind) int
	// RetryAfter sets the headers that say when to come back, if an error is
	// one of too much or too early.
	RetryAfter func(http.Header, *authz.Error)
	Clock      authz.Clock
	Version    string
}

// Presented is a credential in the Authorization header, and what came with it.
type Presented struct {
	Scheme string // Bearer or DPoP, in whatever case
	Text   authz.Secret
	// Method, Path and DPoP are what a proof must be made for, and the proofs
	// (RFC 9449 section 7.1).
	Method, Path string
	DPoP         []string
}

type api struct{ cfg Config }

// New returns the handler of /v1, which knows its routes from the first request on.
func New(cfg Config) (http.Handler, error) {
	if cfg.Admin == nil || cfg.Keys == nil || cfg.Deliveries == nil || cfg.Access == nil || cfg.Scopes == nil || cfg.Connections == nil || cfg.Federation == nil || cfg.InvitationURL == nil || cfg.JoinURL == nil || cfg.EnrolmentURL == nil || cfg.KeysPath == "" || cfg.Authenticate == nil || cfg.Refused == nil || cfg.Status == nil || cfg.RetryAfter == nil || cfg.Clock == nil || cfg.Note == nil || len(cfg.CursorKeys) == 0 || cfg.Onces == nil {
		return nil, errors.New("api: every field of Config is required")
	}
	quietErrors.Do(func() {
		huma.NewError = humaError
		huma.NewErrorWithContext = humaErrorOf
		huma.ValidateStrictCasing = true // encoding/json would take Name for name
	})
	a := &api{cfg: cfg}
	routes := sync.OnceValue(a.routes)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { routes().ServeHTTP(w, r) }), nil
}

// routes describes every operation, which takes a while and some 3 MB: nobody
// waits for it at the start, and an issuer that is not administered does without.
func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	h := humago.New(mux, description(a.cfg.Version))
	h.UseMiddleware(a.authenticate(h))
	a.accountRoutes(h)
	a.workspaceRoutes(h)
	a.memberRoutes(h)
	a.identityRoutes(h)
	a.joinLinkRoutes(h)
	a.factorRoutes(h)
	a.operatorRoutes(h)
	a.teamRoutes(h)
	a.roleRoutes(h)
	a.serviceAccountRoutes(h)
	a.resourceRoutes(h)
	a.clientRoutes(h)
	a.clientHistoryRoutes(h)
	a.registrationRoutes(h)
	a.connectionRoutes(h)
	a.connectionMetadataRoutes(h)
	a.setupLinkRoutes(h)
	a.explainRoutes(h)
	a.calendarRoutes(h)
	a.connectionHistoryRoutes(h)
	a.groupRoutes(h)
	a.keyRoutes(h)
	a.destinationRoutes(h)
	a.policyRoutes(h)
	a.decisionRoutes(h)
	a.scopeRoutes(h)
	a.keyPolicyRoutes(h)
	describeChecks(h)
	return a.fallback(mux)
}

// quietErrors replaces huma's errors, which echo the request, and makes it read
// names exactly, once for the process: huma keeps both in variables.
var quietErrors sync.Once //nolint:gochecknoglobals // as is what it sets

// description is the frame of the OpenAPI document. The pages and schema links
// huma would add load from elsewhere, or leak into bodies, and are off.
func description(version string) huma.Config {
	c := huma.DefaultConfig("Gatehouse management API", version)
	c.OpenAPIPath = "/v1/openapi"
	c.DocsPath, c.SchemasPath = "", ""
	c.CreateHooks = nil
	c.Formats = map[string]huma.Format{"application/json": bodies(), "json": bodies()}
	c.RejectUnknownQueryParameters = true
	c.Info.Description = "Administration of one issuer. Authenticate with an API key or access token: Authorization: Bearer."
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{"bearer": {Type: "http", Scheme: "bearer"}}
	c.Security = []map[string][]string{{"bearer": {}}}
	return c
}

type principalKey struct{}

// principal is who sent the request; the middleware put it there.
func principal(ctx context.Context) authz.Principal {
	p, _ := ctx.Value(principalKey{}).(authz.Principal)
	return p
}

// workspaceOr is the workspace named, or the caller's own.
func workspaceOr(ctx context.Context, named string) authz.WorkspaceID {
	if named != "" {
		return authz.WorkspaceID(named)
	}
	return principal(ctx).WorkspaceID
}
