package web_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
)

// An address leads to the connection of its domain, and so to its workspace,
// where an application serves all of them; an application of one workspace leads
// nowhere else, whosever the domain.
func TestI17_AnAddressLeadsToTheWorkspaceOfItsDomain(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ctx, now := t.Context(), h.clock.Now()
	second := h.connection
	second.ID, second.WorkspaceID, second.Name, second.Domains = authz.NewConnectionID(), h.other().ID, "Entra", []string{"elsewhere.example"}
	second.CreatedAt, second.UpdatedAt, second.Revision = now, now, 0
	h.ok(h.store.PutConnection(ctx, second))
	uris := []string{host + "/oidc/" + string(h.connection.ID) + "/callback", host + "/oidc/" + string(second.ID) + "/callback"}
	h.ok(h.upstream.AddClient(idptest.Client{ID: "gatehouse", Secret: "upstream-secret", RedirectURIs: uris}))
	by := authz.Principal{Issuer: issuer, Subject: "test", Scopes: []string{"manage:clients"}}
	client := func(ws authz.WorkspaceID) authz.Client {
		c, _, err := h.admin.CreateClient(ctx, by, admin.ClientSettings{
			Name: "App", WorkspaceID: ws, RedirectURIs: []string{appURI}, Scopes: []string{"openid"}, IDTokenAlgorithm: "ES256", AuthMethod: authz.AuthNone,
		})
		h.ok(err)
		return c
	}
	everywhere, firsts, seconds := client(""), client(h.workspace.ID), client(second.WorkspaceID)
	leads := func(b *browser, c authz.Client, hint string) string {
		t.Helper()
		w := b.get(h.authorizeURL("client_id", string(c.ID), "scope", "openid", "login_hint", hint))
		u, err := url.Parse(w.Header().Get("Location"))
		h.ok(err)
		switch u.Query().Get("redirect_uri") {
		case uris[0]:
			return "first"
		case uris[1]:
			return "second"
		}
		if strings.Contains(w.Body.String(), `id="username"`) {
			return "asks"
		}
		return strings.TrimPrefix(u.Path, "/")
	}
	for _, c := range []struct {
		client     authz.Client
		hint, want string
	}{
		{everywhere, "ada@acme.example", "first"}, {everywhere, "eve@ELSEWHERE.example", "second"}, {everywhere, "x@nobodys.example", "asks"}, {everywhere, "", "asks"},
		{everywhere, "x@acme.example@elsewhere.example", "asks"}, {everywhere, "x@sub.acme.example", "asks"},
		{firsts, "eve@elsewhere.example", "first"}, {firsts, "", "first"}, {seconds, "ada@acme.example", "second"},
	} {
		if got := leads(h.browser(), c.client, c.hint); got != c.want {
			t.Errorf("%q by a client of %q: %s, want %s", c.hint, c.client.WorkspaceID, got, c.want)
		}
	}

	// Who types their address is led likewise.
	b := h.browser()
	page := b.get(h.authorizeURL("client_id", string(everywhere.ID), "scope", "openid", "login_hint", ""))
	_, rest, _ := strings.Cut(page.Body.String(), `name="request" value="`)
	request, _, _ := strings.Cut(rest, `"`)
	for address, want := range map[string]string{"eve@elsewhere.example": uris[1], "ada@acme.example": uris[0]} {
		u, err := url.Parse(h.goesTo(b.post("/signin", url.Values{"request": {request}, "email": {address}})))
		h.ok(err)
		if got := u.Query().Get("redirect_uri"); got != want {
			t.Errorf("%s typed: %s", address, got)
		}
	}

	// Somebody of both: a session is of the workspace they signed in to, and not
	// enough for an application of the other.
	b = h.browser()
	h.consents = []string{"openid"}
	workspaces := func() []authz.WorkspaceID {
		var of []authz.WorkspaceID
		for _, ws := range []authz.WorkspaceID{h.workspace.ID, second.WorkspaceID} {
			for _, e := range made(h.store.ListAudit(ctx, issuer, ws, authz.Page{Limit: 500}))(t) {
				if e.Type == "login.succeeded" {
					of = append(of, ws)
				}
			}
		}
		return of
	}
	b.through(h.authorizeURL("client_id", string(everywhere.ID), "scope", "openid", "login_hint", "ada@acme.example"))
	if got := leads(b, seconds, ""); got != "second" {
		t.Errorf("with a session of the first: %s", got)
	}
	b.through(h.authorizeURL("client_id", string(seconds.ID), "scope", "openid", "login_hint", "eve@elsewhere.example"))
	if got := workspaces(); !slices.Equal(got, []authz.WorkspaceID{h.workspace.ID, second.WorkspaceID}) {
		t.Errorf("sign-ins in %v", got)
	}
	if w := b.get(h.authorizeURL("client_id", string(firsts.ID), "scope", "openid", "prompt", "none")); w.Code != http.StatusSeeOther || !strings.Contains(w.Header().Get("Location"), "login_required") {
		t.Errorf("with a session of the second: %d %s", w.Code, w.Header().Get("Location"))
	}
}
