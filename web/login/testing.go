package login

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
	"github.com/gatehouse-auth/gatehouse/authz/federation"
	"github.com/gatehouse-auth/gatehouse/authz/oauth"
	"github.com/gatehouse-auth/gatehouse/web/ui"
)

// testParameter marks a stored request that is a test sign-in: it has no client,
// and leads to no session.
const testParameter = "connection_test"

var errTestOver = pageError(authz.Expired, "test_over", "This link is over: it is good once, for a quarter of an hour, and for the connection as it was. Ask for a new one.")

// BeginTest serves GET /connection-test: an administrator tries a side of a
// connection that need not be in use.
func (f *Flow) BeginTest(w http.ResponseWriter, r *http.Request) error {
	ctx, now := r.Context(), f.cfg.Clock.Now()
	test, err := connection.OpenTest(f.cfg.Sealer, f.issuer, r.URL.Query().Get("token"), now)
	if err != nil {
		return errTestOver.Because(err)
	}
	c, err := f.cfg.Store.GetConnectionAcrossWorkspaces(ctx, f.issuer, test.Connection)
	if err != nil && !errors.Is(err, authz.ErrNotFound) {
		return err
	}
	if err != nil || c.WorkspaceID != test.WorkspaceID || c.Revision != test.Revision || c.State == authz.Deleted || !c.Has(test.Side) {
		return errTestOver
	}
	browser := f.browser(w, r)
	plain, err := json.Marshal(test)
	if err != nil {
		return err
	}
	p := testPending(test, authz.AuthorizationRequest{
		ID: test.ID, Issuer: f.issuer, BrowserDigest: authz.Digest(browser), Parameters: url.Values{testParameter: {string(plain)}}.Encode(),
		ArrivedAt: now, ExpiresAt: now.Add(connection.TestLife), State: authz.Active,
	})
	p.drafted = true
	away, err := f.begin(ctx, p, c, "", federation.Choice{Side: test.Side})
	if authz.KindOf(err) == authz.Conflict {
		return errTestOver.Because(err) // the link was used
	}
	if err != nil {
		return err
	}
	return f.leave(w, r, away)
}

func testPending(t connection.Test, row authz.AuthorizationRequest) *pending {
	return &pending{request: &oauth.AuthorizationRequest{ID: row.ID, ArrivedAt: row.ArrivedAt}, row: row, test: &t}
}

// testOf is the test sign-in that a stored request is.
func testOf(row authz.AuthorizationRequest, params url.Values) (*pending, error) {
	var t connection.Test
	if err := json.Unmarshal([]byte(params.Get(testParameter)), &t); err != nil {
		return nil, err
	}
	return testPending(t, row), nil
}

// tested records a test sign-in that went well, and shows what was told.
func (f *Flow) tested(w http.ResponseWriter, r *http.Request, p *pending, a arrival) error {
	test := authz.ConnectionTest{At: f.cfg.Clock.Now(), By: p.test.By}
	if link := linkOf(a); link != ([32]byte{}) {
		test.Link = hex.EncodeToString(link[:])
	}
	c := a.connection
	c.Revision = p.test.Revision
	err := f.cfg.Store.InTx(r.Context(), func(ctx context.Context) error {
		if err := f.cfg.Store.ConsumeAuthorizationRequest(ctx, f.issuer, p.row.ID); err != nil {
			return err
		}
		if err := f.cfg.Store.SetConnectionTested(ctx, c, a.side, test); err != nil {
			return err
		}
		return f.cfg.Store.AppendAudit(ctx, authz.AuditEntry{
			Issuer: f.issuer, WorkspaceID: c.WorkspaceID, Time: f.cfg.Clock.Now(), Type: "connection.tested", Result: authz.Success,
			Actor: p.test.By, Target: string(c.ID), Details: map[string]any{"side": a.side, "mfa": a.identity.Evidence.String()},
		}.From(authz.OriginFrom(ctx)))
	})
	if errors.Is(err, authz.ErrConsumed) || authz.KindOf(err) == authz.Stale {
		return errTestOver.Because(err)
	}
	if err != nil {
		return err
	}
	back := ""
	if strings.HasPrefix(p.test.By, "setup_") { // a customer's administrator, by a link
		back = "/setup"
	}
	return f.cfg.Pages.Write(w, http.StatusOK, ui.TestPage, map[string]any{"Name": c.Name, "Facts": testFacts(a), "Told": toldLines(a), "Back": back})
}

type factView struct{ Name, Value string }

// testFacts are what we make of what was told.
func testFacts(a arrival) []factView {
	i := a.identity
	facts := []factView{{"side", string(a.side)}, {"issuer", i.Issuer}, {"subject", i.Subject}, {"second factor", i.Evidence.String()}}
	link := "none told"
	if i.Link != "" {
		link = i.Link
	}
	if len(a.connection.Fallback.Link.OIDC) > 0 {
		facts = append(facts, factView{"name that the other side must tell too", link})
	}
	address := i.Email
	switch domain := authz.EmailDomain(i.Email); {
	case address == "":
		address = "none told: nobody joins by signing in"
	case !slices.Contains(a.connection.Domains, domain):
		address += " (the domain is not verified for this connection: nobody joins with it)"
	case a.connection.JIT == authz.JITOff || a.connection.JIT == authz.JITInvited:
		address += " (nobody joins with an address alone: jit is " + string(a.connection.JIT) + ")"
	case !joins(a):
		address += " (the provider does not say that it is verified: nobody joins with it)"
	}
	groups := strconv.Itoa(len(i.Groups)) + ": " + strings.Join(i.Groups, ", ")
	switch {
	case i.GroupsOverage:
		groups = "too many to be told: the person counts as being in none"
	case len(i.Groups) == 0:
		groups = "none told"
	}
	return append(facts, factView{"e-mail", address}, factView{"name", i.Profile.Name}, factView{"groups", groups})
}

const maxToldLines = 200

// toldLines are the claims or attributes as they were told.
func toldLines(a arrival) []factView {
	var lines []factView
	for name, values := range a.identity.Told {
		lines = append(lines, factView{name, strings.Join(values, ", ")})
	}
	slices.SortFunc(lines, func(a, b factView) int { return strings.Compare(a.Name, b.Name) })
	return lines[:min(len(lines), maxToldLines)]
}

// testRefused tells the administrator, and nobody else, what is wrong.
func (f *Flow) testRefused(ctx context.Context, p *pending, c authz.Connection, reason string, err error) error {
	text := f.cfg.Explain(reason)
	if text == "" {
		text = "The sign-in was refused for a reason that has no explanation yet."
	}
	return f.refuseAs(ctx, "login.refused", p, c, reason, pageError(authz.Unauthenticated, reason, text).Because(err))
}
