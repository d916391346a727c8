// Package factor keeps people's own second factors: who may enrol one, what
// proves one, and that every proof is good once.
//
//	Begin…  something to show: a secret, a challenge; nothing is stored
//	Enrol…  it works, and whoever brings it may have it: a factor
//	Prove…  count the attempt, look, then one transaction: the factor moves on,
//	        audit entry, and whatever the proof is for
//
// Wrong codes count against the person and the browser: one who guesses from
// elsewhere uses nothing up of a browser the person has proven themselves in.
package factor
