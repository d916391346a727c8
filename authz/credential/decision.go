package credential

import (
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Reason says why a use of a credential is allowed or not. The texts are stable.
type Reason string

// The reasons.
const (
	OK            Reason = "ok"
	Inactive      Reason = "inactive"
	OutOfScope    Reason = "scope"
	WrongResource Reason = "resource"
	// WrongEnvironment is a sandbox credential on production, or the reverse.
	WrongEnvironment Reason = "environment"
	AddressRefused   Reason = "ip_not_allowed"
	RateLimited      Reason = "rate_limited"
	// Suspended is a key that works again when its workspace is resumed.
	Suspended Reason = "suspended"
)

// Use is what somebody is about to do with a credential. What is empty is not
// asked, but for ClientIP: a credential with an allow-list is not used from an
// address nobody knows.
type Use struct {
	// Action is a scope the credential must hold.
	Action string
	// Environment is the one the resource belongs to.
	Environment authz.Environment
	// Kind and ID name a resource.
	Kind authz.ResourceKind
	ID   string
	// ClientIP is the address of whoever presented the credential.
	ClientIP string
}

// Admits decides where a credential may be used: in its environment and from
// its addresses. What it is used for is decided by Permits, after the use was
// counted.
func Admits(c *authz.Credential, u Use) Reason {
	if u.Environment.Apart(c.Principal.Environment) {
		return WrongEnvironment
	}
	if !c.UsableFrom(u.ClientIP) {
		return AddressRefused
	}
	return OK
}

// AdmitsAsTold is Admits for somebody who may not know where the credential came
// from: an address that is not told is not asked about.
func AdmitsAsTold(c *authz.Credential, u Use) Reason {
	if reason := Admits(c, u); reason != AddressRefused || u.ClientIP != "" {
		return reason
	}
	return OK
}

// Permits decides what a credential may be used for. A list of resources that
// is empty restricts nothing of its kind.
func Permits(c *authz.Credential, u Use) Reason {
	if c.Bounds != nil {
		return permitsWithin(c.Bounds, u)
	}
	if u.Action != "" && !c.Principal.Holds(u.Action) {
		return OutOfScope
	}
	if u.Kind == "" || c.Introspection.Resources == nil {
		return OK
	}
	if allowed := c.Introspection.Resources.Of(u.Kind); len(allowed) > 0 && !slices.Contains(allowed, u.ID) {
		return WrongResource
	}
	return OK
}

// PermitsByAnyName is Permits where scopes go by more than one name: the action
// counts as held whatever name it is asked for, and held, by. It costs nothing
// where the names are the same.
func PermitsByAnyName(c *authz.Credential, u Use, names authz.ScopeNames) Reason {
	reason := Permits(c, u)
	if reason == OK {
		return OK
	}
	for _, u.Action = range names.Of(u.Action) {
		switch Permits(c, u) {
		case OK:
			return OK
		case WrongResource:
			reason = WrongResource
		}
	}
	return reason
}

// permitsWithin decides by the roles of a subject, each of which may hold on
// other resources.
func permitsWithin(bounds []authz.Bound, u Use) Reason {
	reason := OutOfScope
	for _, b := range bounds {
		if u.Action != "" && !slices.Contains(b.Scopes, u.Action) {
			continue
		}
		allowed := b.Resources.Of(u.Kind)
		if u.Kind == "" || len(allowed) == 0 || slices.Contains(allowed, u.ID) {
			return OK
		}
		reason = WrongResource
	}
	return reason
}

// Asker is whoever asks about the credentials of others.
type Asker interface {
	// Sees is OK for a credential that may be told about, WrongEnvironment for
	// one of an environment the asker does not serve, Inactive for any other.
	Sees(c *authz.Credential) Reason
}

// Everyone asks in the name of the operator of an issuer, who sees every
// credential but refresh tokens.
type Everyone authz.IssuerName

// Sees is the tenant rule of Everyone.
func (e Everyone) Sees(c *authz.Credential) Reason {
	if c.Principal.Issuer != authz.IssuerName(e) || c.Introspection.CredentialType == authz.CredentialRefreshToken {
		return Inactive
	}
	return OK
}

// Workload asks with an API key: for the operator's every workspace, for any
// other its own workspace and environment.
type Workload authz.Principal

// Sees is the tenant rule of Workload.
func (w Workload) Sees(c *authz.Credential) Reason {
	by := authz.Principal(w)
	if r := Everyone(by.Issuer).Sees(c); r != OK || by.Platform() {
		return r
	}
	return ofOwn(by.WorkspaceID, by.Environment, c)
}

// ofOwn is what a workspace's askers see: its credentials, of their environment.
func ofOwn(ws authz.WorkspaceID, env authz.Environment, c *authz.Credential) Reason {
	if ws != c.Principal.WorkspaceID {
		return Inactive
	}
	if env.Apart(c.Principal.Environment) {
		return WrongEnvironment
	}
	return OK
}

// Sees is the tenant rule of introspection: a platform client that may
// introspect sees the credentials of every workspace, of the environments it
// serves; any other client those of its own workspace. A refresh token shows
// itself to its own client only.
func (c AuthenticatedClient) Sees(cred *authz.Credential) Reason {
	if !c.proven || cred.Principal.Issuer != c.Issuer {
		return Inactive
	}
	if cred.Introspection.CredentialType == authz.CredentialRefreshToken {
		if cred.Principal.ClientID == c.ID {
			return OK
		}
		return Inactive
	}
	if c.Platform() {
		switch {
		case !c.Introspect:
			return Inactive
		case !c.Serves(cred.Principal.Environment):
			return WrongEnvironment
		}
		return OK
	}
	return ofOwn(c.WorkspaceID, c.Environment, cred)
}

// MaySee reports whether the client is told about the credential at all.
func (c AuthenticatedClient) MaySee(cred *authz.Credential) bool { return c.Sees(cred) == OK }
