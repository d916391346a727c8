package authz

import (
	"crypto/rand"
	"strings"
	"time"
)

// Ids are distinct types so that one cannot be passed for another. Their text
// carries a prefix that names the kind.
type (
	// IssuerName is the short name of an issuer in the configuration, such
	// as "uptimepulse". It is not the issuer's URL.
	IssuerName string
	// AccountID is "acc_…".
	AccountID string
	// WorkspaceID is "ws_…"; empty for what belongs to no workspace.
	WorkspaceID string
	// UserID is "usr_…", a person.
	UserID string
	// ServiceAccountID is "sa_…", a subject that cannot log in. It is also
	// the client_id and sub of its API keys.
	ServiceAccountID string
	// ClientID is an OAuth 2.0 client identifier (RFC 6749 section 2.2), "cl_…".
	ClientID string
	// ConnectionID is "con_…", a workspace's upstream identity provider.
	ConnectionID string
	// KeyID is "key_" and the first 16 characters of an API key's body.
	KeyID string
	// DelegationID is "del_…", an issuing delegation.
	DelegationID string
	// SessionID is "sid_…", the public name of a browser session (the sid
	// claim, OpenID Connect Front-Channel Logout section 3). It is not the
	// cookie's value.
	SessionID string
	// TeamID is "team_…".
	TeamID string
	// RoleID is "role_…", or the name of a built-in role.
	RoleID string
	// BindingID is "rb_…", a role given to a subject.
	BindingID string
	// InvitationID is "inv_…". It is not the invitation's token.
	InvitationID string
	// JoinLinkID is "jlk_…". It is not the link's token.
	JoinLinkID string
	// GrantID is "gr_…", a family of codes and tokens.
	GrantID string
)

const idAlphabet = "0123456789abcdefghjkmnpqrstvwxyz"

// NewID returns prefix, an underscore and 26 random characters (130 bits).
func NewID(prefix string) string {
	var raw [26]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	var b strings.Builder
	b.Grow(len(prefix) + 1 + len(raw))
	b.WriteString(prefix)
	b.WriteByte('_')
	for _, c := range raw {
		b.WriteByte(idAlphabet[c&31])
	}
	return b.String()
}

// newTimedID returns prefix, an underscore, ten characters of the time in
// milliseconds, and sixteen random ones (80 bits). Ids made one after the other
// stand beside each other in every index, so that writing many of them touches
// few pages. Such an id names a row and is no secret.
func newTimedID(prefix string, at time.Time) string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails since Go 1.24
	var b strings.Builder
	b.Grow(len(prefix) + 1 + 10 + len(raw))
	b.WriteString(prefix)
	b.WriteByte('_')
	ms := at.UnixMilli()
	for shift := 45; shift >= 0; shift -= 5 {
		b.WriteByte(idAlphabet[ms>>shift&31])
	}
	for _, c := range raw {
		b.WriteByte(idAlphabet[c&31])
	}
	return b.String()
}

// Constructors of ids that begin with the time they were made at, for what is
// made all the time.
func NewEventID(at time.Time) string                { return newTimedID("evt", at) }
func NewGrantID(at time.Time) GrantID               { return GrantID(newTimedID("gr", at)) }
func NewSessionID(at time.Time) SessionID           { return SessionID(newTimedID("sid", at)) }
func NewAuthorizationRequestID(at time.Time) string { return newTimedID("ar", at) }

// Constructors of random ids.
func NewAccountID() AccountID               { return AccountID(NewID("acc")) }
func NewWorkspaceID() WorkspaceID           { return WorkspaceID(NewID("ws")) }
func NewUserID() UserID                     { return UserID(NewID("usr")) }
func NewServiceAccountID() ServiceAccountID { return ServiceAccountID(NewID("sa")) }
func NewClientID() ClientID                 { return ClientID(NewID("cl")) }
func NewConnectionID() ConnectionID         { return ConnectionID(NewID("con")) }
func NewDelegationID() DelegationID         { return DelegationID(NewID("del")) }
func NewTeamID() TeamID                     { return TeamID(NewID("team")) }
func NewRoleID() RoleID                     { return RoleID(NewID("role")) }
func NewBindingID() BindingID               { return BindingID(NewID("rb")) }
func NewJoinLinkID() JoinLinkID             { return JoinLinkID(NewID("jlk")) }
func NewInvitationID() InvitationID         { return InvitationID(NewID("inv")) }

// maxConnectionID is what a configuration may say at most.
const maxConnectionID = 63

// Valid reports whether the id has the form of one, ours or a configuration's: 1
// to 63 letters, digits, dashes and underscores.
func (c ConnectionID) Valid() bool {
	for _, b := range []byte(c) {
		if (b < '0' || b > '9') && (b < 'a' || b > 'z') && (b < 'A' || b > 'Z') && b != '-' && b != '_' {
			return false
		}
	}
	return c != "" && len(c) <= maxConnectionID
}
