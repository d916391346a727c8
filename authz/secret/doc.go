// Package secret keeps secrets: it hashes those we only compare, seals those
// we must use again, and bounds what hashing may cost.
//
//	Keyring   root keys from outside the database; a sub-key per purpose
//	Seal      AES-256-GCM, bound to a purpose and a row
//	Digest    SHA-256, for tokens of 256 random bits
//	Hasher    Argon2id over a peppered HMAC, behind two bounded gates
//
// A text has one of two profiles. People choose guessable texts, so theirs
// costs 19 MiB and two passes. What we generate has at least 224 random bits
// and no cost makes it safer; its Argon2id is 1 MiB and one pass, so that a
// restart does not stop the service while every key is verified anew. Both go
// through an HMAC under a pepper first: a stolen database alone can test no
// guess, not even of a weak password, and the hash's input has a fixed size.
// The pepper comes from a root key, whose id stands in the hash; losing that
// root loses the hash, as it loses everything sealed.
package secret
