package authz

import "slices"

// Uses reports whether people sign in by the side: the connection has it, and it
// is not one that was given to a connection in use and awaits its test.
func (c Connection) Uses(s Side) bool { return c.Has(s) && !slices.Contains(c.Untried, s) }

// Linked reports whether the test sign-ins by both sides told the same name,
// where they must.
func (c Connection) Linked() bool {
	if len(c.Fallback.Link.OIDC) == 0 || !c.Has(OIDCSide) || !c.Has(SAMLSide) {
		return true
	}
	a, b := c.Tested[OIDCSide].Link, c.Tested[SAMLSide].Link
	return a != "" && a == b
}

// StillUntried are the sides that await their test: neither those that went well,
// unless the sides are to tell a name alike and did not, nor those that are gone.
func (c Connection) StillUntried() []Side {
	var still []Side
	for _, s := range c.Untried {
		if _, tested := c.Tested[s]; c.Has(s) && (!tested || !c.Linked()) {
			still = append(still, s)
		}
	}
	return still
}
