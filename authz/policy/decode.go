package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// invalid is the error about one member. It never holds what was sent.
func invalid(path, what string) error {
	return authz.NewError(authz.Invalid, "invalid_request", path+": "+what)
}

// Decode reads a JSON array of rules. Every member must be spelled as
// documented, once; what is refused is an Error of kind Invalid that names the
// place and never quotes the value.
func Decode(body []byte) ([]Rule, error) {
	if len(body) > MaxBytes {
		return nil, invalid("rules", "must be at most 1048576 bytes")
	}
	if !utf8.Valid(body) {
		return nil, invalid("rules", "must be UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := walk(d, reflect.TypeFor[[]Rule](), "rules", MaxRules); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, invalid("rules", "must be one JSON array")
	}
	rules := []Rule{}
	if err := json.Unmarshal(body, &rules); err != nil {
		return nil, invalid("rules", "holds a value of the wrong type") // the cause might quote it
	}
	return rules, nil
}

// walk holds the next value to the type it is for. encoding/json would take a
// member of another case, and the last of two.
func walk(d *json.Decoder, t reflect.Type, path string, entries int) error {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	token, err := d.Token()
	if err != nil {
		return invalid(path, "is not well-formed JSON")
	}
	switch t.Kind() { //nolint:exhaustive // the kinds that rules are made of
	case reflect.Slice:
		if token != json.Delim('[') {
			return invalid(path, "must be an array")
		}
		return walkList(d, t.Elem(), path, entries)
	case reflect.Struct:
		if t == reflect.TypeFor[netip.Prefix]() {
			return checkPrefix(token, path)
		}
		if token != json.Delim('{') {
			return invalid(path, "must be an object")
		}
		return walkObject(d, t, path)
	case reflect.Bool:
		if _, ok := token.(bool); !ok {
			return invalid(path, "must be true or false")
		}
	case reflect.Int64:
		return checkNumber(token, path)
	default:
		return checkText(token, path)
	}
	return nil
}

func walkList(d *json.Decoder, elem reflect.Type, path string, entries int) error {
	for i := 0; d.More(); i++ {
		if i == entries {
			return invalid(path, "must hold at most "+strconv.Itoa(entries)+" entries")
		}
		if err := walk(d, elem, path+"["+strconv.Itoa(i)+"]", MaxEntries); err != nil {
			return err
		}
	}
	return closing(d, path)
}

func walkObject(d *json.Decoder, t reflect.Type, path string) error {
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok {
			return invalid(path, "is not well-formed JSON")
		}
		field, known := member(t, name)
		switch {
		case !known:
			return invalid(path, "has a member that does not exist")
		case tag(field) != name:
			return invalid(path+"."+tag(field), "must be written in lower case")
		case seen[name]:
			return invalid(path+"."+name, "occurs twice")
		}
		seen[name] = true
		if err := walk(d, field.Type, path+"."+name, MaxEntries); err != nil {
			return err
		}
	}
	return closing(d, path)
}

func closing(d *json.Decoder, path string) error {
	if _, err := d.Token(); err != nil {
		return invalid(path, "is not well-formed JSON")
	}
	return nil
}

func tag(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// member finds a member by its name in any case.
func member(t reflect.Type, name string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); strings.EqualFold(tag(f), name) {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

func checkNumber(token json.Token, path string) error {
	n, ok := token.(json.Number)
	if _, err := strconv.ParseInt(n.String(), 10, 64); !ok || err != nil {
		return invalid(path, "must be a whole number")
	}
	return nil
}

func checkPrefix(token json.Token, path string) error {
	text, ok := token.(string)
	if _, err := netip.ParsePrefix(text); !ok || err != nil {
		return invalid(path, "must be an address block such as 10.0.0.0/8")
	}
	return nil
}

func checkText(token json.Token, path string) error {
	text, ok := token.(string)
	if !ok {
		return invalid(path, "must be a string")
	}
	return CheckText(path, text)
}

// plain refuses text that no page can show as it is.
func plain(s string) bool {
	if len(s) > maxText || !utf8.ValidString(s) {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs, unicode.Zl, unicode.Zp) || r == utf8.RuneError
	})
}

// CheckText refuses text beside the rules that no page can show as it is, or
// that is too long; the empty text is good.
func CheckText(path, s string) error {
	if !plain(s) {
		return invalid(path, "must be at most 200 bytes, without control characters or such as turn the direction of text")
	}
	return nil
}
