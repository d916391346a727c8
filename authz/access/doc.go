// Package access is conditional access of one issuer: it keeps the rule sets of
// workspaces in versions, asks them before anything is issued, and records what
// they said.
//
//	Create, Publish, Rollback   a rule set is validated, then in force at once
//	Decide                      gathers facts, asks the rules in force
//	Simulate, Replay            ask a draft what it would say, or would have said
//	Decisions, Explain          open what was recorded
//
// The rules themselves are authz/policy, which is pure. What is remembered of a
// workspace's rules, that it has none included, hangs on a node that every change
// moves: no node decides by old rules, and a workspace without rules costs no
// query.
package access
