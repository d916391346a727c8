package config

import "time"

// Issuer is one product's authorization server. What it does not set comes
// from its profile.
type Issuer struct {
	// The name in stored rows, logs and on the command line; the profile's when unset.
	Name string `yaml:"name"`
	// The built-in settings to start from: "default", "uptimepulse" or "statuspulse".
	Profile string `yaml:"profile" jsonschema:"enum=default,enum=uptimepulse,enum=statuspulse"`
	// The issuer identifier, the iss of its tokens: https://host[:port], without
	// a path; http on loopback hosts only.
	URL string `yaml:"url"`
	// A second host that serves introspection and /v1, and is advertised for
	// them; empty for the first.
	APIURL string `yaml:"api_url"`
	// Where clients that have certificates find the same endpoints, if
	// elsewhere (RFC 8705 section 5); empty for url.
	MTLSURL string `yaml:"mtls_url"`
	// What people are shown as the name of the product.
	DisplayName string `yaml:"display_name"`
	// Words of the console, which is still to come.
	Console Console `yaml:"console"`
	// API keys.
	Keys Keys `yaml:"keys"`
	// Lifetimes and form of tokens.
	Tokens Tokens `yaml:"tokens"`
	// The protocol.
	OAuth OAuth `yaml:"oauth"`
	// Answers to gateways that hold a request back.
	ForwardAuth ForwardAuth `yaml:"forward_auth"`
	// The keys that sign tokens.
	Signing Signing `yaml:"signing"`
	// Sessions of signed-in browsers.
	Session Session `yaml:"session"`
	// Upstream identity providers that are known from the start.
	Connections []Connection `yaml:"connections"`
}

// Console holds words people were told to look for.
type Console struct {
	// The menu path to the page of API keys.
	KeysPath string `yaml:"keys_path"`
	// The button that creates an API key.
	CreateButton string `yaml:"create_button"`
}

// Keys are the rules of API keys.
type Keys struct {
	// The beginning of the text of a key, before _live_ or _test_.
	Prefix string `yaml:"prefix"`
	// Where the API of keys is served.
	Path string `yaml:"path"`
	// The environment variable that command line and libraries read a key from.
	EnvVar string `yaml:"env_var"`
	// The age at which keys are rotated where rotation_forced is set.
	RotationDefault time.Duration `yaml:"rotation_default"`
	// Rotate every key that gets as old as rotation_default, whatever its own schedule says.
	RotationForced bool `yaml:"rotation_forced"`
	// The age at which a workspace may have all its keys rotated; 0 for none.
	RotationEnforceable time.Duration `yaml:"rotation_enforceable"`
	// How long a rotated key stays valid beside its successor.
	RotationGrace time.Duration `yaml:"rotation_grace"`
	// How long a revoked key is kept before it is purged.
	Quarantine time.Duration `yaml:"quarantine"`
	// Requests in any 60 seconds, by tier. Keys are of their workspace's tier, or
	// of "standard" where it has none, unless they say otherwise.
	Tiers map[string]int `yaml:"tiers"`
	// The forms of keys that were made elsewhere and imported.
	ImportedLayouts []KeyLayout `yaml:"imported_layouts"`
	// What happens to keys that leaked.
	Leaks KeyLeaks `yaml:"leaks"`
}

// KeyLayout is the form of keys of another system.
type KeyLayout struct {
	// An expression (RE2) for the whole text of such a key. It begins with at
	// least four plain characters that no credential of this server begins with,
	// and has no alternatives.
	Pattern string `yaml:"pattern"`
	// How many characters at the beginning tell one key from another and may be
	// shown; 0 for keys that are found by their whole digest.
	Lookup int `yaml:"lookup"`
}

// KeyLeaks are the policies for leaked keys, by environment.
type KeyLeaks struct {
	// Keys of production.
	Live LeakPolicy `yaml:"live"`
	// Keys of the sandbox.
	Test LeakPolicy `yaml:"test"`
}

// LeakPolicy is what happens to a key once it is known to have leaked. An audit
// entry and an event tell of it in any case.
type LeakPolicy struct {
	// Nothing more; disable it, so that it can be enabled again; or revoke it at once.
	Action string `yaml:"action" jsonschema:"enum=notify,enum=disable,enum=revoke"`
	// How long after the first report it is disabled; 0 for at once.
	Fuse time.Duration `yaml:"fuse"`
}

// Tokens are the rules of tokens.
type Tokens struct {
	// The life of an access token.
	AccessTTL time.Duration `yaml:"access_ttl"`
	// The life of a refresh token, counted from the grant; refreshing does not extend it.
	RefreshTTL time.Duration `yaml:"refresh_ttl"`
	// The life of an authorization code, at most 60 seconds.
	CodeTTL time.Duration `yaml:"code_ttl"`
	// The life of an ID token.
	IDTokenTTL time.Duration `yaml:"id_token_ttl"`
	// The form of access tokens for clients that do not choose.
	Format string `yaml:"format" jsonschema:"enum=opaque,enum=jwt"`
	// How long a pushed authorization request can be used (RFC 9126).
	PushedTTL time.Duration `yaml:"pushed_ttl"`
	// How long a used refresh token answers with the same successor.
	RefreshGrace time.Duration `yaml:"refresh_grace"`
}

// ForwardAuth is how /v1/forward-auth answers.
type ForwardAuth struct {
	// What is told of who asks, each as a header X-Gatehouse-Subject, -Client-Id
	// and so on, empty where it does not apply. The gateway must put all of them in
	// place of what a client sent.
	Identity []string `yaml:"identity" jsonschema:"enum=subject,enum=client_id,enum=key_id,enum=workspace_id,enum=account_id,enum=environment,enum=scope,enum=credential_type"`
}

// OAuth are the rules of the protocol.
type OAuth struct {
	// Who must send a code challenge (S256): public clients or all of them.
	PKCE string `yaml:"pkce" jsonschema:"enum=public,enum=all"`
	// The client authentication methods in use (RFC 7591 section 2).
	// Those by certificate are offered only where one can arrive and be verified:
	// server.public[].tls.client_certificates or server.client_certificate_header,
	// and server.client_ca_file for tls_client_auth.
	ClientAuthMethods []string `yaml:"client_auth_methods" jsonschema:"enum=none,enum=client_secret_basic,enum=client_secret_post,enum=private_key_jwt,enum=tls_client_auth,enum=self_signed_tls_client_auth"`
	// The subject types in use, the default one first (OpenID Connect Core
	// section 8): a pairwise client knows people by names no other client knows.
	SubjectTypes []string `yaml:"subject_types" jsonschema:"enum=public,enum=pairwise"`
	// The authentication contexts (acr) that the upstreams tell of, to be
	// advertised.
	ACRValues []string `yaml:"acr_values"`
	// Refuse DPoP proofs without a nonce of this server (RFC 9449 section 8).
	DPoPNonce bool `yaml:"dpop_nonce"`
	// The scopes that clients may be granted.
	Scopes []Scope `yaml:"scopes"`
	// The scopes that API keys may be granted.
	KeyScopes []KeyScope `yaml:"key_scopes"`
	// Clients that register themselves with a token of an administrator's (RFC 7591).
	Registration Registration `yaml:"registration"`
	// Clients whose client_id is the address of a document that describes them
	// (Client ID Metadata Documents), as those of the Model Context Protocol.
	ClientDocuments ClientDocuments `yaml:"client_id_metadata_documents"`
	// The resources that tokens may be asked for beside the API (RFC 8707).
	Resources []Resource `yaml:"resources"`
	// The types of authorization details in use (RFC 9396).
	AuthorizationDetailsTypes []AuthorizationDetailsType `yaml:"authorization_details_types"`
	// The workloads whose own tokens are exchanged for ours (RFC 8693); of those
	// that match a token the first rules.
	WorkloadIdentities []WorkloadIdentity `yaml:"workload_identities"`
}

// Registration are the rules of dynamic client registration.
type Registration struct {
	// Whether the endpoint is served.
	Enabled bool `yaml:"enabled"`
	// The scopes that registered clients may ask for; none when empty.
	Scopes []string `yaml:"scopes"`
	// The most registered clients a workspace may have.
	MaxClients int `yaml:"max_clients"`
	// How long a registered client that nobody uses is kept.
	UnusedAfter time.Duration `yaml:"unused_after"`
}

// ClientDocuments are the rules of Client ID Metadata Documents.
type ClientDocuments struct {
	// Whether such clients are accepted.
	Enabled bool `yaml:"enabled"`
	// The scopes that such clients may ask for; none when empty.
	Scopes []string `yaml:"scopes"`
	// The most such clients that people may have allowed.
	MaxClients int `yaml:"max_clients"`
}

// Scope is a scope of clients.
type Scope struct {
	// The scope (RFC 6749 section 3.3).
	Name string `yaml:"name"`
	// What the consent page says it allows.
	Description string `yaml:"description"`
	// The claims it adds to userinfo (OpenID Connect Core section 5.4).
	Claims []string `yaml:"claims"`
}

// KeyScope is a scope of API keys.
type KeyScope struct {
	// The scope.
	Name string `yaml:"name"`
	// Other names it may be asked for by, wherever scopes are asked for; keys keep and answer the scope. A scope in
	// `scopes` that stands here too is the same permission, held by people and clients under its own name.
	Aliases []string `yaml:"aliases"`
	// What the console says it allows.
	Description string `yaml:"description"`
	// Never given to a key: only people hold it.
	PeopleOnly bool `yaml:"people_only"`
	// Given only by name, never as part of a group or wildcard.
	ExplicitOnly bool `yaml:"explicit_only"`
}

// Signing are the rules of signing keys.
type Signing struct {
	// How long a key signs before the next one does.
	RotateEvery time.Duration `yaml:"rotate_every"`
	// How long the next key is published before it signs.
	PublishAhead time.Duration `yaml:"publish_ahead"`
	// The JWS algorithms that keys are kept for (RFC 7518 section 3.1).
	Algorithms []string `yaml:"algorithms" jsonschema:"enum=RS256,enum=ES256,enum=PS256,enum=EdDSA"`
}

// Session are the rules of sessions.
type Session struct {
	// How long a session lives without being used.
	Idle time.Duration `yaml:"idle"`
	// How long a session lives at most.
	Absolute time.Duration `yaml:"absolute"`
}

// Connection is an upstream identity provider of a workspace: by OpenID
// Connect, by SAML 2.0, or both.
type Connection struct {
	// The id or name of the workspace it belongs to.
	Workspace string `yaml:"workspace"`
	// The id; part of its callback, /oidc/{id}/callback, and of its addresses for
	// SAML, /saml/{id}/acs, /saml/{id}/slo and /saml/{id}/metadata.
	ID string `yaml:"id"`
	// What people are shown.
	Name string `yaml:"name"`
	// Whose product it is: what such providers have in common is known.
	Vendor string `yaml:"vendor" jsonschema:"enum=okta,enum=entra,enum=auth0,enum=onelogin,enum=pingone,enum=pingfederate,enum=generic"`
	// The upstream's issuer identifier; discovery starts there. Empty for a
	// connection of SAML alone.
	Issuer string `yaml:"issuer"`
	// Our client at the upstream.
	ClientID string `yaml:"client_id"`
	// Its secret; empty for a public client.
	ClientSecret Secret `yaml:"client_secret"`
	// A file that holds the secret.
	ClientSecretFile string `yaml:"client_secret_file"`
	// The ids of the tenants of Entra ID whose people may sign in, where the issuer
	// stands for every tenant (common, organizations).
	Tenants []string `yaml:"tenants"`
	// The scopes to ask the upstream for.
	Scopes []string `yaml:"scopes"`
	// How often, in minutes, the OpenID provider is asked with a refresh token of
	// each session's own whether it still knows the person: 5 to 1440, 0 for never.
	// Unset: 15 where the scopes have offline_access, else never.
	PollMinutes *int `yaml:"poll_minutes"`
	// The side of SAML 2.0, if there is metadata for it.
	SAML SAML `yaml:"saml"`
	// Who signs in by which side, for good; the first that matches rules. All
	// others sign in by OpenID Connect where there is that side.
	Routes []Route `yaml:"routes"`
	// What an outage of the OpenID provider leads to, where there is a side of
	// SAML too: people wait, an administrator switches over, people may go on by
	// SAML, or are sent there.
	Fallback string `yaml:"fallback" jsonschema:"enum=never,enum=admin,enum=ask,enum=auto"`
	// What both sides tell of a person alike and for good, so that they know one
	// person; without it nobody of one side is found at the other.
	Link LinkKey `yaml:"link_key"`
	// Who becomes a member by signing in for the first time: people who were
	// invited and those with an address in one of the domains, the invited alone,
	// or nobody.
	JIT string `yaml:"jit" jsonschema:"enum=domain,enum=invited,enum=off"`
	// Times of this connection; those left out have their defaults.
	Numbers Numbers `yaml:"numbers"`
	// The e-mail domains that sign in here.
	Domains []string `yaml:"domains"`
}

// Numbers are times of a connection; 0 takes the default.
type Numbers struct {
	// How long somebody may be away at the provider: 5 to 30, 10 by default.
	AttemptMinutes int `yaml:"attempt_minutes"`
	// How far our clock and an OpenID provider's may differ: up to 180, 60 by
	// default.
	OIDCSkewSeconds int `yaml:"oidc_skew_seconds"`
	// How far our clock and a SAML provider's may differ: up to 180, 60 by default.
	SAMLSkewSeconds int `yaml:"saml_skew_seconds"`
	// How old an assertion may be when it comes: 30 to 600, 300 by default.
	AssertionAgeSeconds int `yaml:"assertion_age_seconds"`
	// How often the discovery document is fetched anew: 15 to 10080, 720 by
	// default.
	DiscoveryRefreshMinutes int `yaml:"discovery_refresh_minutes"`
	// How long a good copy of it is used while none can be had: 15 to 10080, 1440
	// by default, no less than discovery_refresh_minutes.
	DiscoveryKeptMinutes int `yaml:"discovery_kept_minutes"`
	// How long a session lasts whose sign-in stands in for another: 5 to 480, 60 by
	// default.
	FallbackSessionMinutes int `yaml:"fallback_session_minutes"`
	// How old a second factor at the provider may be to count at a sign-in: 15 to
	// 1440, 720 by default.
	MFAAgeMinutes int `yaml:"mfa_age_minutes"`
}

func (c *Connection) setDefaults(func(string) string) {
	c.Vendor, c.Fallback, c.JIT = "generic", "ask", "domain"
	c.Scopes = []string{"openid", "profile", "email"}
}

// SAML is the side of SAML 2.0 of a connection.
type SAML struct {
	// A file that holds the provider's metadata.
	MetadataFile string `yaml:"metadata_file"`
	// Where the provider's metadata is: https. It is fetched once; a later
	// certificate needs an administrator.
	MetadataURL string `yaml:"metadata_url"`
	// The provider's entity id, where the metadata describes several.
	EntityID string `yaml:"entity_id"`
	// Sign requests, also where the metadata does not demand it.
	SignRequests bool `yaml:"sign_requests"`
	// The NameID format to ask for; the vendor's when unset.
	NameIDFormat string `yaml:"name_id_format"`
	// The attributes that name a person for good; the vendor's, or NameID, when
	// unset.
	Subject []string `yaml:"subject"`
	// Attributes that must be told exactly so, such as the tenant's id.
	Require map[string]string `yaml:"require"`
	// Authentication contexts that the provider tells after a second factor only.
	MFAContexts []string `yaml:"mfa_contexts"`
	// Authentication methods that prove a second factor.
	MFAMethods []string `yaml:"mfa_methods"`
	// Your word that the provider always asks for a second factor.
	MFADeclared bool `yaml:"mfa_declared"`
	// Your word that e-mail addresses, which change hands, are all there is to
	// name people by.
	MutableSubject bool `yaml:"mutable_subject"`
}

// LinkKey names what the two sides of a connection tell of a person alike, such
// as the claims tid and oid, and the attributes that hold the same two.
type LinkKey struct {
	// Claims of the ID token.
	OIDC []string `yaml:"oidc"`
	// Attributes of the assertion, in the same order.
	SAML []string `yaml:"saml"`
}

// Route sends some people to one side of a connection.
type Route struct {
	// The e-mail domain of the people meant; or email or group.
	Domain string `yaml:"domain"`
	// The e-mail address of the person meant; or domain or group.
	Email string `yaml:"email"`
	// The group of the people meant, exactly as the upstream tells it; or domain or
	// email. It is looked at when they come back.
	Group string `yaml:"group"`
	// The side they sign in by.
	Use string `yaml:"use" jsonschema:"enum=oidc,enum=saml"`
}
