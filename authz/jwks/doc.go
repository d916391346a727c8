// Package jwks keeps an issuer's signing keys: it publishes them before they
// sign, rotates them by the clock, and retires them.
//
//	Rotate    for every algorithm one key signs now and the next is published
//	Sign      compact JWS with the key whose time it is
//	Verify    kid → key → the key's own algorithm → signature
//	Document  the JWKS (RFC 7517), rendered when keys change, not when asked
//
// Time is cut into periods of RotateEvery. The key of a period signs until the
// period ends, and the next one takes over in that instant:
//
//	period n-1          │ period n            │ period n+1
//	…─ signs ───────────┤─ published ─────────┤ removed after TokenTTL and MaxAge
//	  published ────────┤─ signs ─────────────┤─ published ─…
//
// Nodes need no leader: a period is a number, the store takes one key a period,
// and whoever comes second reads what the first one wrote.
//
// # When something is away
//
// There is always one key in reserve, so a store that is away for less than
// RotateEvery is not noticed. After that Sign fails as Unavailable: no key
// signs past its end, for verifiers count on the end to forget it. Nothing is
// lost by that, as no token is issued without the store.
//
// When no key signs (at the first start, or after an absence of more than a
// period) a key is made that signs at once. Copies of the JWKS from before the
// absence are older than MaxAge by then, and a verifier that meets an unknown
// kid fetches again (OpenID Connect Core section 10.1.1).
//
// # What is trusted
//
// A row counts only if its private key opens under this issuer, algorithm and
// kid, and the kid is the thumbprint (RFC 7638) of its public key. Whoever can
// write to the database but has no root key cannot add a key of their own.
package jwks
