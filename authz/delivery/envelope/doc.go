// Package envelope seals a text so that only the holder of a private key reads
// it: JWE, compact (RFC 7516), to a public key that was registered.
package envelope
