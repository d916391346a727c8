// Package apikey mints, recognises, verifies, revokes and purges API keys.
//
// The text of a key is "<brand>_<live|test>_" and 64 characters, the base64 of
// 48 bytes:
//
//	 1  version
//	11  key id: with the version, the 16 characters that may be shown
//	28  secret
//	 4  keyed tag: HMAC-SHA-256 over the prefix and the bytes before, cut
//	 4  CRC-32C over the prefix and the bytes before
//
// A text is redrawn until it is letters and digits only, so that it means the
// same in both base64 alphabets and a double click selects it. The prefix is
// inside tag and checksum: a key whose brand or environment was changed is no
// key. Checking goes from cheap to dear, and nobody who lacks a real key gets
// past the third step:
//
//	shape → checksum → tag → row → state → failure limit → Argon2id
package apikey
