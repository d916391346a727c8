// Package registration lets clients register themselves (RFC 7591) and keep
// what they registered up to date (RFC 7592).
//
// It is closed to strangers: an administrator mints an initial access token for
// a workspace, good for a number of clients and a while.
//
//	token, text, err := registrar.MintToken(ctx, administrator, request)
//	told, err := registrar.Register(ctx, text, body)       // one use of the token
//	told, err = registrar.Update(ctx, id, hold, body)      // hold is replaced
//
// A registered client is one of its workspace's. It acts for people who are
// there and allow it; it never acts by itself, introspects, or skips consent.
package registration
