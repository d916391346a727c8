package web_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// texts are the members of a body, at any depth, whose value is text; each is
// named by a function that puts another text there.
func texts(at string, v any, put func(any), each func(at, was string, put func(any))) {
	switch v := v.(type) {
	case string:
		each(at, v, put)
	case map[string]any:
		for name, inner := range v {
			texts(at+"."+name, inner, func(n any) { v[name] = n }, each)
		}
	case []any:
		for i, inner := range v {
			texts(at+"[]", inner, func(n any) { v[i] = n }, each)
		}
	}
}

// whole is a value the schema takes with every member there is.
func (d description) whole(s schema) any {
	if s.Ref != "" {
		return d.whole(d.Components.Schemas[s.Ref[strings.LastIndex(s.Ref, "/")+1:]])
	}
	if s.Items != nil {
		return []any{d.whole(*s.Items)}
	}
	if len(s.Properties) == 0 {
		return d.sample(s)
	}
	value := map[string]any{}
	for name, of := range s.Properties {
		value[name] = d.whole(of)
	}
	return value
}

// Every body of every route is read in one way or not at all: no text of it holds
// a NUL or turns the direction of what stands around it, no member is unknown,
// there twice, or in another case, and none is a megabyte. Routes and members
// come from the API's own description, so a new one is covered the day it
// appears; nothing that was sent is in an answer or in the log.
func TestDS_03_EveryBodyOfEveryRouteIsReadStrictly(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine := h.furnished(h.workspace)
	d := h.description()
	const mark = "s3cret-mark"
	tried := 0
	for path, operations := range d.Paths {
		for method, o := range operations {
			media, ok := o.Body.Content["application/json"]
			if !ok {
				continue
			}
			method, target := strings.ToUpper(method), filled(path, mine.ids[kindOf(path)])
			refused := func(what, body string) {
				t.Helper()
				tried++
				w := h.manage(h.operator, method, target, body)
				if w.Code != http.StatusBadRequest && w.Code != http.StatusRequestEntityTooLarge || strings.Contains(w.Body.String(), mark) {
					t.Errorf("%s %s, %s: %d %.200s", method, path, what, w.Code, w.Body)
				}
			}
			sample, ok := d.whole(media.Schema).(map[string]any)
			if !ok {
				continue
			}
			encoded := func() string {
				raw, err := json.Marshal(sample)
				h.ok(err)
				return string(raw)
			}
			plain := encoded()
			refused("an unknown member", strings.Replace(plain, "{", `{"zz_`+"unknown"+`":"`+mark+`",`, 1))
			refused("more than one value", plain+` {"`+mark+`":1}`)
			refused("no object", `["`+mark+`"]`)
			for name, value := range sample {
				raw, err := json.Marshal(value)
				h.ok(err)
				refused(name+" twice", strings.Replace(plain, "{", `{"`+name+`":`+string(raw)+`,`, 1))
				refused(name+" in another case", strings.Replace(plain, `"`+name+`":`, `"`+strings.ToUpper(name[:1])+name[1:]+`":`, 1))
			}
			texts("", sample, nil, func(at, was string, put func(any)) {
				if path == "/v1/verify" && at == ".credential" {
					return // whatever it is, it is asked about: no such credential is active
				}
				for what, text := range map[string]string{
					"a NUL": mark + "\x00", "an override": mark + "\u202e", "an isolate": mark + "\u2067x", "a mark": mark + "\u200f",
					"a megabyte": mark + strings.Repeat("a", 3<<20),
				} {
					put(text)
					refused(at+" with "+what, encoded())
				}
				put(was)
			})
		}
	}
	if strings.Contains(h.log.String(), mark) {
		t.Error("the log quotes what was sent")
	}
	t.Logf("%d bodies", tried)
}

// TN-04: no list is sorted or filtered by what somebody writes into a parameter,
// and no cursor is anything but what this server made for that list.
func TestTN_04_NoListTakesAnotherParameterOrAForgedCursor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	mine := h.furnished(h.workspace)
	d := h.description()
	const injected = "name%27%20OR%201%3D1%20--"
	lists := 0
	for path, operations := range d.Paths {
		o, ok := operations["get"]
		if !ok || path == "/v1/forward-auth" {
			continue
		}
		target := filled(path, mine.ids[kindOf(path)])
		declared := func(name string) bool {
			return slices.ContainsFunc(o.Parameters, func(p struct{ Name, In string }) bool { return p.Name == name && p.In == "query" })
		}
		for _, query := range []string{"sort=" + injected, "order=" + injected, "filter=" + injected, "q=" + injected, "order_by=created_at%3BDROP%20TABLE%20clients", "limit=1&limit=2"} {
			if name, _, _ := strings.Cut(query, "="); name != "limit" && declared(name) {
				continue // looked at below
			}
			if w := h.manage(h.operator, "GET", target+"?"+query, ""); w.Code != http.StatusBadRequest {
				t.Errorf("GET %s?%s: %d %.200s", path, query, w.Code, w.Body)
			}
		}
		for _, p := range o.Parameters {
			switch {
			case p.In == "query" && p.Name == "cursor":
				lists++
				for _, cursor := range []string{injected, "eyJpZCI6IjAifQ", strings.Repeat("a", 5000), "%00", "MjAyNi0wMS0wMQ%3D%3D"} {
					if w := h.manage(h.operator, "GET", target+"?cursor="+cursor, ""); w.Code != http.StatusBadRequest {
						t.Errorf("GET %s?cursor=%.40s: %d %.200s", path, cursor, w.Code, w.Body)
					}
				}
			case p.In == "query" && p.Name != "limit":
				// A filter that holds no id and no word of ours finds nothing, and breaks nothing.
				w := h.manage(h.operator, "GET", target+"?"+p.Name+"="+injected, "")
				var page struct{ Items []any }
				if w.Code >= http.StatusInternalServerError || w.Code == http.StatusOK && (json.Unmarshal(w.Body.Bytes(), &page) != nil || len(page.Items) > 0) {
					t.Errorf("GET %s?%s=…: %d %.300s", path, p.Name, w.Code, w.Body)
				}
			}
		}
	}
	if lists < 5 {
		t.Errorf("%d lists: the description names no cursors any more", lists)
	}
}
