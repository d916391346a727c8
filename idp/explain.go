package idp

// Explain says in plain words, to the administrator of a connection, what a
// reason of an OpenID provider means and what to do about it; "" for one that is
// not known. It is not for the person who tried to sign in.
func Explain(reason string) string { return explanations[reason] }

var explanations = map[string]string{
	ReasonState:          "The answer belongs to no sign-in that waits: the person used the back button or several tabs, took too long, or somebody made the answer up.",
	ReasonTooLate:        "The person was at the provider for longer than a sign-in may take (numbers.attempt_minutes); nothing is wrong if they try again.",
	ReasonCallback:       "The answer lacks a parameter, repeats one, or is too long; check that the provider uses the authorization code flow with response_mode query.",
	ReasonMixUp:          "The answer says that it is another issuer's (iss, RFC 9207), as in a mix-up attack; check that the issuer of the connection is exactly the provider's.",
	ReasonDenied:         "The person, or a policy of the provider, said no; the provider's own log says why. Is the person assigned to the application?",
	ReasonLoginRequired:  "The provider would have had to ask the person, and was told not to (prompt=none).",
	ReasonUnmetAuth:      "The provider could not meet the authentication context that was asked for; is the person enrolled for a second factor there?",
	ReasonUpstreamError:  "The provider answered with an error; its own log says which.",
	ReasonExchange:       "The provider refused the authorization code; most often the client secret is wrong or expired, or the redirect URI is not registered exactly.",
	ReasonMetadata:       "The discovery document cannot be used: an endpoint is missing or not https, or it offers no way to authenticate that we know.",
	ReasonIssuerMismatch: "The issuer in the token or the discovery document is not exactly the one of the connection; mind the slash at the end and the tenant.",
	ReasonTenant:         "The person belongs to a tenant of Entra ID that the connection does not list, or the token names none; if their people are to sign in, add its id (oidc.settings.tenants).",
	ReasonManyTenants:    "This address stands for every tenant of Entra ID. Give the address of one tenant, https://login.microsoftonline.com/<tenant id>/v2.0, or make the connection with this issuer and the ids of the tenants (oidc.settings.tenants).",
	ReasonIDToken:        "The token response holds no proper ID token; is the scope openid allowed to the application?",
	ReasonAlg:            "The ID token is signed with an algorithm that is not allowed or not advertised; set the provider to RS256 or ES256.",
	ReasonSignature:      "No key of the provider made the signature of the ID token; its keys may have changed a moment ago, or somebody else signed it.",
	ReasonType:           "Another kind of token came in place of an ID token.",
	ReasonSubject:        "The ID token does not say who the person is (sub), or says it at too great a length.",
	ReasonAudience:       "The ID token is for another application; check the client id of the connection.",
	ReasonAZP:            "The ID token was asked for by another application of the provider (azp).",
	ReasonExpired:        "The ID token has expired or does not say when it does; check the clocks on both sides.",
	ReasonIssuedAt:       "The ID token was issued at a time that is more than ten minutes off; check the clocks on both sides.",
	ReasonNonce:          "The ID token belongs to another sign-in (nonce): it was replayed, or the provider does not repeat the nonce.",
	ReasonAtHash:         "The access token is not the one that the ID token came with (at_hash).",
	ReasonStaleAuth:      "The provider relied on an older sign-in than was asked for, or does not say when it was (auth_time).",
	ReasonUserInfo:       "The userinfo endpoint refused our token, or did not answer in plain JSON; encrypted or signed userinfo is not read.",
	ReasonUserInfoSub:    "The userinfo endpoint speaks of somebody else than the ID token.",
	ReasonBlocked:        "The address of the provider is not on the public internet, or redirects elsewhere.",
	ReasonTooLarge:       "An answer of the provider is too large.",
	ReasonUnavailable:    "The provider could not be reached, or failed, or took too long.",
	ReasonRequire:        "A claim that the connection requires is missing or has another value, such as another tenant's id.",
	ReasonSubjectRule:    "A claim that names the person for good is missing, repeated or too long; have the provider send it in the ID token.",
	ReasonLogoutToken:    "What the provider sent to say that a session has ended is no logout token: it must hold jti, the logout event, sub or sid, and no nonce.",
	ReasonReplay:         "The provider sent the same logout token before; the sessions it is about have ended.",
	ReasonEnded:          "Asked by its refresh token, the provider no longer knows of the sign-in: the person was disabled there, signed out, or the token's time is over.",

	// What is decided after the provider was believed.
	"browser_mismatch":   "The answer came in another browser than the sign-in began in: a link was passed on, cookies are blocked, or somebody tried to sign another person in.",
	"switched_off":       "The connection, the workspace or the account was switched off, or is not in use yet.",
	"other_side":         "The person came by a side that no route leads them to: by SAML because of an address or a group that a route sends there, where their own address and groups are none of those, or as somebody else than who signed in at the other side before.",
	"invitation_refused": "Somebody followed an invitation and is not who was invited (the address that the provider tells is another one, or none), or it was used, ended or over by then, or whoever invited them may not give its role any more.",
	"no_membership":      "The person signed in and belongs to no workspace here: invite them, verify the domain of their address for this connection, or see that the provider says that the address is verified.",
	"link_conflict":      "Somebody who is not known yet came with the e-mail address of a member. If it is the same person, set link_key or remove the member; addresses alone join nobody.",
}
