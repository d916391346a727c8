// Package admin is what administrators do to workspaces and clients: create,
// change, suspend, rotate, delete. Each act checks who asks, then writes the
// change, its audit entry and its event in one transaction.
package admin
