// Package idp says what an upstream identity provider is to Gatehouse: a
// Connector that sends a browser away and brings an Identity back.
//
//	redirect, err := connector.Begin(ctx, idp.Login{State, Nonce, CodeVerifier, …})
//	// the caller remembers the three, bound to the browser, for one use
//	identity, err := connector.Finish(ctx, idp.Callback{Params, State, Nonce, CodeVerifier, …})
//
// An Identity is recognised by Upstream and Subject alone. Its e-mail address
// is something to show, never something to look a person up by.
//
// A refusal is an *Error whose Reason is a stable word for audit entries;
// neither carries tokens, codes or text chosen by the upstream.
package idp
