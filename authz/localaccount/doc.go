// Package localaccount keeps the accounts of people who sign in with us and at
// no upstream: operators, and a workspace's break-glass accounts.
//
//	Invite  an account, new or not, and a link that is good once
//	Open    what a link is for
//	Accept  in the transaction of what was enrolled: the link is used, the
//	        password kept
//	Check   a password, counted before it is looked at
//
// A password never signs anybody in by itself: a second factor of theirs does
// (authz/factor). Nobody is told whether a login, a password or a code was wrong.
package localaccount
