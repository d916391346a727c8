// Package delivery brings the texts of keys that replaced others to whoever uses
// them: sealed to a public key in a signed webhook, or into a store of secrets.
//
//	a key is replaced → the text is encrypted and stored in that transaction →
//	the dispatcher carries it, again and again, for one to two days →
//	delivered, and forgotten here; or dead, and told
//
// A text is never lost on the way: until it has arrived, the old key can claim
// the successor as long as it is valid, and what was given up can be repeated
// for as long. Where a destination is never changes, because whoever could change
// it would be given the keys that are brought there.
package delivery
