package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Rules say what a text is held to beyond being JSON.
type Rules struct {
	// Depth is how deep objects and lists may be nested; required.
	Depth int
	// Text returns an error about a text or the name of a member; nil takes
	// every one. The error must not quote the text.
	Text func(string) error
}

var (
	errMalformed = errors.New("malformed JSON")
	errTwice     = errors.New("a member occurs twice")
	errMore      = errors.New("more than one JSON value")
	errUTF8      = errors.New("not UTF-8")
)

// Check reads one JSON value to its end. Members that differ in case only are
// the same one, because encoding/json takes one for the other; so are those that
// differ as "s" and "ſ" (U+017F) do.
func (r Rules) Check(raw []byte) error {
	if !utf8.Valid(raw) {
		return errUTF8
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := r.value(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errMore
	}
	return nil
}

func (r Rules) value(d *json.Decoder, depth int) error {
	t, err := d.Token()
	if err != nil {
		return errMalformed // the cause might quote the text
	}
	switch t := t.(type) {
	case string:
		return r.text(t)
	case json.Delim:
		if depth++; depth > r.Depth {
			return fmt.Errorf("nested deeper than %d", r.Depth)
		}
		if t == '{' {
			return r.members(d, depth)
		}
		return r.list(d, depth)
	}
	return nil
}

// members walks an object whose brace was read.
func (r Rules) members(d *json.Decoder, depth int) error {
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return errMalformed
		}
		name, _ := t.(string)
		if err := r.text(name); err != nil {
			return err
		}
		if name = strings.Map(folded, name); seen[name] {
			return errTwice
		}
		seen[name] = true
		if err := r.value(d, depth); err != nil {
			return err
		}
	}
	return closed(d)
}

// folded is the least of the runes that encoding/json takes for r in the name of
// a member. Lower case is not enough: a second "ſub" would replace "sub".
func folded(r rune) rune {
	for {
		next := unicode.SimpleFold(r)
		if next <= r { // round the cycle once
			return next
		}
		r = next
	}
}

// list walks a list whose bracket was read.
func (r Rules) list(d *json.Decoder, depth int) error {
	for d.More() {
		if err := r.value(d, depth); err != nil {
			return err
		}
	}
	return closed(d)
}

func closed(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errMalformed
	}
	return nil
}

func (r Rules) text(s string) error {
	if r.Text == nil {
		return nil
	}
	return r.Text(s)
}
