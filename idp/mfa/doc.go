// Package mfa speaks with a person's own second factors: authenticator apps
// (TOTP, RFC 6238) and passkeys (Web Authentication Level 3).
//
// It remembers nothing. What was used, and that it is used once only, is kept
// by whoever calls (authz/factor).
package mfa
