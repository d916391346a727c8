package scope

import (
	"slices"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/clientmeta"
)

// Bounds of what is added to a configuration: scopes, which are never deleted,
// bytes of a name, aliases of one scope, and versions to go back to.
const (
	maxScopes  = 200
	maxName    = 128
	maxAliases = 16
	kept       = 100
)

func invalid(member, why string) error {
	return authz.NewError(authz.Invalid, "invalid_"+member, member+": "+why)
}

// checkName holds to RFC 6749 section 3.3, without wildcards.
func checkName(s string) error {
	wrong := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' || r == '*' }
	if s == "" || len(s) > maxName || strings.ContainsFunc(s, wrong) {
		return invalid("name", "must be 1 to 128 printable ASCII characters without space, quote, backslash or *.")
	}
	return nil
}

// checkAdded holds the name of a scope that is added to what an address can
// hold, and to what is not ours: what manages a workspace, tells who a person
// is, or is everything, is this server's own.
func checkAdded(name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._:-", r)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !plain(r) }) || strings.Trim(name, ".") == "" {
		return invalid("name", "must be letters, digits and ._:- alone.")
	}
	if reserved(name) {
		return errReserved
	}
	return nil
}

var errReserved = authz.NewError(authz.Forbidden, "scope_reserved", "The name is one whose meaning this server gives.")

func reserved(name string) bool {
	return authz.Identifies(name) || authz.Manages(name) || name == "admin:all"
}

// check says what is wrong with a scope beside all others.
func check(known *authz.Scopes, s authz.Scope) error {
	if s.Kind != authz.ClientScope && s.Kind != authz.KeyScope {
		return invalid("kind", "must be client or key.")
	}
	if err := checkAdded(s.Name); err != nil {
		return err
	}
	if err := clientmeta.CheckText("description", s.Description); err != nil {
		return err
	}
	if s.Kind == authz.ClientScope && (len(s.Aliases) > 0 || s.PeopleOnly || s.ExplicitOnly) {
		return invalid("kind", "aliases, people_only and explicit_only are for scopes of keys.")
	}
	if len(s.Aliases) > maxAliases {
		return invalid("aliases", "at most 16.")
	}
	for i, alias := range s.Aliases {
		if checkName(alias) != nil || slices.Contains(s.Aliases[:i], alias) || alias == s.Name {
			return invalid("aliases", "each must be another name for the scope.")
		}
		if reserved(alias) {
			return errReserved
		}
	}
	return unique(known, s)
}

var errTaken = authz.NewError(authz.Conflict, "scope_taken", "There is or was a scope of that name or alias.")

// unique checks that nothing else goes by a name of the scope's. A scope of keys
// may have that of a client's as an alias: both are the same permission.
func unique(known *authz.Scopes, s authz.Scope) error {
	for _, other := range known.All() {
		if other.Name == s.Name && other.Kind == s.Kind {
			continue // itself: whoever creates looks before
		}
		if other.Name == s.Name || slices.Contains(other.Aliases, s.Name) && other.Kind == s.Kind {
			return errTaken
		}
		for _, alias := range s.Aliases {
			if other.Kind == s.Kind && (other.Name == alias || slices.Contains(other.Aliases, alias)) {
				return errTaken
			}
		}
	}
	return nil
}
