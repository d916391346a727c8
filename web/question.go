package web

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
)

// question is the body of POST /v1/verify.
type question struct {
	credential authz.Secret
	use        credential.Use
}

// maxQuestion bounds a question beside the credential, in bytes.
const maxQuestion = credential.MaxLength + 4<<10

// readQuestion reads the body. Members that are not known, come twice or are
// spelled in another case are refused and named, never quoted.
func (s *site) readQuestion(r *http.Request) (question, error) {
	var q question
	if r.URL.RawQuery != "" {
		return q, invalid("Send members in the body; this endpoint takes none in the query.")
	}
	if len(r.Header["Authorization"]) > 1 {
		return q, invalid("There is more than one Authorization header.")
	}
	body, err := s.readJSON(r, maxQuestion)
	if err != nil {
		return q, err
	}
	if !q.plain(body) {
		q = question{}
		if err := q.decode(body); err != nil {
			return q, err
		}
	}
	return q, q.validate()
}

func (q *question) decode(body string) error {
	d := json.NewDecoder(strings.NewReader(body))
	err := members(d, "", func(name string) any {
		switch name {
		case "credential":
			return (*string)(&q.credential)
		case "action":
			return &q.use.Action
		case "environment":
			return (*string)(&q.use.Environment)
		case "client_ip":
			return &q.use.ClientIP
		case "method":
			return new(string) // told for the record of who did what; it decides nothing
		case "resource":
			return &resource{&q.use}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return invalid("There is something behind the JSON object.")
	}
	return nil
}

// resource reads {"kind", "id"} into a use.
type resource struct{ use *credential.Use }

// UnmarshalJSON reads the object.
func (r *resource) UnmarshalJSON(body []byte) error {
	return members(json.NewDecoder(bytes.NewReader(body)), "resource.", func(name string) any {
		switch name {
		case "kind":
			return (*string)(&r.use.Kind)
		case "id":
			return &r.use.ID
		}
		return nil
	})
}

// members reads the members of an object, each into what into returns for its
// name; nil refuses it. No name comes twice, nor in another case.
func members(d *json.Decoder, prefix string, into func(name string) any) error {
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return invalid(prefixed(prefix, "the body must be a JSON object."))
	}
	seen := make(map[string]bool, 6)
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return invalid("The body is not JSON.")
		}
		value := into(name)
		if value == nil {
			return invalid(prefixed(prefix, "there is a member that this endpoint does not have; it has credential, action, environment, resource {kind, id}, client_ip, method."))
		}
		if seen[name] {
			return invalid(prefix + name + ": is there twice.")
		}
		seen[name] = true
		if err := d.Decode(value); err != nil {
			if authz.KindOf(err) == authz.Invalid {
				return err
			}
			return invalid(prefix + name + ": has the wrong form.")
		}
	}
	if _, err := d.Token(); err != nil {
		return invalid("The body is not JSON.")
	}
	return nil
}

func prefixed(prefix, fault string) string {
	if prefix == "" {
		return fault
	}
	return prefix + " " + fault
}

func (q *question) validate() error {
	if q.credential == "" {
		return invalid("credential: is required.")
	}
	return validUse(q.use)
}

// validUse checks what is said of a use.
func validUse(u credential.Use) error {
	if len(u.Action) > 128 {
		return invalid("action: must be one scope.")
	}
	if u.Environment != "" && u.Environment != authz.Live && u.Environment != authz.Test {
		return invalid(`environment: must be "live" or "test".`)
	}
	if (u.Kind != "" || u.ID != "") && (!u.Kind.Valid() || u.ID == "" || len(u.ID) > 128) {
		return invalid(`resource: must be {"kind": "cluster", "check_group" or "alert_route", "id": …}.`)
	}
	if _, err := netip.ParseAddr(u.ClientIP); u.ClientIP != "" && err != nil {
		return invalid("client_ip: must be an IPv4 or IPv6 address, without a port.")
	}
	return nil
}
