// Package federation decides by which side of a connection somebody signs in:
//
//	route      an administrator's rule for a domain or a person       → that side
//	override   an administrator switched over, with reason and end    → SAML
//	circuit    the OpenID provider did not answer us, lately          → SAML, if the mode says so
//	otherwise                                                         → OpenID Connect
//
// What a browser says counts for nothing but the rules: the circuit is fed by
// exchanges of our own servers with the upstream alone, never by an error on a
// callback, and never by a refusal of what an upstream said. It is one row in
// the database for all nodes.
package federation
