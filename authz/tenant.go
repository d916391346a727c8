package authz

import "time"

// Environment separates production from sandbox: "live" or "test"; empty for
// what is bound to neither.
type Environment string

// The environments.
const (
	Live Environment = "live"
	Test Environment = "test"
)

// Apart reports whether one is production and the other sandbox: what is bound
// to neither is apart from nothing.
func (e Environment) Apart(other Environment) bool { return e != "" && other != "" && e != other }

// Account is the customer that pays and owns workspaces.
type Account struct {
	ID        AccountID
	Issuer    IssuerName
	Name      string
	State     State // active, suspended, deleted
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
}

// LeaverPolicy says what becomes of the service accounts, and with them the
// keys, of a member who leaves.
type LeaverPolicy string

// The policies; empty is TransferKeys.
const (
	// TransferKeys gives them to whoever removes the member, or names somebody.
	TransferKeys LeaverPolicy = "transfer"
	// EndKeys revokes every key of theirs.
	EndKeys LeaverPolicy = "end"
)

// Workspace is the tenant.
type Workspace struct {
	ID        WorkspaceID
	Issuer    IssuerName
	AccountID AccountID
	Name      string
	// Tier is the customer's plan, the rate tier of keys made without one; empty
	// for the issuer's default.
	Tier      string
	Leaver    LeaverPolicy
	State     State // active, suspended, deleted
	Epoch     int64
	Revision  int64
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Member says that a person belongs to a workspace.
type Member struct {
	Issuer      IssuerName
	WorkspaceID WorkspaceID
	UserID      UserID
	// Role is the member's own, for the whole workspace.
	Role RoleID
	// Bounds are what all roles of the member come to; nil is that of RoleMember.
	Bounds    *Bounds
	Revision  int64
	CreatedAt time.Time
}

// Profile is what userinfo may say of a person (OpenID Connect Core section
// 5.1). Zero values are not told.
type Profile struct {
	Name              string     `json:"name,omitempty"`
	GivenName         string     `json:"given_name,omitempty"`
	FamilyName        string     `json:"family_name,omitempty"`
	MiddleName        string     `json:"middle_name,omitempty"`
	Nickname          string     `json:"nickname,omitempty"`
	PreferredUsername string     `json:"preferred_username,omitempty"`
	ProfileURL        string     `json:"profile,omitempty"`
	Picture           string     `json:"picture,omitempty"`
	Website           string     `json:"website,omitempty"`
	Gender            string     `json:"gender,omitempty"`
	Birthdate         string     `json:"birthdate,omitempty"`
	Zoneinfo          string     `json:"zoneinfo,omitempty"`
	Locale            string     `json:"locale,omitempty"`
	UpdatedAt         *time.Time `json:"updated_at,omitempty"`
	Email             string     `json:"email,omitempty"`
	EmailVerified     bool       `json:"email_verified,omitempty"`
	PhoneNumber       string     `json:"phone_number,omitempty"`
	PhoneVerified     bool       `json:"phone_number_verified,omitempty"`
	Address           *Address   `json:"address,omitempty"`
}

// Address is a postal address (OpenID Connect Core section 5.1.1).
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"street_address,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postal_code,omitempty"`
	Country       string `json:"country,omitempty"`
}

// User is a person as this issuer knows them. The id is the sub of their
// tokens.
type User struct {
	ID        UserID
	Issuer    IssuerName
	Profile   Profile
	State     State // active, disabled, deleted
	Epoch     int64
	CreatedAt time.Time
	UpdatedAt time.Time
}
