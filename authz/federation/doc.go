// Package federation decides by which side of a connection somebody signs in:
//
//	route      an administrator's rule, the first that is about them  → that side
//	override   an administrator switched over, with reason and end    → SAML
//	circuit    the OpenID provider did not answer us, lately          → SAML, if the mode says so
//	otherwise                                                         → OpenID Connect
//
// A rule is for a domain, an address or a group. What groups somebody is in is
// known of our own records alone. One that leads to OpenID Connect ends the
// rules, and the rest decides as for anybody.
//
// What a browser says counts for nothing but the rules by address: the circuit is fed by
// exchanges of our own servers with the upstream alone, never by an error on a
// callback, and never by a refusal of what an upstream said. It is one row in
// the database for all nodes.
package federation
