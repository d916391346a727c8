// Package storage keeps the graph in SQLite or PostgreSQL. It is the only
// importer of GORM.
//
// Its methods are the verbs of the domain, one file for each aggregate:
//
//	Open → a Store, refusing a schema that is behind
//	InTx → verbs that commit together, retried when the database asks for it
//	KillNode and its kin → state and epoch in one conditional write, a row in
//	    node_events beside it, OnMoved after the commit
//	GetAccessToken and its kin → a leaf, its grant and every ancestor in one
//	    statement
//
// Every method names the issuer and the workspace it looks in, or ends in
// AcrossWorkspaces; what is found by an unguessable id or digest names the
// issuer. Rows come back in whatever state they are, lists leave out what was
// deleted: judging a state is for those who ask. An absent row is
// authz.ErrNotFound, a taken unique value authz.ErrConflict, a single use used
// up authz.ErrConsumed, a row changed meanwhile authz.ErrStale; a database that
// is away or busy is an authz.Error of kind Unavailable.
//
// Times are stored in UTC in whole microseconds and come from the Clock or an
// argument, never from the database.
package storage
