package authz

// SessionClient is a client that was granted something in a session.
type SessionClient struct {
	ClientID ClientID
	// Subject is the sub the client knows the person by.
	Subject  string
	Metadata ClientMetadata
}

// Logout is what a logout token will say (OpenID Connect Back-Channel Logout
// section 2.4): the data of an event on its way to a client.
type Logout struct {
	ClientID ClientID  `json:"client_id"`
	Subject  string    `json:"sub"`
	SID      SessionID `json:"sid"`
	// UserID is whose session ended; it is not told.
	UserID UserID `json:"user_id,omitempty"`
}
