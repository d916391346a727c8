// Package app puts the product together: from a configuration to a running
// server. It is the one place that knows every part.
//
//	Open   keys → database → issuers (signing keys, hot path, protocol, pages, API)
//	Serve  listeners, operator listener, background jobs; drains when told to stop
package app
