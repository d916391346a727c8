package connection

import (
	"reflect"

	"github.com/gatehouse-auth/gatehouse/authz"
)

var errOwner = authz.NewError(authz.Forbidden, "owner_required",
	"The connection has been in use: who its people are, and what their groups and methods are taken for, only an owner of the workspace changes.")

// mayChange checks what takes more than managing connections. Whoever decides by
// what an upstream is believed, or what its words mean, can be anybody who signs
// in there, an owner too.
func mayChange(by authz.Principal, before, after authz.Connection) error {
	if before.Drafted() || !believesOtherwise(before, after) {
		return nil
	}
	if by.May(authz.ScopeManageWorkspace, before.WorkspaceID) != nil {
		return errOwner
	}
	return nil
}

// believesOtherwise reports whether the same words, or those of somebody else,
// could make somebody another person, or give them more, after the change. What
// a client of ours is called there, a secret that rolls and a side that goes do
// not.
func believesOtherwise(a, b authz.Connection) bool {
	return a.Vendor != b.Vendor || !reflect.DeepEqual(a.Fallback.Link, b.Fallback.Link) || believedLonger(a.Numbers.Times(), b.Numbers.Times()) ||
		b.Has(authz.OIDCSide) && (!a.Has(authz.OIDCSide) || !reflect.DeepEqual(mapped(a), mapped(b))) ||
		b.Has(authz.SAMLSide) && !reflect.DeepEqual(spoken(a), spoken(b))
}

// believedLonger reports whether what an upstream said counts for longer, or a
// sign-in that stands in for another. How long somebody may be away, and how
// fresh a discovery document is, makes nobody more than they are.
func believedLonger(a, b authz.Times) bool {
	return b.OIDCSkew > a.OIDCSkew || b.SAMLSkew > a.SAMLSkew || b.AssertionAge > a.AssertionAge ||
		b.FallbackSession > a.FallbackSession || b.MFAAge > a.MFAAge
}

// mapped is how claims of the side of OpenID Connect are read.
func mapped(c authz.Connection) authz.OIDCUpstream {
	if c.OIDC == nil {
		return authz.OIDCUpstream{}
	}
	said := *c.OIDC
	said.PollMinutes = nil
	return said
}

// spoken is by what the side of SAML is believed and how its words are read.
func spoken(c authz.Connection) authz.SAMLUpstream {
	if c.SAML == nil {
		return authz.SAMLUpstream{}
	}
	said := *c.SAML
	said.SignRequests, said.NameIDFormat = false, ""
	return said
}
