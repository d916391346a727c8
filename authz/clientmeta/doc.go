// Package clientmeta says what may be registered of a client, whoever
// registers it: an administrator, the client itself (RFC 7591), or the document
// its client_id points at (draft-ietf-oauth-client-id-metadata-document).
//
// It is pure: it reads no database and asks nobody. Every problem is an
// authz.Error that names the member and never quotes the value.
//
//	base := clientmeta.Bundle(profile) // what the profile sets
//	…what was asked for is laid over it…
//	err := rules.Check(client)         // and nothing of the bundle was loosened
package clientmeta
