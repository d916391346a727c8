// Package scope keeps an issuer's catalogue of scopes: those of the
// configuration file, and those that the operator added while it runs.
//
//	Create, Update, Retire, Rollback → one more version, in one transaction
//	Current ← whoever checks, gives or looks at scopes; remembered until it moves
//
// What is in the file is changed there alone. A name is taken for good: what
// was retired is no other scope later.
package scope
