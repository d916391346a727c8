package idp

import "errors"

// Reasons a sign-in is refused. They are stable: audit entries carry them.
const (
	ReasonState          = "state"              // state missing, repeated or another's
	ReasonTooLate        = "attempt_expired"    // back after more time than a sign-in may take
	ReasonCallback       = "callback"           // parameters missing, repeated or too long
	ReasonMixUp          = "mixup"              // RFC 9207: the answer is another issuer's
	ReasonDenied         = "denied"             // access_denied: the person or the upstream said no
	ReasonLoginRequired  = "login_required"     // the upstream needs the person (prompt=none)
	ReasonUnmetAuth      = "unmet_auth"         // the upstream could not meet the acr asked for
	ReasonUpstreamError  = "upstream_error"     // any other error= on the callback
	ReasonExchange       = "exchange"           // the token endpoint refused the code
	ReasonMetadata       = "metadata"           // discovery document unusable
	ReasonIssuerMismatch = "issuer_mismatch"    // iss is not the configured issuer
	ReasonTenant         = "issuer_not_allowed" // of a tenant that the connection does not list
	ReasonManyTenants    = "many_tenants"       // a discovery document that stands for every tenant
	ReasonIDToken        = "id_token"           // absent or malformed
	ReasonAlg            = "alg"                // algorithm not allowed, or not the key's
	ReasonSignature      = "signature"          // no key of the upstream made it
	ReasonType           = "typ"                // some other kind of token
	ReasonSubject        = "sub"                // absent or too long
	ReasonAudience       = "aud"                // meant for another client
	ReasonAZP            = "azp"                // asked for by another client
	ReasonExpired        = "expired"            // exp absent or past
	ReasonIssuedAt       = "iat"                // iat absent or more than 10 minutes off, or nbf ahead
	ReasonNonce          = "nonce"              // nonce absent, wrong or another sign-in's
	ReasonAtHash         = "at_hash"            // the access token beside it is another's
	ReasonStaleAuth      = "stale_auth"         // older than max_age, or age untold
	ReasonUserInfo       = "userinfo"           // userinfo refused or malformed
	ReasonUserInfoSub    = "userinfo_sub"       // userinfo speaks of someone else
	ReasonBlocked        = "upstream_blocked"
	ReasonTooLarge       = "too_large"
	ReasonRequire        = "required_claim" // a claim the connection requires is missing or differs
	ReasonSubjectRule    = "subject_rule"   // what names the person is missing, repeated or too long
	ReasonLogoutToken    = "logout_token"   // it lacks what a logout token says, or says what none does
	ReasonReplay         = "replay"         // the token was used before
	ReasonEnded          = "upstream_ended" // asked by a refresh token, the upstream knows the person no more
	ReasonUnavailable    = "upstream_unavailable"
)

// Error is a refusal. Its text is for logs: it holds no secret, but it is not
// written for strangers either.
type Error struct {
	// Reason is one of the Reason constants.
	Reason string
	// Err is the cause; may be nil.
	Err error
}

// Error returns the reason and the cause.
func (e *Error) Error() string {
	if e.Err == nil {
		return "upstream sign-in refused (" + e.Reason + ")"
	}
	return "upstream sign-in refused (" + e.Reason + "): " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Refuse returns an *Error with the reason and cause.
func Refuse(reason string, cause error) *Error { return &Error{Reason: reason, Err: cause} }

// ReasonOf returns the reason of the first Error in err's chain, or "".
func ReasonOf(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	return ""
}
