// Package shared counts the uses of keys over several nodes, in a
// Redis-compatible server: the exact window of package ratelimit, kept in one
// place and told by one clock.
//
//	server there   one script, one round trip, 50 ms at most: exact
//	server away    each node by itself, its share of the limit: approximate
//
// No use waits longer than the budget and none fails for the server: three
// failures in a row let go of it, and a job of its own comes back to it. What
// is counted there is counted here too, so that a node that is left alone
// knows what it let through.
package shared
