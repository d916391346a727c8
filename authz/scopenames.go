package authz

import "slices"

// ScopeNames are the scopes that go by more than one name. Each is kept, and
// told, by the name it was given by; whoever asks for it, or holds it, by another
// means the same. The zero value knows none.
type ScopeNames struct {
	classes map[string][]string // each name → all of the scope, the canonical first
}

// NewScopeNames takes all names of each scope, the canonical first. A name is one
// scope's.
func NewScopeNames(scopes ...[]string) ScopeNames {
	n := ScopeNames{classes: make(map[string][]string)}
	for _, names := range scopes {
		if len(names) < 2 {
			continue
		}
		for _, name := range names {
			n.classes[name] = names
		}
	}
	return n
}

// Canonical is the name that keys keep a scope by.
func (n ScopeNames) Canonical(name string) string {
	if all := n.classes[name]; len(all) > 0 {
		return all[0]
	}
	return name
}

// Of returns all names of the scope that has more than one; nil for any other.
func (n ScopeNames) Of(name string) []string { return n.classes[name] }

// Among returns the name by which the list holds the scope that was asked for:
// that name itself, or else another. It is the name asked for where the list
// does not hold the scope.
func (n ScopeNames) Among(list []string, asked string) string {
	if slices.Contains(list, asked) {
		return asked
	}
	for _, name := range n.classes[asked] {
		if slices.Contains(list, name) {
			return name
		}
	}
	return asked
}

// Spelled returns the names with all others of the same scopes behind them.
func (n ScopeNames) Spelled(names []string) []string {
	all := names
	for _, name := range names {
		for _, other := range n.classes[name] {
			if !slices.Contains(all, other) {
				all = append(slices.Clip(all), other)
			}
		}
	}
	return all
}
