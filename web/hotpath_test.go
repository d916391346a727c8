package web_test

import (
	"io"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/web"
)

func TestAnotherSpellingOfAPathIsAnotherPath(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for path, status := range map[string]int{
		"/oauth2/introspect": 200, "/oauth2/%69ntrospect": 200, "/oauth2%2Fintrospect": 404, "/oauth2//introspect": 404,
		"/oauth2/introspect/": 404, "/oauth2/./introspect": 404, "/OAuth2/introspect": 404,
	} {
		if w := h.send("POST", path, "token=x", "Content-Type", form, "Authorization", h.basic()); w.Code != status {
			t.Errorf("%s: %d, want %d", path, w.Code, status)
		}
	}
}

func TestDS_01_ABodyOfUntoldLengthIsCutOff(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, path := range endpoints {
		r := httptest.NewRequest("POST", host+path, io.MultiReader(strings.NewReader("token="), strings.NewReader(strings.Repeat("x", 1<<20))))
		r.Header.Set("Content-Type", form)
		r.Header.Set("Authorization", h.basic())
		w := httptest.NewRecorder()
		h.handler.ServeHTTP(w, r)
		h.wants(path, w, 413, "invalid_request")
	}
}

// A gateway that sends more than the token, or its secret in the body, is
// answered the same.
func TestEverySpellingOfAnIntrospectionIsAnsweredTheSame(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	want := h.send("POST", "/oauth2/introspect", "token="+h.operator, "Content-Type", form, "Authorization", h.basic()).Body.String()
	for _, body := range []string{
		"token=" + h.operator + "&token_type_hint=access_token", "&token=" + h.operator, "t%6Fken=" + h.operator, "a=b&token=" + h.operator,
		"client_id=" + string(h.app.ID) + "&token=" + h.operator,
	} {
		if w := h.send("POST", "/oauth2/introspect", body, "Content-Type", form, "Authorization", h.basic()); w.Code != 200 || w.Body.String() != want {
			t.Errorf("%.20s: %d %s, want %s", body, w.Code, w.Body, want)
		}
	}
	for _, body := range []string{"", "token=", "token", "token=x&token=x", "tokens=x"} {
		h.wants(body, h.send("POST", "/oauth2/introspect", body, "Content-Type", form, "Authorization", h.basic()), 400, "invalid_request")
	}
}

func TestEveryRequestHasAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	next := web.RequestIDs()
	var seen sync.Map
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 500 {
				id := next()
				if _, twice := seen.LoadOrStore(id, true); twice || len(id) != 16 || strings.Trim(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
					t.Errorf("id %q, had before: %v", id, twice)
				}
			}
		})
	}
	group.Wait()
}

// FuzzOnlyToken holds that the short way of reading a form reads what the long
// way would.
func FuzzOnlyToken(f *testing.F) {
	for _, body := range []string{"token=x", "token=", "token=a&b=c", "token=a;b", "token=%41", "token=a+b", "token==", "token=\x00\xff", "Token=x"} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		text, ok := web.OnlyToken(body)
		if !ok {
			return
		}
		values, err := url.ParseQuery(body)
		if err != nil || len(values) != 1 || len(values["token"]) != 1 || values.Get("token") != text {
			t.Errorf("%q: %q, but %v, %v", body, text, values, err)
		}
	})
}
