package strict_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz/strict"
)

var errWord = errors.New("not that word")

var rules = strict.Rules{Depth: 3, Text: func(s string) error {
	if s == "bad" {
		return errWord
	}
	return nil
}}

func TestDS_03_WhatTwoReadersCouldUnderstandDifferentlyIsRefused(t *testing.T) {
	for _, good := range []string{`{}`, `[]`, `"a"`, `1e400`, `null`, ` {"a":{"b":["c",1,true,null]}} `, `{"a":1,"b":{"a":1}}`} {
		if err := rules.Check([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{
		``, `{`, `[1`, `{"a":1,"a":2}`, `{"a":1,"A":2}`, `{"a":1,"\u0061":2}`, `[{"a":1,"a":1}]`, `{} {}`, `{}x`, `[[[[]]]]`, `{"a":[{"b":[]}]}`,
		"\"\xff\"", `{"a":"bad"}`, `{"bad":1}`, `["\u0062ad"]`, `{a:1}`, `{"a":1,}`, "[1 2]",
	} {
		if err := rules.Check([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// What is taken is one JSON value that encoding/json reads too, and nothing a
// rule refuses is in it.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,"bad"]}}`, `{"a":1,"A":2}`, `[[[[`, "{}\x00", `{"\ud800":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if rules.Check(raw) != nil {
			return
		}
		var v any
		if err := json.Unmarshal(raw, &v); err != nil && !strings.Contains(err.Error(), "cannot unmarshal number") {
			t.Fatalf("%q was taken: %v", raw, err)
		}
		again, _ := json.Marshal(v)
		if strings.Contains(string(again), `"bad"`) {
			t.Fatalf("%q was taken", raw)
		}
	})
}
