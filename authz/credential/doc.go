// Package credential is the hot path: it decides whether a presented
// credential is live, holding no state it cannot prove.
//
//	lookup:  digest of the text → cached record → its stamps equal today's
//	         epochs, the lease is fresh, it has not ended → answer
//	miss:    examine the credential the slow way, once → stamp → cache
//	kill:    storage commits, then bumps the epochs; every record that
//	         depended on them is worthless without being looked for
//
// A record is stamped with the epochs of everything its life depends on. No
// record outlives the moment one of them moves, and none is believed while
// this node cannot know whether they moved (see Lease).
package credential
