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

// encoding/json writes two members into one field when it takes one name for the
// other; a check that reads the first of them must not have taken both.
func TestDS_03_NoSecondMemberReachesAFieldByAnotherSpelling(t *testing.T) {
	var v struct {
		Sub   string `json:"sub"`
		Token string `json:"token"`
		Size  string `json:"größe"`
	}
	for _, raw := range []string{
		`{"sub":"a","ſub":"b"}`, `{"ſub":"a","sub":"b"}`, `{"sub":"a","\u017fub":"b"}`, `{"token":"a","toKen":"b"}`, `{"größe":"a","GRÖẞE":"b"}`, `{"größe":"a","gröſe":"a","GRÖSE":"b"}`,
	} {
		if err := rules.Check([]byte(raw)); err == nil {
			_ = json.Unmarshal([]byte(raw), &v)
			t.Errorf("%s was taken; encoding/json reads %+v", raw, v)
		}
	}
	for _, raw := range []string{`{"s":1,"ß":2,"ss":3}`, `{"i":1,"ı":2,"İ":3}`} { // these it tells apart
		if err := rules.Check([]byte(raw)); err != nil {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// filled counts how often a field is filled.
type filled int

func (f *filled) UnmarshalJSON([]byte) error {
	*f++
	return nil
}

// What is taken is one JSON value that encoding/json reads too, and nothing a
// rule refuses is in it.
func FuzzCheck(f *testing.F) {
	for _, seed := range []string{`{"a":{"b":[1,"bad"]}}`, `{"a":1,"A":2}`, `{"sub":1,"ſub":2}`, `[[[[`, "{}\x00", `{"\ud800":1}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if rules.Check(raw) != nil {
			return
		}
		var sub struct {
			Sub filled `json:"sub"`
		}
		if _ = json.Unmarshal(raw, &sub); sub.Sub > 1 {
			t.Fatalf("%q was taken, and fills a field twice", raw)
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
