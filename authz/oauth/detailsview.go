package oauth

import (
	"encoding/json"
	"maps"
	"slices"
)

// DetailView is one authorization detail in words, for the consent page. The
// values are the client's: text to escape.
type DetailView struct {
	Type, Description string
	Members           []DetailMember
}

// DetailMember is a member of a detail and its values.
type DetailMember struct {
	Name   string
	Values []string
}

// DetailViews describes what a request asks for in detail.
func (s *Server) DetailViews(req *AuthorizationRequest) []DetailView {
	held, err := s.heldDetails(req.Details)
	if err != nil {
		return nil // a request that passed Authorize has none such
	}
	views := make([]DetailView, 0, len(held))
	for _, d := range held {
		view := DetailView{Type: d.typ(), Description: s.settings.describe(d.typ())}
		for _, name := range slices.Sorted(maps.Keys(d.object)) {
			if name != "type" {
				view.Members = append(view.Members, DetailMember{name, values(d.object[name])})
			}
		}
		views = append(views, view)
	}
	return views
}

func (s Settings) describe(typ string) string {
	for _, t := range s.DetailTypes {
		if t.Name == typ && t.Description != "" {
			return t.Description
		}
	}
	return typ
}

// values are the items of an array, or the one value, as text.
func values(value any) []string {
	list, ok := value.([]any)
	if !ok {
		return []string{text(value)}
	}
	items := make([]string, len(list))
	for i, item := range list {
		items[i] = text(item)
	}
	return items
}

// text is a string as it is, and anything else as JSON.
func text(value any) string {
	if s, ok := value.(string); ok {
		return s
	}
	raw, _ := json.Marshal(value) // it was parsed from JSON
	return string(raw)
}

// ResourceNames are the names of the resources a request is for, beside the
// API, for the consent page.
func (s *Server) ResourceNames(req *AuthorizationRequest) []string {
	var names []string
	for _, uri := range req.Audience {
		if uri == s.settings.api() {
			continue
		}
		name := uri
		if r, _ := s.settings.resource(uri); r.Name != "" {
			name = r.Name
		}
		names = append(names, name)
	}
	return names
}
