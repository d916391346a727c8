package oauth

import (
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of the authorization_details parameter.
const (
	maxDetails      = 16
	maxDetailsBytes = 8 << 10
	maxDetailDepth  = 5 // the array and the object among them
	maxNumberLength = 32
)

var errDetailsSyntax = errors.New("oauth: authorization_details is not what RFC 9396 section 2 describes")

// parseDetails reads a JSON array of objects within the bounds. Members that
// come twice, and text that would show as something else than it is, are
// refused: the person, the resource server and we must read the same.
func parseDetails(text string) ([]map[string]any, error) {
	if len(text) > maxDetailsBytes || !utf8.ValidString(text) {
		return nil, errDetailsSyntax
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	value, err := parseJSON(d, 1)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errDetailsSyntax
	}
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > maxDetails {
		return nil, errDetailsSyntax
	}
	details := make([]map[string]any, len(list))
	for i, item := range list {
		if details[i], ok = item.(map[string]any); !ok {
			return nil, errDetailsSyntax
		}
	}
	return details, nil
}

// parseJSON reads one value; depth counts the arrays and objects around it.
func parseJSON(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errDetailsSyntax
	}
	switch t := token.(type) {
	case json.Delim:
		if depth > maxDetailDepth {
			return nil, errDetailsSyntax
		}
		if t == '{' {
			return parseObject(d, depth)
		}
		return parseArray(d, depth)
	case string:
		return t, plainText(t)
	case json.Number:
		_, err := strconv.ParseFloat(t.String(), 64)
		if err != nil || len(t) > maxNumberLength {
			return nil, errDetailsSyntax
		}
	}
	return token, nil
}

func parseObject(d *json.Decoder, depth int) (any, error) {
	object := map[string]any{}
	for d.More() {
		token, err := d.Token()
		name, ok := token.(string)
		if err != nil || !ok || plainText(name) != nil {
			return nil, errDetailsSyntax
		}
		if _, twice := object[name]; twice {
			return nil, errDetailsSyntax
		}
		if object[name], err = parseJSON(d, depth+1); err != nil {
			return nil, err
		}
	}
	return object, closing(d)
}

func parseArray(d *json.Decoder, depth int) (any, error) {
	array := []any{}
	for d.More() {
		value, err := parseJSON(d, depth+1)
		if err != nil {
			return nil, err
		}
		array = append(array, value)
	}
	return array, closing(d)
}

func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errDetailsSyntax
	}
	return nil
}

// plainText refuses text that no page can show as it is: control characters
// and what turns the direction of writing, or has no form at all.
func plainText(s string) error {
	for _, r := range s {
		if unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Co, unicode.Cs) || r == utf8.RuneError {
			return errDetailsSyntax
		}
	}
	return nil
}
