// Package oidc is the connector to an upstream OpenID provider: the
// authorization code flow of OpenID Connect Core with PKCE S256 and nonce
// always.
//
//	connector, err := oidc.New(oidc.Config{ID, Issuer, ClientID, …, HTTP: outbound.NewClient(…)})
//	Begin   discovery (remembered) → URL with state, nonce, code_challenge
//	Finish  state, iss (RFC 9207) → code for tokens → ID token's signature, then
//	        its claims → userinfo if something is missing → idp.Identity
//
// go-oidc verifies ID tokens; what it leaves open is checked here, and its
// unlimited key fetching is replaced by KeySet. Nothing a token names is ever
// fetched: not its picture, not its _claim_sources, not a header's jku. The
// upstream's tokens are dropped before Finish returns, but for a refresh token
// where the connection asks with it whether the person is still known.
package oidc
