package oidc

import (
	"encoding/json"
	"errors"
	"math"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
)

const (
	maxText  = 2048
	maxTexts = 200
)

// claims are the members of a JSON object by their exact names. encoding/json
// would take "SUB" for "sub" in a struct; a map does not.
type claims map[string]json.RawMessage

func parseClaims(raw []byte) (claims, error) {
	var c claims
	if err := json.Unmarshal(raw, &c); err != nil || c == nil {
		return nil, errors.New("not a JSON object")
	}
	return c, nil
}

// has reports whether a claim is there and not null.
func (c claims) has(name string) bool {
	raw, ok := c[name]
	return ok && string(raw) != "null"
}

// text returns a string claim of at most 2048 bytes, or "".
func (c claims) text(name string) string {
	var s string
	if json.Unmarshal(c[name], &s) != nil || len(s) > maxText {
		return ""
	}
	return s
}

// texts returns a claim that is a string or an array of strings. It is not ok
// if it is neither, or has more than 200 members.
func (c claims) texts(name string) (list []string, ok bool) {
	if !c.has(name) {
		return nil, true
	}
	var s string
	if json.Unmarshal(c[name], &s) == nil {
		return []string{s}, true
	}
	if json.Unmarshal(c[name], &list) != nil || len(list) > maxTexts {
		return nil, false
	}
	return list, true
}

// yes reports whether a claim is JSON true; "true" and 1 are not.
func (c claims) yes(name string) bool { return string(c[name]) == "true" }

// time returns a NumericDate (RFC 7519 section 2), between the years 1970 and
// 9999.
func (c claims) time(name string) (time.Time, bool) {
	var seconds float64
	if !c.has(name) || json.Unmarshal(c[name], &seconds) != nil {
		return time.Time{}, false
	}
	const year10000 = 253402300800
	if math.IsNaN(seconds) || seconds < 0 || seconds >= year10000 {
		return time.Time{}, false
	}
	return time.Unix(int64(seconds), 0).UTC(), true
}

// object returns a claim that is an object, or nil.
func (c claims) object(name string) claims {
	o, err := parseClaims(c[name])
	if err != nil {
		return nil
	}
	return o
}

// values are the claims that are text, or lists of it, by their exact names.
func (c claims) values() idp.Values {
	out := make(idp.Values, len(c))
	for name := range c {
		if list, ok := c.texts(name); ok && len(list) > 0 {
			out[name] = list
		}
	}
	return out
}
