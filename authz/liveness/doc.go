// Package liveness asks upstreams, while a session lasts, whether they still
// know its person: not every upstream tells when it ends.
//
//	Keep     at sign-in: the upstream's refresh token, sealed, with the session
//	PollDue  one node, at each session's own time give or take a fifth:
//	         the upstream gives another token  → it is asked again later
//	         invalid_grant                     → the person's sessions there end,
//	                                             with all that was granted in them
//	         anything else                     → nothing: an outage ends no session,
//	                                             and its upstream is not asked about
//	                                             others in that round
//
// It is off unless a connection says how often to ask.
package liveness
