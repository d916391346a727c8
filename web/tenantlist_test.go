package web_test

import (
	"strings"
	"testing"
)

// An issuer that anybody may belong to lets in nobody who is not named.
func TestAnIssuerOfManyTenantsIsRefusedWithoutItsList(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const at = "/v1/connections"
	body := func(issuer, settings string) string {
		return `{"workspace_id":"` + string(h.workspace.ID) + `","name":"Entra","vendor":"entra","oidc":{"issuer":"` + issuer + `","client_id":"c"` + settings + `}}`
	}
	const list = `,"settings":{"tenants":["0a0a0a0a-1111-4222-8333-0123456789ab"]}`
	for what, c := range map[string]struct {
		body, code, word string
		status           int
	}{
		"common":          {body("https://login.microsoftonline.com/common/v2.0", ""), "invalid_connection", "oidc.settings.tenants", 400},
		"organizations":   {body("https://login.microsoftonline.us/organizations/v2.0", `,"settings":{"tenants":[]}`), "invalid_connection", "oidc.settings.tenants", 400},
		"another vendor":  {strings.Replace(body("https://login.microsoftonline.com/common/v2.0", ""), `"entra"`, `"generic"`, 1), "invalid_connection", "oidc.settings.tenants", 400},
		"a list for one":  {body("https://login.microsoftonline.com/0a0a0a0a-1111-4222-8333-0123456789ab/v2.0", list), "invalid_connection", "stands for many", 400},
		"with its list":   {body("https://login.microsoftonline.com/common/v2.0", list), "", "0a0a0a0a-1111-4222-8333-0123456789ab", 201},
		"one, by its own": {body("https://login.microsoftonline.com/0a0a0a0a-1111-4222-8333-0123456789ab/v2.0", ""), "", "", 201},
	} {
		w := h.manage(h.operator, "POST", at, c.body)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.word) || c.code != "" && member(w, "code") != c.code {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
}
