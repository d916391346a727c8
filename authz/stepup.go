package authz

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// AuthenticationRule is how, and how lately, a person must have signed in for
// something (RFC 9470). The zero value demands nothing.
type AuthenticationRule struct {
	// ACRValues are the authentication contexts that will do; empty means any.
	ACRValues []string
	// MaxAge is how long ago the person may have signed in, in whole seconds;
	// 0 means any time.
	MaxAge time.Duration
}

// ACRMultiFactor is the authentication context of a sign-in with more than one
// factor, whatever the upstream calls it (OpenID Provider Authentication Policy
// Extension 1.0 section 4).
const ACRMultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

const codeInsufficientAuthentication = "insufficient_user_authentication"

// And is the rule that asks for what both ask for. Of the contexts of both any
// will do for it: there is no way to ask for two at once.
func (r AuthenticationRule) And(other AuthenticationRule) AuthenticationRule {
	both := AuthenticationRule{ACRValues: slices.Clone(r.ACRValues), MaxAge: r.MaxAge}
	for _, value := range other.ACRValues {
		if !slices.Contains(both.ACRValues, value) {
			both.ACRValues = append(both.ACRValues, value)
		}
	}
	if both.MaxAge == 0 || other.MaxAge > 0 && other.MaxAge < both.MaxAge {
		both.MaxAge = other.MaxAge
	}
	return both
}

// Covers reports whether whoever was asked to sign in by this rule was asked
// for all that the other asks for.
func (r AuthenticationRule) Covers(other AuthenticationRule) bool {
	missing := func(value string) bool { return !slices.Contains(r.ACRValues, value) }
	return !slices.ContainsFunc(other.ACRValues, missing) && (other.MaxAge == 0 || r.MaxAge > 0 && r.MaxAge <= other.MaxAge)
}

// Check returns nil when the principal's sign-in satisfies the rule at now;
// otherwise an Error of kind Unauthenticated that carries the rule, for the
// challenge (RFC 9470 section 3). Whoever never signed in satisfies no rule.
func (r AuthenticationRule) Check(p Principal, now time.Time) error {
	strong := len(r.ACRValues) == 0 || slices.Contains(r.ACRValues, p.ACR)
	// auth_time is told in whole seconds.
	fresh := r.MaxAge == 0 || !p.AuthTime.IsZero() && now.Sub(p.AuthTime.Truncate(time.Second)) <= r.MaxAge
	if strong && fresh {
		return nil
	}
	return r.Insufficient()
}

// Insufficient is the error of a sign-in that does not satisfy the rule.
func (r AuthenticationRule) Insufficient() *Error {
	e := NewError(Unauthenticated, codeInsufficientAuthentication, "A stronger or more recent sign-in is required.")
	e.Rule = &r
	return e
}

// Challenge is what a WWW-Authenticate header says of the error beyond scheme
// and realm (RFC 9470 section 3); empty where no sign-in would help.
func (e *Error) Challenge() string {
	if e.Rule == nil {
		return ""
	}
	parts := []string{`error="` + e.Code + `"`, `error_description="` + e.Description + `"`}
	asked := e.Rule.Parameters()
	for _, name := range [...]string{"acr_values", "max_age"} {
		if asked[name] != "" {
			parts = append(parts, name+`="`+quotedText.Replace(asked[name])+`"`)
		}
	}
	return strings.Join(parts, ", ")
}

// Parameters are those of an authorization request that asks for such a sign-in
// (RFC 9470 section 4).
func (r AuthenticationRule) Parameters() map[string]string {
	p := map[string]string{}
	if len(r.ACRValues) > 0 {
		p["acr_values"] = strings.Join(r.ACRValues, " ")
	}
	if r.MaxAge > 0 {
		p["max_age"] = strconv.FormatInt(int64(r.MaxAge/time.Second), 10)
	}
	return p
}

// quotedText escapes what would end a quoted-string (RFC 9110 section 5.6.4).
var quotedText = strings.NewReplacer(`\`, `\\`, `"`, `\"`) //nolint:gochecknoglobals // a constant
