// Package demo runs the whole product in one process with nothing to
// configure: two issuers, an upstream identity provider, a sample application,
// and something in the database to try out.
//
//	open listeners → configuration → app → upstream, workspaces, clients, keys
//	→ sample application → summary on standard output → serve
package demo
