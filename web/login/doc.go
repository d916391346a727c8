// Package login carries a person from an authorization request to a code:
//
//	Authorize → dispatch ─┬─ approve: code, back to the client
//	                      ├─ sign in → upstream → Callback → dispatch
//	                      │                     └ ACS → ContinueSAML → dispatch
//	                      └─ consent → dispatch
//
// dispatch alone decides the next step, from the request, the session and the
// remembered consent; every page returns only to it. A request that needs a
// page is stored and bound to the browser by a cookie, so that nobody can
// finish what somebody else began.
//
// The package turns an idp.Identity into a person of ours (subject.go): the
// only place where the two worlds touch.
package login
