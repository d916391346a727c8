// Package event brings what happened to those who must hear of it.
//
//	act:      state, audit entry and event rows commit together (Outbox)
//	claim:    the Dispatcher takes due deliveries for a while, many at once
//	deliver:  each sink has workers of its own; a slow one delays itself only
//	failure:  again later, at growing distances; in the end a dead letter
//
// Delivery is at least once and in no promised order. An event's id is the
// same at every attempt, so that a receiver can tell a repetition.
package event
