package authz

import (
	"slices"
	"strings"
	"time"
)

// Route sends people to a side. One of Domain, Email and Group is set, the first
// two in lower case.
type Route struct {
	Domain string `json:"domain,omitempty"`
	Email  string `json:"email,omitempty"`
	// Group is as the upstream tells it, exactly: a name or an id.
	Group string `json:"group,omitempty"`
	Use   Side   `json:"use"`
}

// Visitor is somebody who signs in, as far as they are known.
type Visitor struct {
	// Email is what they or their client say before they have signed in, and what
	// the upstream says then; empty for neither.
	Email string
	// Groups are from our own records of them, never from what a browser says.
	Groups []string
}

// names reports whether the route is about the visitor.
func (r Route) names(v Visitor) bool {
	_, domain, _ := strings.Cut(v.Email, "@")
	return r.Email != "" && r.Email == v.Email || r.Domain != "" && r.Domain == domain || r.Group != "" && slices.Contains(v.Groups, r.Group)
}

// RouteOf returns the first route, of whichever kind, that is about the visitor;
// not ok when none is.
func (f Fallback) RouteOf(v Visitor) (r Route, ok bool) {
	v.Email = strings.ToLower(v.Email)
	if n := slices.IndexFunc(f.Routes, func(r Route) bool { return r.names(v) }); n >= 0 {
		return f.Routes[n], true
	}
	return Route{}, false
}

// ByGroup reports whether a route is about a group.
func (f Fallback) ByGroup() bool {
	return slices.ContainsFunc(f.Routes, func(r Route) bool { return r.Group != "" })
}

// Routed are those of the groups that a route is about.
func (f Fallback) Routed(groups []string) []string {
	var some []string
	for _, r := range f.Routes {
		if r.Group != "" && slices.Contains(groups, r.Group) && !slices.Contains(some, r.Group) {
			some = append(some, r.Group)
		}
	}
	return some
}

// groupsKept is how long it counts for a route what a side told of somebody's
// groups: who never comes by that side again is told of by none.
const groupsKept = 7 * 24 * time.Hour

// GroupsAt are the groups of a person for the routes of a connection: what its
// sides told at their sign-ins of the last seven days.
func GroupsAt(c ConnectionID, held []UpstreamIdentity, now time.Time) []string {
	var all []string
	for _, i := range held {
		if i.ConnectionID == c && now.Sub(i.LastLoginAt) < groupsKept {
			all = append(all, i.Groups...)
		}
	}
	return all
}
