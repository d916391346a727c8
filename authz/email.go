package authz

import "strings"

// EmailDomain is the lower-case domain of an address with exactly one @; "" for
// what is no address.
func EmailDomain(email string) string {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || strings.Contains(domain, "@") || len(email) > 320 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(domain, "."))
}
