package web

import (
	"net/http"
	"strconv"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// refusalOf is the error that tells a client why its request goes no further.
func refusalOf(found checked, action string) error {
	switch found.reason {
	case credential.OK:
		if !found.record.Confirmation.Bearer() {
			return errBound
		}
		return nil
	case credential.RateLimited:
		return found.quota.Exceeded()
	case credential.OutOfScope:
		return authz.NewError(authz.Forbidden, "insufficient_scope", "The scope "+action+" is required.")
	case credential.WrongResource:
		return authz.NewError(authz.Forbidden, "resource_not_allowed", "The credential is restricted to other resources.")
	case credential.WrongEnvironment:
		return authz.NewError(authz.Forbidden, "wrong_environment", "The credential belongs to another environment.")
	case credential.AddressRefused:
		return authz.NewError(authz.Forbidden, "ip_not_allowed", "The key may not be used from this address.")
	case credential.Suspended:
		return authz.NewError(authz.Unauthenticated, "workspace_suspended", "The workspace is suspended.")
	case credential.Inactive:
	}
	return errInactiveToken
}

// tellQuota sets the headers of a rate limit (draft-ietf-httpapi-ratelimit-headers).
func tellQuota(h http.Header, q authz.Quota) {
	if q.Limit == 0 {
		return
	}
	h.Set("RateLimit-Policy", `"key";q=`+strconv.Itoa(q.Limit)+`;w=`+strconv.FormatInt(seconds(q.Window), 10))
	h.Set("RateLimit", `"key";r=`+strconv.Itoa(q.Remaining)+`;t=`+strconv.FormatInt(seconds(q.Reset), 10))
}
