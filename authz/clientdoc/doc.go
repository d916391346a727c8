// Package clientdoc knows clients by a document of their own
// (draft-ietf-oauth-client-id-metadata-document): the client_id is the https
// URL it is fetched from, and nobody registers anything.
//
//	client_id → row in the database, dead? refused
//	          → document in the cache, or fetched: bounded, no redirects
//	          → says the same client_id, passes the rules every client passes
//	          → sign-in and consent, which shows the host
//	          → the person allows it: the client becomes a row, grants hang on it
//
// A stranger's document leaves no row: only a person who allows the client
// does. At the token endpoint the row, which is the last known good document,
// stands for it, so that a refresh needs nobody else's server.
package clientdoc
