// Package policy decides conditional access: facts in, decision out. It is
// pure: it reads no clock, no database and no file.
//
//	rules, err := policy.Decode(body)     // strict, bounded
//	err = policy.Validate(rules, known)   // every problem at once
//	set := policy.NewSet(rules)           // immutable, safe for concurrent use
//	decision := set.Evaluate(request)     // at authorize, token, refresh, exchange
//
// Every effect restricts, and the strictest of what the matching rules say is
// what counts: one denial denies, a scope that one rule removes is gone, the
// shortest lifetime wins, step-ups add up. So the order of the rules changes
// nothing but the order in which a decision names them. A rule that cannot be
// understood denies.
//
// Conditions on what is not known: an address, the list of groups or a time
// that is missing satisfies every condition on it. An unknown region or risk
// is in no list but one that names "unknown", and so always outside an allowed
// list (regions_not_in, risk_not_in).
package policy
