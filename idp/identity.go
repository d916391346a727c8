package idp

import "time"

// Identity is what an upstream vouches for. Nothing in it says what the person
// may do: an upstream has no word in tenants, roles or scopes.
type Identity struct {
	// Upstream is the id of the connection, as the connector was told it.
	Upstream string
	// Issuer and Subject name the person (OpenID Connect Core section 2).
	// Subject is 1 to 255 bytes.
	Issuer  string
	Subject string
	// Link is a name of the person that the other side of the connection tells
	// too; empty for none.
	Link string
	// AuthTime is when the upstream authenticated the person; zero if untold.
	AuthTime time.Time
	// ACR and AMR are as told by the upstream, unjudged.
	ACR string
	AMR []string
	// Evidence is the judgement on ACR and AMR.
	Evidence Evidence
	// SessionID is the upstream's sid or SessionIndex; empty if untold.
	SessionID string
	// SessionEnds is when the upstream's session ends; zero if untold. Ours must
	// not outlast it.
	SessionEnds time.Time
	// LogoutName is what the upstream calls the person when it tells that their
	// session is over (NameID, sub); empty where that is Subject.
	LogoutName string

	// RefreshToken is what the upstream may be asked with later whether it still
	// knows the person; empty unless the connection keeps it.
	RefreshToken RefreshToken

	// Told is all that was told as text, where the callback asked for it: for an
	// administrator to see, and nobody to go by.
	Told Values

	Profile Profile
	// Email is for showing. It finds no account.
	Email string
	// EmailVerified is true only if the upstream said JSON true, about this
	// Email, in the same breath.
	EmailVerified bool

	// Groups are the person's groups at the upstream, at most 200.
	Groups []string
	// GroupsOverage says that the upstream left the groups out or that there
	// were too many: then Groups is empty and no group means nothing.
	GroupsOverage bool
}

// Profile is what an upstream tells of a person for showing (OpenID Connect
// Core section 5.1). Zero values are untold. Every text is at most 2048 bytes.
type Profile struct {
	Name              string
	GivenName         string
	FamilyName        string
	MiddleName        string
	Nickname          string
	PreferredUsername string
	ProfileURL        string
	Picture           string // never fetched
	Website           string
	Gender            string
	Birthdate         string
	Zoneinfo          string
	Locale            string
	UpdatedAt         time.Time
	Address           Address
	PhoneNumber       string
	PhoneVerified     bool
}

// Address is a postal address (OpenID Connect Core section 5.1.1).
type Address struct {
	Formatted     string
	StreetAddress string
	Locality      string
	Region        string
	PostalCode    string
	Country       string
}
