// Package proof reads what clients sign: client assertions (RFC 7523), request
// objects (RFC 9101) and DPoP proofs (RFC 9449).
//
//	Read      text → a Token nobody should believe yet
//	Verify    Token + the client's Keys → its claims
//	ReadDPoP  text + what it must say → the key it proves
//
// It is pure: times, keys and what was seen before come from its caller. Every
// text has a bound, and nothing that a header brings along, a key, an address
// or an extension, is looked at, but for the key of a DPoP proof.
package proof
