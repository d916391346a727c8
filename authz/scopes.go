package authz

import (
	"slices"
	"time"
)

// ScopeKind is what scopes are granted to.
type ScopeKind string

// The kinds of scopes.
const (
	ClientScope ScopeKind = "client" // to clients, by the people they act for
	KeyScope    ScopeKind = "key"    // to API keys
)

// Scope is an entry of an issuer's catalogue of scopes.
type Scope struct {
	Kind ScopeKind `json:"kind"`
	// Name is what is kept and answered (RFC 6749 section 3.3): the permission.
	Name string `json:"name"`
	// Description is what people are told that it allows.
	Description string `json:"description"`
	// Aliases are other names that it may be asked for by.
	Aliases []string `json:"aliases,omitempty"`
	// PeopleOnly scopes are never given to a key.
	PeopleOnly bool `json:"people_only,omitempty"`
	// ExplicitOnly scopes are given only by a delegation that names them; the
	// operator's own may hand them out one by one.
	ExplicitOnly bool `json:"explicit_only,omitempty"`
	// Retired scopes are given to nobody any more, and those who hold them can
	// use them for nothing. The name stays taken.
	Retired bool `json:"retired,omitempty"`
	// BuiltIn scopes are in the configuration file, and changed there alone.
	BuiltIn bool `json:"-"`
}

// ScopesVersion is what was added to the scopes of the configuration file, as it
// stood after one change.
type ScopesVersion struct {
	Issuer  IssuerName
	Version int64
	// Act is what was done, such as "scope.created", and Name to which scope.
	Act       string
	Name      string
	Scopes    []Scope
	Note      string
	CreatedBy string
	CreatedAt time.Time
}

// Scopes are an issuer's scopes as they stand at one moment. They never change.
type Scopes struct {
	version int64
	list    []Scope
	aliases map[string]string // of key scopes, to names
	names   ScopeNames
	retired []string
}

// NewScopes joins the scopes of the configuration file with those that were
// added in a version. Where both have a name, or one has it as an alias, the
// file's stands.
func NewScopes(builtIn []Scope, added ScopesVersion) *Scopes {
	s := &Scopes{version: added.Version, list: slices.Clone(builtIn), aliases: map[string]string{}}
	for i := range s.list {
		s.list[i].BuiltIn = true
		s.list[i].PeopleOnly = s.list[i].PeopleOnly || s.list[i].Name == "admin:all"
	}
	for _, one := range added.Scopes {
		if !s.Knows(one.Name) {
			s.list = append(s.list, one)
		}
	}
	var names [][]string
	for _, one := range s.list {
		if one.Retired {
			s.retired = append(s.retired, one.Name)
			continue
		}
		all := []string{one.Name}
		for _, alias := range one.Aliases {
			if _, name := s.Find(one.Kind, alias); !name && s.aliases[alias] == "" {
				s.aliases[alias] = one.Name
				all = append(all, alias)
			}
		}
		if !one.PeopleOnly { // no machine gets one by another name
			names = append(names, all)
		}
	}
	s.names = NewScopeNames(names...)
	return s
}

// Names are the scopes that go by more than one name.
func (s *Scopes) Names() ScopeNames { return s.names }

// Version is the number of the change that made them so; 0 for the
// configuration file's alone.
func (s *Scopes) Version() int64 { return s.version }

// All are the scopes, the configuration file's first. Nobody changes the list.
func (s *Scopes) All() []Scope { return s.list }

// Of are the scopes of a kind that are given.
func (s *Scopes) Of(kind ScopeKind) []Scope {
	var of []Scope
	for _, one := range s.list {
		if one.Kind == kind && !one.Retired {
			of = append(of, one)
		}
	}
	return of
}

// Find returns a scope that is given.
func (s *Scopes) Find(kind ScopeKind, name string) (Scope, bool) {
	for _, one := range s.list {
		if one.Name == name && one.Kind == kind && !one.Retired {
			return one, true
		}
	}
	return Scope{}, false
}

// Knows reports whether there is or was a scope of that name.
func (s *Scopes) Knows(name string) bool {
	return slices.ContainsFunc(s.list, func(one Scope) bool { return one.Name == name })
}

// Canonical returns scopes of keys by their names, whatever names of them were
// asked for.
func (s *Scopes) Canonical(asked []string) []string {
	names := slices.Clone(asked)
	for i, one := range asked {
		if name, ok := s.aliases[one]; ok {
			names[i] = name
		}
	}
	return names
}

// Standing returns names without those of retired scopes: the same list where
// there are none of these among them.
func (s *Scopes) Standing(names []string) []string {
	if !slices.ContainsFunc(names, s.Retired) {
		return names
	}
	return slices.DeleteFunc(slices.Clone(names), s.Retired)
}

// Left is what of a credential within bounds is of scopes that stand.
func (s *Scopes) Left(n Narrowed) Narrowed {
	n.Scopes = s.Standing(n.Scopes)
	for i, b := range n.Bounds {
		if standing := s.Standing(b.Scopes); len(standing) != len(b.Scopes) {
			n.Bounds = slices.Clone(n.Bounds)
			n.Bounds[i].Scopes = standing
		}
	}
	return n
}

// Retired reports whether there was a scope of that name, and is no more.
func (s *Scopes) Retired(name string) bool { return slices.Contains(s.retired, name) }

// ScopesRef points at the scopes of an issuer. They are no ancestor of anything
// and have no epoch; what is remembered of them hangs on it.
func ScopesRef(issuer IssuerName) NodeRef {
	return NodeRef{ScopesNode, "scopes " + string(issuer)}
}

// EverythingRef points at all there is: whatever is remembered is old when it
// moves.
func EverythingRef() NodeRef { return NodeRef{EverythingNode, "everything"} }
