// Package connection is what administrators do to connections:
//
//	Create → draft ─ Check ─▶ testing ─ a test sign-in by each side ─▶ Activate → active ⇄ disabled
//
// Each act checks who asks, then writes the change, its audit entry and its
// event in one transaction. What is changed at a side is to be tested anew. A
// domain routes people, and lets them join, only after its owner proved it by
// a TXT record; it is one connection's of an issuer.
package connection
