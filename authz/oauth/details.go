package oauth

import (
	"encoding/json"
	"slices"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// DetailType is a type of authorization details (RFC 9396 section 2.1).
type DetailType struct {
	Name string
	// Description is what the consent page says it allows.
	Description string
	// Members are those allowed beside the common ones of RFC 9396 section 2.2:
	// their names, and "string", "number", "boolean", "array" or "object".
	Members map[string]string
}

var errInvalidDetails = fault(authz.Invalid, "invalid_authorization_details",
	"authorization_details is malformed, names a type or member that is not in use, or exceeds what was granted.")

// detail is one object of authorization_details.
type detail struct {
	object map[string]any
	// text is its one spelling: members in order, without blanks.
	text string
}

func (d detail) typ() string { return d.object["type"].(string) } //nolint:forcetypeassert // checked by whoever makes one

// locations are the resources it is about; none means whatever a token is for.
func (d detail) locations() []string {
	list, _ := d.object["locations"].([]any)
	locations := make([]string, 0, len(list))
	for _, item := range list {
		text, _ := item.(string)
		locations = append(locations, text)
	}
	return locations
}

// readDetails parses authorization details and holds each to its type.
func (s *Server) readDetails(text string) ([]detail, error) {
	objects, err := parseDetails(text)
	if err != nil {
		return nil, errInvalidDetails.Because(err)
	}
	details := make([]detail, 0, len(objects))
	for _, object := range objects {
		if !s.settings.fitsType(object) {
			return nil, errInvalidDetails
		}
		canonical, err := json.Marshal(object)
		if err != nil {
			return nil, errInvalidDetails.Because(err)
		}
		d := detail{object, string(canonical)}
		if !slices.ContainsFunc(details, d.equals) {
			details = append(details, d)
		}
	}
	return details, nil
}

func (d detail) equals(other detail) bool { return d.text == other.text }

// fitsType reports whether an object is of a type of the catalogue and has no
// member that the type does not.
func (s Settings) fitsType(object map[string]any) bool {
	name, _ := object["type"].(string)
	i := slices.IndexFunc(s.DetailTypes, func(t DetailType) bool { return t.Name == name })
	if i < 0 {
		return false
	}
	for member, value := range object {
		if member != "type" && !fitsKind(s.DetailTypes[i].kindOf(member), value) {
			return false
		}
	}
	return true
}

// kindOf is the kind of a member: a common one of RFC 9396 section 2.2, or one
// of the type's own. Empty means that there is no such member.
func (t DetailType) kindOf(member string) string {
	switch member {
	case "locations", "actions", "datatypes", "privileges":
		return "texts"
	case "identifier":
		return "string"
	}
	return t.Members[member]
}

func fitsKind(kind string, value any) bool {
	switch v := value.(type) {
	case string:
		return kind == "string" && v != ""
	case json.Number:
		return kind == "number"
	case bool:
		return kind == "boolean"
	case map[string]any:
		return kind == "object"
	case []any:
		texts := !slices.ContainsFunc(v, func(item any) bool { text, ok := item.(string); return !ok || text == "" })
		return kind == "array" || kind == "texts" && texts && len(v) > 0
	}
	return false
}

// joinDetails is the JSON array; nil for none.
func joinDetails(details []detail) json.RawMessage {
	if len(details) == 0 {
		return nil
	}
	raw := []byte{'['}
	for i, d := range details {
		if i > 0 {
			raw = append(raw, ',')
		}
		raw = append(raw, d.text...)
	}
	return append(raw, ']')
}

// mayDetail reports whether a client may use the type (RFC 9396 section 10):
// only those it registered.
func mayDetail(c authz.Client, typ string) bool {
	return slices.Contains(c.Metadata.AuthorizationDetailsTypes, typ)
}
