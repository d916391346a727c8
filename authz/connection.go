package authz

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"
)

// Side is one of the two ways in which a connection signs people in.
type Side string

// The sides of a connection.
const (
	OIDCSide Side = "oidc"
	SAMLSide Side = "saml"
)

// UpstreamIdentity ties a person to what a side of a connection calls them. A
// person is recognised by connection, side and subject only, never by e-mail.
type UpstreamIdentity struct {
	Issuer       IssuerName
	ConnectionID ConnectionID
	Side         Side
	Subject      string
	// Link is a digest of a name that the other side tells of the same person
	// too; all zero for none.
	Link   [32]byte
	UserID UserID
	// Groups are those told at the last sign-in, of the ones that routes of the
	// connection are about.
	Groups      []string
	LinkedBy    LinkedBy
	CreatedAt   time.Time
	LastLoginAt time.Time // to the hour; zero before the first
}

// LinkedBy is how a person came to be known by an identity.
type LinkedBy string

// The ways; empty for what was there before they were kept.
const (
	LinkedBySignIn   LinkedBy = "sign_in"  // their first sign-in made them
	LinkedByKey      LinkedBy = "key"      // both sides tell one name
	LinkedByAdmin    LinkedBy = "admin"    // an administrator named it
	LinkedByCeremony LinkedBy = "ceremony" // they proved themselves to both sides
	LinkedByInvite   LinkedBy = "invite"   // they came by a link that was made for them
)

// ID names the identity to administrators, who are told it anyway.
func (i UpstreamIdentity) ID() string {
	sum := Digest(strings.Join([]string{string(i.Issuer), string(i.ConnectionID), string(i.Side), i.Subject}, "\x00"))
	return "idn_" + hex.EncodeToString(sum[:13])
}

// Connection is a workspace's upstream identity provider: a side of OpenID
// Connect, one of SAML 2.0, or both.
type Connection struct {
	ID          ConnectionID
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	Name        string
	// Vendor is okta, entra, auth0, onelogin, pingone, pingfederate or generic;
	// empty means generic.
	Vendor string
	// UpstreamIssuer is the upstream's issuer identifier; discovery starts
	// there. Empty for a connection of SAML alone.
	UpstreamIssuer string
	ClientID       string
	// ClientSecret is sealed; empty for a public client upstream.
	ClientSecret []byte
	Scopes       []string
	// OIDC is what is said of the side of OpenID Connect beyond that; nil for
	// nothing.
	OIDC *OIDCUpstream
	// SAML is the side of SAML 2.0; nil for none. SAMLKey is our key there,
	// sealed.
	SAML    *SAMLUpstream
	SAMLKey []byte
	// Fallback says who signs in by SAML where there are both sides.
	Fallback Fallback
	Numbers  Numbers
	JIT      JIT
	// Groups say what people are given by the groups the upstream tells of them.
	Groups []GroupRule
	// Domains are the verified e-mail domains that route here and whose
	// people may join the workspace at first login; lower case.
	Domains []string
	// Tested are the test sign-ins by side.
	Tested map[Side]ConnectionTest
	// Untried are the sides that it was given while in use, and that nobody signs
	// in by before a test sign-in has gone well.
	Untried []Side
	State   State // draft, testing, active, disabled, deleted
	// Revision counts the changes by administrators.
	Revision  int64
	Epoch     int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Drafted reports whether nobody has signed in by the connection yet.
func (c Connection) Drafted() bool { return c.State == Draft || c.State == Testing }

// Joins reports whether somebody new with the address, verified, may become a
// member by signing in.
func (c Connection) Joins(email string) bool {
	domain := EmailDomain(email)
	return c.JIT != JITOff && c.JIT != JITInvited && domain != "" && slices.Contains(c.Domains, domain)
}

// PollEvery is how often the provider is asked about each session; 0 for never.
// Unless it is said, that is every quarter of an hour where the connection asks
// for offline_access.
func (c Connection) PollEvery() time.Duration {
	switch {
	case !c.Has(OIDCSide):
		return 0
	case c.OIDC != nil && c.OIDC.PollMinutes != nil:
		return time.Duration(*c.OIDC.PollMinutes) * time.Minute
	case slices.Contains(c.Scopes, "offline_access"):
		return time.Duration(PollRule().Default) * time.Minute
	}
	return 0
}

// Has reports whether the connection has the side.
func (c Connection) Has(s Side) bool {
	return s == OIDCSide && c.UpstreamIssuer != "" || s == SAMLSide && c.SAML != nil
}

// ConnectionRevision is what a connection came to be by a change, without its
// secrets.
type ConnectionRevision struct {
	Connection Connection
	Actor      string
	At         time.Time
}

// GroupRule gives the people of a group at the upstream a role, or a place in a
// team, for as long as each sign-in tells of the group.
type GroupRule struct {
	// Group is as the upstream tells it, exactly: a name or an id.
	Group string `json:"group"`
	// One of Role and Team is set.
	Role RoleID `json:"role,omitempty"`
	Team TeamID `json:"team,omitempty"`
	// Environment limits a role to one; empty for both.
	Environment Environment `json:"environment,omitempty"`
}

// Gives is the rule without the group: what somebody is given by it.
func (r GroupRule) Gives() GroupRule {
	r.Group = ""
	return r
}

// ConnectionTest is a test sign-in that went well.
type ConnectionTest struct {
	At time.Time `json:"at"`
	By string    `json:"by"`
	// Link is a digest of the name that the other side must tell too, in hex;
	// empty when none was told.
	Link string `json:"link,omitempty"`
}

// OIDCUpstream are an administrator's words about an OpenID provider.
type OIDCUpstream struct {
	// Subject are the claims that name a person for good; empty means the
	// vendor's, or sub.
	Subject []string `json:"subject,omitempty"`
	// Require are claims that must be told exactly so.
	Require map[string]string `json:"require,omitempty"`
	// Tenants are the ids of the tenants of Entra ID whose people may sign in, where
	// the issuer stands for every one (common, organizations).
	Tenants []string `json:"tenants,omitempty" maxItems:"50" doc:"The ids of the tenants of Entra ID whose people may sign in; required where the issuer stands for every tenant (common, organizations), and only there."`
	// Groups are the claims that hold groups; empty means the vendor's.
	Groups []string `json:"groups,omitempty"`
	// Request are parameters to add to requests; empty means the vendor's.
	Request map[string]string `json:"request,omitempty"`
	// MFAContexts and MFAMethods prove a second factor, beside the vendor's.
	MFAContexts []string `json:"mfa_contexts,omitempty"`
	MFAMethods  []string `json:"mfa_methods,omitempty"`
	// MFADeclared is a word that the provider enforces one.
	MFADeclared bool `json:"mfa_declared,omitempty"`
	// PollMinutes is how often the provider is asked, with a refresh token of
	// each session's own, whether it still knows the person; 0 for never, else 5
	// to 1440. Nil means 15 where the scopes have offline_access, else never.
	PollMinutes *int `json:"poll_minutes,omitempty" minimum:"0" maximum:"1440" doc:"How often the provider is asked about each session: 5 to 1440, 0 for never. Absent: 15 where the scopes have offline_access, else never."`
}

// Fallback are an administrator's rules about the two sides of a connection.
type Fallback struct {
	// Routes send some people to one side for good; the first that matches
	// rules.
	Routes []Route `json:"routes,omitempty"`
	// Mode is what an outage of the side of OpenID Connect leads to.
	Mode FallbackMode `json:"mode,omitempty"`
	// Link is what both sides tell of a person alike and for good; its zero
	// value joins nobody.
	Link LinkKey `json:"link"`
}

// LinkKey are the claims and the attributes that hold one and the same name of
// a person; several together make one name.
type LinkKey struct {
	OIDC []string `json:"oidc,omitempty"`
	SAML []string `json:"saml,omitempty"`
}

// SAMLUpstream is an identity provider of SAML 2.0. Certificates, addresses
// and the entity id come from its metadata.
type SAMLUpstream struct {
	// EntityID is the provider's; it never changes.
	EntityID string `json:"entity_id"`
	// MetadataURL is where newer metadata is; empty for nowhere.
	MetadataURL string `json:"metadata_url,omitempty"`
	// SSO, SLO and SLOResponse are addresses by binding.
	SSO         map[string]string `json:"sso"`
	SLO         map[string]string `json:"slo,omitempty"`
	SLOResponse map[string]string `json:"slo_response,omitempty"`
	// MetadataCertificates, in DER, may have signed newer metadata, which is then
	// believed without an administrator; they are an administrator's word.
	MetadataCertificates [][]byte `json:"metadata_certificates,omitempty"`
	// InitiateLoginURI is where an application begins its own sign-in (OpenID
	// Connect Core section 4): where people are sent who come from the provider
	// unasked. Empty refuses them.
	InitiateLoginURI string `json:"initiate_login_uri,omitempty"`
	// Certificates, in DER, may have made its signatures.
	Certificates [][]byte `json:"certificates"`
	// WantsSigned says that the provider's metadata asks for signed requests.
	WantsSigned bool `json:"wants_signed_requests,omitempty"`
	// SignRequests signs what we ask.
	SignRequests bool `json:"sign_requests,omitempty"`
	// NameIDFormat asked for; empty means the vendor's.
	NameIDFormat string `json:"name_id_format,omitempty"`
	// Subject are the attributes that name a person for good; empty means the
	// vendor's, or NameID.
	Subject []string `json:"subject,omitempty"`
	// Require are attributes that must be told exactly so.
	Require map[string]string `json:"require,omitempty"`
	// MFAContexts and MFAMethods prove a second factor, beside the vendor's.
	MFAContexts []string `json:"mfa_contexts,omitempty"`
	MFAMethods  []string `json:"mfa_methods,omitempty"`
	// MFADeclared is an administrator's word that the provider enforces one.
	MFADeclared bool `json:"mfa_declared,omitempty"`
	// MutableSubject is an administrator's word that names which change hands
	// are all there is.
	MutableSubject bool `json:"mutable_subject,omitempty"`
}

// UpstreamName is what an upstream calls a session of ours, for when it ends
// there.
type UpstreamName struct {
	// Side is which of the connection's it is.
	Side Side
	// Person is a digest of what the upstream calls the person (NameID, sub).
	Person [32]byte
	// Session is the upstream's id of the session (SessionIndex, sid); empty if
	// untold.
	Session string
}

// UpstreamSessions are sessions as an upstream speaks of them.
type UpstreamSessions struct {
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	Side         Side
	// Person is a digest of what the upstream calls the person; zero leaves that
	// open, and there must be Sessions.
	Person [32]byte
	// User is whose they are, whatever the upstream calls them: then they are all
	// of that side's, and Person and Sessions are not looked at.
	User UserID
	// Sessions are the upstream's ids of them; none means all of the person.
	Sessions []string
}

// UpstreamRefresh is what an upstream may be asked with whether it still knows
// the person of a session.
type UpstreamRefresh struct {
	SessionID    SessionID
	Issuer       IssuerName
	WorkspaceID  WorkspaceID
	ConnectionID ConnectionID
	// Person is a digest of what the upstream calls the person.
	Person [32]byte
	// Token is its refresh token, sealed.
	Token []byte
	// PollAt is when it is to be asked next.
	PollAt    time.Time
	ExpiresAt time.Time
	Revision  int64
}

// UpstreamEnd is an upstream's word that sessions are over there.
type UpstreamEnd struct {
	Of UpstreamSessions
	// Reason is that of the audit entries.
	Reason string
	// Grants ends what was granted in the sessions as well, offline_access or
	// not: not the session is over, but the person is not welcome.
	Grants bool
}
