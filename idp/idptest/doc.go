// Package idptest is an OpenID provider in one process, for tests and for a
// demonstration without a vendor.
//
//	op, err := idptest.New(idptest.Config{Users: …, Clients: …})
//	err = op.Start()          // http on loopback; or serve op.Handler() yourself
//	defer op.Close()
//	… op.Issuer() …
//
// It speaks the authorization code flow of OpenID Connect Core with PKCE S256
// always, and shows a sign-in form that works without script. With
// Config.AutoLogin it asks nobody: login_hint says who signs in. Faults spoil
// one thing at a time, for tests of relying parties.
//
// It holds everything in memory and does not slow down guessing: it belongs on
// loopback.
package idptest
