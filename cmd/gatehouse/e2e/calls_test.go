package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// try sends a request to this node, whatever its URL is served by otherwise.
func (n *node) try(method, path, body string, headers ...string) (answer, error) {
	req, err := http.NewRequestWithContext(context.Background(), method, n.d.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := n.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	a := answer{status: resp.StatusCode, header: resp.Header, body: string(text)}
	_ = json.Unmarshal(text, &a.json)
	return a, err
}

func (n *node) tryForm(path string, c client, pairs ...string) (answer, error) {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	basic := base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(c.ID) + ":" + url.QueryEscape(c.Secret)))
	return n.try(http.MethodPost, path, values.Encode(), "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Basic "+basic)
}

func (n *node) tryManage(method, path, body string) (answer, error) {
	return n.try(method, path, body, "Authorization", "Bearer "+n.d.OperatorKey, "Content-Type", "application/json")
}

func (n *node) form(t testing.TB, path string, c client, pairs ...string) answer {
	t.Helper()
	return sure(t)(n.tryForm(path, c, pairs...))
}

func (n *node) manage(t testing.TB, method, path, body string) answer {
	t.Helper()
	return sure(t)(n.tryManage(method, path, body))
}

func sure(t testing.TB) func(answer, error) answer {
	return func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

func (n *node) introspect(t testing.TB, token string) answer {
	t.Helper()
	return n.form(t, "/oauth2/introspect", n.d.Clients.Introspector, "token", token)
}

func (n *node) active(t testing.TB, token string) bool {
	t.Helper()
	a := n.introspect(t, token)
	wantStatus(t, a, http.StatusOK)
	return a.json["active"] == true
}

func (n *node) serviceToken(t testing.TB) string {
	t.Helper()
	a := n.form(t, "/oauth2/token", n.d.Clients.Service, "grant_type", "client_credentials")
	wantStatus(t, a, http.StatusOK)
	return a.text("access_token")
}

func (d *deployment) keyBody() string {
	return `{"name":"test key","workspace_id":"` + d.WorkspaceID + `","environment":"live","scopes":["monitor:read"]}`
}

func (n *node) key(t testing.TB) (id, text string) {
	t.Helper()
	a := n.manage(t, http.MethodPost, n.d.KeysPath, n.d.keyBody())
	wantStatus(t, a, http.StatusCreated)
	return a.text("id"), a.text("key")
}
