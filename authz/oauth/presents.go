package oauth

import (
	"net/url"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// checkPresents refuses a request that lacks what its grant type presents (RFC
// 6749 sections 4.1.3, 5.2 and 6, RFC 8628 section 3.4).
func checkPresents(form url.Values) error {
	var name string
	switch form.Get("grant_type") {
	case authz.GrantAuthorizationCode:
		name = "code"
	case authz.GrantRefreshToken:
		name = "refresh_token"
	case authz.GrantDeviceCode:
		name = "device_code"
	default:
		return nil
	}
	if form.Get(name) != "" {
		return nil
	}
	return fault(authz.Invalid, "invalid_request", name+" is required.")
}
