// Package session ends the sessions of browsers and tells whoever was signed
// in by them.
//
//	Revoke  one transaction: the node dies, audit entry, event, and for every
//	        client that was granted something in the session a logout token to
//	        be (OpenID Connect Back-Channel Logout 1.0)
//
// What ends a session for whatever reason goes through here: a client must not
// keep somebody signed in because one way out forgot to tell it.
package session
