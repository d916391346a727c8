package authz

import "slices"

// Within reports whether every item of some is one of all.
func Within(some, all []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(all, s) })
}
