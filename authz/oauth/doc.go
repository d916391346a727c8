// Package oauth is the protocol: authorization endpoint, token endpoint,
// introspection, revocation, userinfo and metadata of one issuer. It is the
// only importer of fosite.
//
//	Authorize  parameters → ordered checks → AuthorizationRequest
//	Approve    request + signed-in person + scopes → grant, code → Redirect
//	Token      client authentication → fosite → one transaction → tokens
//	Examine    the slow look at a token, behind authz/credential
//	Revoke     token → its family, or the one token of a standing grant
//
// fosite parses and drives the flows; what it gets wrong is replaced here:
// PKCE, refresh, ID tokens, client authentication, token texts and every
// writer. Its store is a unit of work: what fosite wants written is collected
// while tokens are made and signed, and then written in one short transaction.
package oauth
