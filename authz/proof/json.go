package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// maxDepth bounds how deep JSON may be nested.
const maxDepth = 16

// unmarshal is json.Unmarshal for what strangers sign: one object, in which no
// member occurs twice, as two readers could believe different ones (RFC 8725
// section 2.8).
func unmarshal(raw []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	if err := members(d, 1); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("more than a JSON object")
	}
	if err := json.Unmarshal(raw, v); err != nil {
		return errors.New("a member is of the wrong type") // the cause might quote it
	}
	return nil
}

// members walks an object whose brace was read.
func members(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested deeper than %d", maxDepth)
	}
	seen := map[string]bool{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return errors.New("malformed JSON")
		}
		text, _ := name.(string)
		text = strings.ToLower(text) // encoding/json takes one for the other
		if seen[text] {
			return errors.New("a member occurs twice")
		}
		seen[text] = true
		if err := value(d, depth); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

func value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return errors.New("malformed JSON")
	}
	switch t {
	case json.Delim('{'):
		return members(d, depth+1)
	case json.Delim('['):
		if depth >= maxDepth {
			return fmt.Errorf("nested deeper than %d", maxDepth)
		}
		for d.More() {
			if err := value(d, depth+1); err != nil {
				return err
			}
		}
		_, err = d.Token()
		return err
	}
	return nil
}
