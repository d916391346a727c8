package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// spring is an endless body that counts what is read of it.
type spring struct{ read int }

func (s *spring) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	s.read += len(p)
	return len(p), nil
}

// DS-01: of a body without end no operation reads more than its bound, whether its
// length is told or not.
func TestDS_01_NoOperationReadsAHugeBody(t *testing.T) {
	t.Parallel()
	const huge, bound = 10 << 20, 2 << 20
	h := newHouse(t)
	tried := 0
	for path, methods := range h.description().Paths {
		for method, op := range methods {
			method = strings.ToUpper(method)
			if method == http.MethodGet || method == http.MethodDelete {
				continue
			}
			kinds := []string{"application/json"}
			for kind := range op.Body.Content {
				kinds[0] = kind
			}
			for _, told := range []int64{-1, huge} {
				s := &spring{}
				r := httptest.NewRequest(method, host+strings.NewReplacer("{id}", "key_x", "{name}", "x", "{user_id}", "usr_x", "{kind}", "cluster").Replace(path), io.MultiReader(strings.NewReader(`{"name":"`), io.LimitReader(s, huge)))
				r.ContentLength = told
				r.Header.Set("Content-Type", kinds[0])
				r.Header.Set("Authorization", "Bearer "+h.operator)
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				if s.read > bound || w.Code/100 != 4 {
					t.Errorf("%s %s, told %d: %d, %d bytes read: %.200s", method, path, told, w.Code, s.read, w.Body)
				}
				if op.Body.Content != nil && w.Code != http.StatusRequestEntityTooLarge { // RFC 9110 section 15.5.14
					t.Errorf("%s %s, told %d: %d %.200s", method, path, told, w.Code, w.Body)
				}
				tried++
			}
		}
	}
	if tried < 100 {
		t.Errorf("only %d were tried", tried)
	}
}

// The endpoints that ask about credentials hold a body to less than the bound of
// all, and say what is wrong: to the byte, and whether its length is told or not.
func TestDS_01_ABodyOfOneByteTooManyIsTooLarge(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live)
	for path, c := range map[string]struct {
		kind   string
		most   int
		report func(filled string) string
	}{
		"/v1/verify":         {"application/json", 20 << 10, func(f string) string { return `{"credential":"` + f + `"}` }},
		"/v1/leaks/report":   {"application/json", 256 << 10, func(f string) string { return `{"key":"x","url":"` + f + `"}` }},
		"/oauth2/introspect": {form, 256 << 10, func(f string) string { return "token=" + f }}, // what this house takes of any
	} {
		for _, over := range []int{0, 1} {
			for _, told := range []bool{true, false} {
				body := c.report(strings.Repeat("x", c.most-len(c.report(""))+over))
				r := httptest.NewRequest(http.MethodPost, host+path, strings.NewReader(body))
				if !told {
					r.ContentLength = -1
				}
				r.Header.Set("Content-Type", c.kind)
				r.Header.Set("Authorization", gateway)
				w := httptest.NewRecorder()
				h.handler.ServeHTTP(w, r)
				if (w.Code == http.StatusRequestEntityTooLarge) != (over > 0) || w.Code >= 500 {
					t.Errorf("%s, %d bytes, told %v: %d %.200s", path, len(body), told, w.Code, w.Body)
				}
			}
		}
	}
}

// The body of a request that a gateway holds back is its service's: forward-auth
// decides without it, however long it is.
func TestDS_01_ForwardAuthReadsNoBody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway := h.gateway(authz.Live)
	_, text := h.mint(nil)
	for _, told := range []int64{-1, 10 << 20} {
		s := &spring{}
		r := httptest.NewRequest(http.MethodPost, host+"/v1/forward-auth?action=monitor:read", io.LimitReader(s, 10<<20))
		r.ContentLength = told
		r.Header.Set("X-Gatehouse-Caller", gateway)
		r.Header.Set("Authorization", "Bearer "+text)
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || s.read != 0 {
			t.Errorf("told %d: %d, %d bytes were read: %s", told, w.Code, s.read, w.Body)
		}
	}
}
