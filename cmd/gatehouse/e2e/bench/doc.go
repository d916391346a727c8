// Command bench measures how fast a Gatehouse answers, as a multiple of the
// least a server can do.
//
//	bench -gatehouse bin/gatehouse
//
// It starts `gatehouse demo --bench` and a bare net/http introspection handler
// (the floor) on one core, itself on another, and lets 32 connections ask as
// fast as they get answers. Floor and Gatehouse take turns in short rounds, and
// a ratio compares the two of the same round, because the speed of a machine
// drifts while the ratio holds. Every answer is checked; a wrong one is an
// error and counts as nothing else.
//
//	W1  introspect one access token
//	W2  introspect 10,000 distinct access tokens in turn
//	W3  issue an access token by client_credentials
//	W6  fetch the discovery document and the key set in turn
//	W7  the same by somebody who has them: 304 without a body
//	W8  W2 once -stored tokens lie in the table; run it last
package main
