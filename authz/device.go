package authz

import "time"

// DeviceCode is a device authorization request (RFC 8628 section 3.1) and what
// became of it.
type DeviceCode struct {
	Digest   [32]byte // SHA-256 of the device code
	Issuer   IssuerName
	ClientID ClientID
	// UserDigest is a keyed digest of the user code, bound to the issuer; zero
	// once a person decided.
	UserDigest [32]byte
	// Parameters are the parameters, URL-encoded, without the client's credentials.
	Parameters string
	// IP is the address the request came from, for the person to recognise.
	IP string
	// Interval is how long the device waits between two polls; a poll before
	// PollAfter makes it longer (RFC 8628 section 3.5).
	Interval  time.Duration
	PollAfter time.Time
	// GrantID is the grant a person made, once approved.
	GrantID   GrantID
	State     State // active, approved, denied, used
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Further states of device codes.
const (
	Approved State = "approved"
	Denied   State = "denied"
)

// PendingDevices are how many device codes wait for a person: of the issuer, of
// one client, and of that client from one address.
type PendingDevices struct {
	Issuer, Client, Address int64
}
