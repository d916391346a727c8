// Package authz holds the nouns of an authorization server: issuers,
// workspaces, clients, grants, tokens, keys, their ids, the kinds of error,
// the clock, and what a store must be able to do with them.
//
// Everything that can be trusted hangs on one graph:
//
//	account → workspace → connection, service account, client, API key
//	        → session, grant → code, access token, refresh token
//
// A node is killed by one write: its state changes and its epoch goes up. A
// grant remembers the sum of its ancestors' epochs at issue (its lineage); it
// is live only while that sum is unchanged and every ancestor is active.
//
// The package imports the standard library only. fosite, GORM, JOSE and HTTP
// live elsewhere.
package authz
