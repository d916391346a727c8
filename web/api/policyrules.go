package api

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz/policy"
)

// Rules are a rule set as it was sent: what decides over it reads the text, for
// decoding it here would pass over a member that comes twice.
type Rules json.RawMessage

// MarshalJSON returns the text.
func (r Rules) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// UnmarshalJSON keeps the text.
func (r *Rules) UnmarshalJSON(text []byte) error {
	*r = append((*r)[:0], text...)
	return nil
}

// Schema describes the rules for the document. How many there are and what they
// hold is checked where they are read, which says more about it.
func (Rules) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeArray, Items: r.Schema(reflect.TypeFor[policy.Rule](), true, "Rule")}
}

func rulesOf(text json.RawMessage) *Rules {
	if len(text) == 0 {
		return nil
	}
	rules := Rules(text)
	return &rules
}
