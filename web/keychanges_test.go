package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// U0, U11: whoever uses a key while it is changed or replaced is neither refused
// nor told to come back: by whatever way it is used, itself or by a token of it.
func TestU0_U11_NoUseOfAKeyIsRefusedWhileItIsChangedAndReplaced(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		gateway := h.gateway(authz.Live)
		key, text := h.mint(func(r *apikey.Request) { r.Scopes = []string{"monitor:read", "manage:keys"} })
		path := "/v1/auth/keys/" + string(key.ID)
		token := func() *httptest.ResponseRecorder {
			return h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
		}
		before := member(token(), "access_token")
		uses := map[string]func() (*httptest.ResponseRecorder, string){
			"verify the key": func() (*httptest.ResponseRecorder, string) {
				return h.verify(gateway, map[string]any{"credential": text, "action": "monitor:read", "client_ip": "192.0.2.1"}), `"allowed":true`
			},
			"verify its token": func() (*httptest.ResponseRecorder, string) {
				return h.verify(gateway, map[string]any{"credential": before, "action": "monitor:read", "client_ip": "192.0.2.1"}), `"allowed":true`
			},
			"forward-auth": func() (*httptest.ResponseRecorder, string) {
				return h.hold("?action=monitor:read", gateway, "Bearer "+text), ""
			},
			"introspect the key": func() (*httptest.ResponseRecorder, string) {
				return h.send("POST", "/oauth2/introspect", "token="+url.QueryEscape(text), "Content-Type", form, "Authorization", gateway), `"active":true`
			},
			"read itself":   func() (*httptest.ResponseRecorder, string) { return h.manage(text, "GET", path, ""), string(key.ID) },
			"ask for token": func() (*httptest.ResponseRecorder, string) { return token(), `"access_token"` },
		}
		var stop atomic.Bool
		var group sync.WaitGroup
		var used atomic.Int64
		for name, use := range uses {
			for range 2 {
				group.Go(func() {
					for !stop.Load() {
						if w, want := use(); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
							h.Errorf("%s: %d %s", name, w.Code, w.Body)
							return
						}
						used.Add(1)
					}
				})
			}
		}
		in := "?workspace_id=" + string(h.workspace.ID)
		change := func(body string) {
			if w := h.manage(h.operator, "PATCH", path+in, body); w.Code != http.StatusOK {
				h.Errorf("%s: %d %s", body, w.Code, w.Body)
			}
		}
		for n := range 12 {
			change(fmt.Sprintf(`{"name":"ci %d"}`, n))
			change(`{"ip_allowlist":["192.0.2.0/24"]}`)
			change(`{"ip_allowlist":[]}`)
			switch n {
			case 4:
				if w := h.manage(text, "POST", path+"/rotate", `{}`); w.Code/100 != 2 {
					h.Errorf("rotating: %d %s", w.Code, w.Body)
				}
			case 8:
				change(`{"grace_until":"` + h.clock.Now().AddDate(0, 0, 7).Format("2006-01-02T15:04:05Z") + `"}`)
			}
		}
		stop.Store(true)
		group.Wait()
		if used.Load() < 50 {
			h.Errorf("only %d uses in all", used.Load())
		}
	})
}
