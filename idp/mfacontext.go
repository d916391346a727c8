package idp

import "slices"

// ACRMultiFactor asks for more than one factor, by whatever name the upstream
// has for it (OpenID Provider Authentication Policy Extension 1.0 section 4).
const ACRMultiFactor = "http://schemas.openid.net/pape/policies/2007/06/multi-factor"

// Asked are the contexts to ask this upstream for: its own names in place of
// ACRMultiFactor, where it is known to have some.
func (r MFARule) Asked(contexts []string) []string {
	at := slices.Index(contexts, ACRMultiFactor)
	if at < 0 || len(r.ACR) == 0 {
		return contexts
	}
	var asked []string
	for _, context := range slices.Concat(contexts[:at], r.ACR, contexts[at+1:]) {
		if !slices.Contains(asked, context) {
			asked = append(asked, context)
		}
	}
	return asked
}
