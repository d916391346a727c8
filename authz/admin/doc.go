// Package admin is what administrators do to accounts, workspaces and what is in
// them: people, teams, roles, service accounts, resources, clients. Each act checks who asks, then writes the
// change, its audit entry and its event in one transaction.
package admin
