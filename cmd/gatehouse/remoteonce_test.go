package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A POST whose answer is lost, or that is to come again later, is sent again
// under the key of the first time; what changes something without such a key is
// sent once.
func TestAnAnswerThatWasLostIsAskedForAgainUnderTheSameKey(t *testing.T) {
	t.Setenv("GATEHOUSE_API_KEY", "key")
	drop := func(w http.ResponseWriter) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	status := func(code int, body string, headers ...string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			for n := 0; n+1 < len(headers); n += 2 {
				w.Header().Set(headers[n], headers[n+1])
			}
			w.WriteHeader(code)
			_, _ = w.Write([]byte(body))
		}
	}
	away := status(http.StatusServiceUnavailable, `{"code":"temporarily_unavailable","detail":"away"}`, "Retry-After", "0")
	good := status(http.StatusCreated, `{"id":"x"}`)
	for what, c := range map[string]struct {
		method  string
		answers []func(http.ResponseWriter)
		tries   int
		want    string
	}{
		"lost":                  {"POST", []func(http.ResponseWriter){drop, good}, 2, ""},
		"to come later":         {"POST", []func(http.ResponseWriter){away, away, good}, 3, ""},
		"away for good":         {"POST", []func(http.ResponseWriter){away, away, away, good}, 3, "temporarily_unavailable"},
		"to come much later":    {"POST", []func(http.ResponseWriter){status(503, `{"code":"busy"}`, "Retry-After", "60"), good}, 1, "busy"},
		"refused":               {"POST", []func(http.ResponseWriter){status(409, `{"code":"conflict"}`), good}, 1, "conflict"},
		"a read":                {"GET", []func(http.ResponseWriter){drop, good}, 2, ""},
		"a change without key":  {"PATCH", []func(http.ResponseWriter){away, good}, 1, "temporarily_unavailable"},
		"a removal without key": {"DELETE", []func(http.ResponseWriter){drop, good}, 1, "cannot be reached"},
	} {
		t.Run(what, func(t *testing.T) {
			var mu sync.Mutex
			var keys []string
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				keys = append(keys, r.Header.Get("Idempotency-Key"))
				answer := c.answers[min(len(keys), len(c.answers))-1]
				mu.Unlock()
				answer(w)
			}))
			defer server.Close()
			r := &remote{base: server.URL, output: "json"}
			_, err := r.call(t.Context(), c.method, "/v1/x", map[string]any{"a": 1})
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(keys) != c.tries {
				t.Errorf("%d tries, want %d", len(keys), c.tries)
			}
			for _, k := range keys {
				if k != keys[0] || (k != "") != (c.method == "POST") {
					t.Errorf("keys %q", keys)
				}
			}
		})
	}
}
