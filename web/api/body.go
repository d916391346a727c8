package api

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/strict"
)

var (
	errText  = errors.New("holds a control character, or one that turns the direction of text")
	errTyped = errors.New("a member is of the wrong type")
	errKey   = errors.New("holds an API key, which is accepted in the Authorization header only")
)

// sent is what the bodies of requests are held to, before anything is decoded.
var sent = strict.Rules{Depth: 16, Text: plainText} //nolint:gochecknoglobals // a constant

// plainText refuses an API key, of whichever issuer, which would be told wherever
// the text is: no member of ours takes one. It also refuses what shows as something else than it is: NUL ends a text
// for some readers, and bidirectional controls make one name look like another.
// Line breaks and tabs are decided where the text is known.
func plainText(s string) error {
	odd := func(r rune) bool { return r == 0 || unicode.Is(unicode.Bidi_Control, r) }
	if strings.ContainsFunc(s, odd) {
		return errText
	}
	if len(apikey.Pick(s)) > 0 {
		return errKey
	}
	return nil
}

// bodies reads and writes JSON. huma quotes an error of reading in its answer,
// so none may hold what was sent.
func bodies() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
		Unmarshal: func(raw []byte, v any) error {
			if err := sent.Check(raw); err != nil {
				return err
			}
			if json.Unmarshal(raw, v) != nil {
				return errTyped
			}
			return nil
		},
	}
}
