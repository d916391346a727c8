package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
)

func TestRFC9396_9_ThePersonSeesTheDetailsEveryTime(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.app = made(h.store.GetClientAcrossWorkspaces(t.Context(), issuer, h.app.ID))(t)
	h.app.Metadata = authz.ClientMetadata{AuthorizationDetailsTypes: []string{"payment"}}
	h.ok(h.store.UpdateClient(t.Context(), h.app))
	asks := []string{
		"authorization_details", `[{"type":"payment","to":"<img src=x onerror=1>","actions":["initiate","<b>"]}]`,
		"resource", "https://tools.example/mcp",
	}
	b := h.browser()
	b.signIn(asks...)
	for _, prompt := range []string{"", "none"} {
		w := b.get(h.authorizeURL(append(asks, "prompt", prompt)...))
		to, err := url.Parse(w.Header().Get("Location"))
		h.ok(err)
		if prompt == "none" && to.Query().Get("error") == "consent_required" {
			continue
		}
		if w.Code != http.StatusSeeOther || to.Path != "/consent" {
			t.Fatalf("prompt=%s: %d %s", prompt, w.Code, to)
		}
		page := b.get(to.String()).Body.String()
		for _, text := range []string{
			`id="details"`, "Make a payment", "&lt;img src=x onerror=1&gt;", "<dd>initiate</dd><dd>&lt;b&gt;</dd>", `id="resources"`, "Tools &amp; more",
		} {
			if !strings.Contains(page, text) {
				t.Errorf("the page lacks %s", text)
			}
		}
		if strings.Contains(page, "<img src=x") || strings.Contains(page, "<dd><b>") {
			t.Error("a value of the client's is markup")
		}
	}
	// The scopes were remembered, at that resource alone.
	for _, c := range []struct{ resource, path string }{{"https://tools.example/mcp", "/cb"}, {host, "/consent"}} {
		w := b.get(h.authorizeURL("resource", c.resource))
		if to, _ := url.Parse(w.Header().Get("Location")); w.Code != http.StatusSeeOther || to.Path != c.path {
			t.Errorf("%s: %d %s", c.resource, w.Code, to)
		}
	}
}

func TestRFC9396_9_ThePersonSeesTheDetailsThatADeviceAsksFor(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tv := h.tv(func(s *admin.ClientSettings) { s.Metadata.AuthorizationDetailsTypes = []string{"payment"} })
	w := h.sentFrom("198.51.100.7:443", "/oauth2/device_authorization", url.Values{
		"client_id": {string(tv.ID)}, "scope": {"openid"}, "resource": {"https://tools.example/mcp"},
		"authorization_details": {`[{"type":"payment","to":"<img src=x onerror=1>","actions":["initiate"]}]`},
	}, nil)
	b := h.browser()
	request := b.deviceConsent(member(w, "user_code"))
	page := b.get("/consent?request=" + request).Body.String()
	for _, text := range []string{`id="details"`, "Make a payment", "&lt;img src=x onerror=1&gt;", "<dd>initiate</dd>", `id="resources"`, "Tools &amp; more"} {
		if !strings.Contains(page, text) {
			t.Errorf("the page lacks %s", text)
		}
	}
	b.post("/consent", url.Values{"request": {request}, "decision": {"allow"}})
	if w := h.poll(tv, member(w, "device_code")); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"type":"payment"`) {
		t.Errorf("the device has %d %s", w.Code, w.Body)
	}
}
