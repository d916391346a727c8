package idp

import (
	"slices"
	"strings"
)

// Bounds on what is taken from an upstream.
const (
	maxSubject = 255
	maxEmail   = 320
	maxText    = 2048
	maxGroups  = 200
)

// Values are what an upstream told of a person: claims of a token, or
// attributes of an assertion, by their exact names, every value as text.
type Values map[string][]string

// One returns the value told under a name if there is exactly one.
func (v Values) One(name string) (string, bool) {
	if list := v[name]; len(list) == 1 && list[0] != "" {
		return list[0], true
	}
	return "", false
}

// Mapping says under which names an upstream tells what. Where several names
// are listed the first that was told counts. Nothing in it can reach a tenant,
// a role or a scope.
type Mapping struct {
	// Subject are the names that together name the person for good, such as
	// Entra's tid and oid. Every one must be told, once. Empty means the
	// protocol's own subject: sub, or NameID.
	Subject []string
	// Require are values that must be told exactly so, once: the tenant of an
	// upstream that serves many.
	Require map[string]string
	// For showing.
	Email, Name, GivenName, FamilyName, PreferredUsername []string
	// Groups are the names that hold the person's groups; all of them count.
	Groups []string
	// Overage are the names that appear in place of groups that were too many
	// to tell, such as Entra's groups.link. What they hold is never fetched.
	Overage []string
	// Link are the names that together hold a name of the person that the other
	// side of the connection tells as well, for good. Empty means none.
	Link []string
	// Methods and Contexts are the names that hold authentication methods and
	// contexts, as evidence of a second factor.
	Methods, Contexts []string
}

// SubjectOf returns the person's name at the upstream, 1 to 255 bytes, given the
// protocol's own. Parts are joined by a blank, which none may hold. It is not
// ok when a part is missing, repeated or too long.
func (m Mapping) SubjectOf(v Values, own string) (subject string, ok bool) {
	if len(m.Subject) == 0 {
		return own, own != "" && len(own) <= maxSubject
	}
	return v.joined(m.Subject)
}

// LinkOf returns the name of the person that the other side of the connection
// tells as well, or "" where one of its parts is not told, once.
func (m Mapping) LinkOf(v Values) string {
	link, ok := v.joined(m.Link)
	if !ok {
		return ""
	}
	return link
}

// joined returns the values told under names, joined by a blank, which none of
// several may hold.
func (v Values) joined(names []string) (string, bool) {
	parts := make([]string, len(names))
	for i, name := range names {
		part, told := v.One(name)
		if !told || (len(names) > 1 && strings.Contains(part, " ")) {
			return "", false
		}
		parts[i] = part
	}
	joined := strings.Join(parts, " ")
	return joined, len(joined) <= maxSubject
}

// Mutable reports whether what is told under a name changes hands: addresses
// and user names. Nobody is recognised or linked by such.
func Mutable(name string) bool {
	switch strings.ToLower(name[strings.LastIndexAny(name, "/:.")+1:]) {
	case "email", "mail", "emailaddress", "upn", "name", "userprincipalname", "preferred_username", "unique_name", "nickname":
		return true
	}
	return false
}

// Met reports whether every required value was told, and the name of the first
// that was not.
func (m Mapping) Met(v Values) (missing string, ok bool) {
	for name, want := range m.Require {
		if got, told := v.One(name); !told || got != want {
			return name, false
		}
	}
	return "", true
}

// Show fills in what is for showing: e-mail address, names and groups. The
// address is never marked as verified: an upstream that verifies says so in a
// way of its own.
func (m Mapping) Show(v Values, out *Identity) {
	out.Profile.Name = first(v, m.Name, maxText)
	out.Profile.GivenName = first(v, m.GivenName, maxText)
	out.Profile.FamilyName = first(v, m.FamilyName, maxText)
	out.Profile.PreferredUsername = first(v, m.PreferredUsername, maxText)
	out.Email, out.EmailVerified = first(v, m.Email, maxEmail), false
	out.Groups, out.GroupsOverage = m.groups(v)
}

// groups returns all groups, or none and overage: half a list of groups could
// say that somebody is not in one that forbids.
func (m Mapping) groups(v Values) (list []string, overage bool) {
	for _, name := range m.Overage {
		if _, told := v[name]; told {
			return nil, true
		}
	}
	for _, name := range m.Groups {
		for _, group := range v[name] {
			if len(group) > maxText || len(list) == maxGroups {
				return nil, true
			}
			if group != "" && !slices.Contains(list, group) {
				list = append(list, group)
			}
		}
	}
	return list, false
}

// Told returns the methods and contexts of authentication told in values.
func (m Mapping) Told(v Values) (methods, contexts []string) {
	for _, name := range m.Methods {
		methods = append(methods, v[name]...)
	}
	for _, name := range m.Contexts {
		contexts = append(contexts, v[name]...)
	}
	return methods, contexts
}

// first returns the first value of the first name that was told, or "" if it
// is longer than limit bytes.
func first(v Values, names []string, limit int) string {
	for _, name := range names {
		if list := v[name]; len(list) > 0 && list[0] != "" {
			if len(list[0]) > limit {
				return ""
			}
			return list[0]
		}
	}
	return ""
}
