package client_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
	"github.com/gatehouse-auth/gatehouse/web/api/client/clienttest"
)

// The whole life of a key, at both products: their paths differ.
func TestU34_AKeyIsMadeReadChangedRotatedAndRevokedAtEachProduct(t *testing.T) {
	for _, issuer := range demo.Issuers {
		t.Run(issuer.Name, func(t *testing.T) { liveAKey(t, issuer) })
	}
}

func liveAKey(t *testing.T, issuer clienttest.Issuer) {
	api, ctx := issuer.Operator(t), t.Context()
	scopes := readScopes(t, issuer)
	key, err := api.CreateKey(ctx, client.CreateKeyBody{
		Name: "ci", WorkspaceID: issuer.WorkspaceID, Environment: "live", Scopes: scopes, IPAllowlist: []string{"192.0.2.0/24"},
		ExpiresAt: time.Now().Add(48 * time.Hour),
	})
	if err != nil {
		t.Fatal(err)
	}
	if key.Key == "" || key.Status != "active" || key.CreatedAt.IsZero() || key.ExpiresAt.IsZero() {
		t.Errorf("made: %+v", *key)
	}
	if told := fmt.Sprintf("%v %+v %s", key, *key, key); strings.Contains(told, key.Key) {
		t.Error("a printed key shows its text")
	}

	in := client.InWorkspace(issuer.WorkspaceID)
	var etag string
	read, err := api.GetKey(ctx, key.ID, in, client.ETag(&etag))
	if err != nil || read.Key != "" || etag == "" {
		t.Fatalf("read: %v, ETag %q, %v", read, etag, err)
	}
	changed, err := api.UpdateKey(ctx, key.ID, client.PatchKeyBody{Name: new("ci 2"), IPAllowlist: []string{}, ExpiresAt: client.Null[time.Time]()}, in, client.IfMatch(etag))
	if err != nil {
		t.Fatal(err)
	}
	if changed.Name != "ci 2" || len(changed.IPAllowlist) != 0 || !changed.ExpiresAt.IsZero() || len(changed.Scopes) != len(scopes) {
		t.Errorf("changed: %+v", *changed)
	}
	_, err = api.UpdateKey(ctx, key.ID, client.PatchKeyBody{Name: new("ci 3")}, in, client.IfMatch(etag))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusPreconditionFailed {
		t.Errorf("a change of what was changed since: %v", err)
	}
	if _, err = api.UpdateKey(ctx, key.ID, client.PatchKeyBody{Name: new("ci 3")}, in, client.IfRevision(changed.Revision)); err != nil {
		t.Errorf("a change of what was read: %v", err)
	}

	successor, err := api.RotateKey(ctx, key.ID, client.RotateKeyBody{Grace: "PT1H"}, in)
	if err != nil || successor.Key == "" || successor.Key == key.Key || successor.Replaces.ID != key.ID {
		t.Fatalf("rotated: %v, %v", successor, err)
	}
	if old, err := api.GetKey(ctx, key.ID, in); err != nil || old.Status != "grace" || old.SuccessorID != successor.ID {
		t.Errorf("the old key: %v, %v", old, err)
	}
	revoked, err := api.RevokeKey(ctx, key.ID, in, client.Query("successors", "true"))
	if err != nil || revoked.Status != "revoked" || len(revoked.RevokedSuccessors) != 1 {
		t.Errorf("revoked: %+v, %v", revoked, err)
	}
	verdict, err := issuer.Operator(t).GetKey(ctx, successor.ID, in)
	if err != nil || verdict.Status != "revoked" {
		t.Errorf("the successor: %v, %v", verdict, err)
	}
}

// readScopes are those of the key that the demo made: harmless ones.
func readScopes(t *testing.T, issuer clienttest.Issuer) []string {
	t.Helper()
	for key, err := range issuer.Operator(t).ListKeys(t.Context(), client.ListKeysParams{WorkspaceID: issuer.WorkspaceID, Environment: "test"}) {
		if err != nil {
			t.Fatal(err)
		}
		return key.Scopes
	}
	t.Fatal("the demo has no test key")
	return nil
}

func TestEveryItemOfAListIsGivenOnce_HoweverLongItsPages(t *testing.T) {
	issuer := demo.Issuers[0]
	api, ctx := issuer.Operator(t), t.Context()
	want := map[string]bool{}
	for i := range 7 {
		s, err := api.CreateServiceAccount(ctx, client.NewServiceAccount{Name: fmt.Sprintf("robot %d", i), WorkspaceID: issuer.WorkspaceID})
		if err != nil {
			t.Fatal(err)
		}
		want[s.ID] = true
	}
	seen := map[string]int{}
	for s, err := range api.ListServiceAccounts(ctx, client.ListServiceAccountsParams{WorkspaceID: issuer.WorkspaceID, Limit: 3}) {
		if err != nil {
			t.Fatal(err)
		}
		seen[s.ID]++
	}
	for id := range want {
		if seen[id] != 1 {
			t.Errorf("%s was given %d times", id, seen[id])
		}
	}
	for range api.ListServiceAccounts(ctx, client.ListServiceAccountsParams{WorkspaceID: issuer.WorkspaceID, Limit: 1}) {
		break // whoever stops asks for no more
	}
	given := 0
	for _, err := range api.ListServiceAccounts(ctx, client.ListServiceAccountsParams{WorkspaceID: "ws_none"}) {
		if given++; given > 1 || !client.NotFound(err) {
			t.Errorf("a list of nobody's: %v", err)
		}
	}
}

func TestARefusalIsTheProblemDocument_NamingTheMember(t *testing.T) {
	issuer := demo.Issuers[0]
	ctx := t.Context()
	_, err := issuer.Operator(t).CreateKey(ctx, client.CreateKeyBody{Name: "x", WorkspaceID: issuer.WorkspaceID, Environment: "live", Scopes: []string{"no:such"}})
	e, ok := errors.AsType[*client.Error](err)
	if !ok || e.Status != http.StatusBadRequest || e.Code == "" || e.Detail == "" {
		t.Fatalf("an unknown scope: %#v", err)
	}
	_, err = issuer.Operator(t).CreateKey(ctx, client.CreateKeyBody{WorkspaceID: issuer.WorkspaceID, Environment: "live", Scopes: []string{"x"}})
	if e, ok = errors.AsType[*client.Error](err); !ok || len(e.Errors) != 1 || e.Errors[0].Location != "body.name" {
		t.Errorf("no name: %v", err)
	}
	// AK: a key without an issuing delegation mints nothing.
	_, err = issuer.As(t, client.APIKey(issuer.Keys.Live)).CreateKey(ctx, client.CreateKeyBody{Name: "x", Environment: "live", Scopes: readScopes(t, issuer)})
	if client.Code(err) == "" || client.NotFound(err) {
		t.Errorf("minted by a key that may not: %v", err)
	}
	if _, err = issuer.Operator(t).GetKey(ctx, "key_none", client.InWorkspace(issuer.WorkspaceID)); !client.NotFound(err) {
		t.Errorf("no such key: %v", err)
	}
	if _, err = issuer.As(t, client.APIKey("up_live_nonsense")).GetKey(ctx, "key_none"); client.Code(err) != "invalid_token" {
		t.Errorf("no such credential: %v", err)
	}
}

func TestWithTheKeyOfACallBefore_ACallIsNotCarriedOutAgain(t *testing.T) {
	issuer := demo.Issuers[1]
	api, ctx := issuer.Operator(t), t.Context()
	body := client.CreateKeyBody{Name: "once", WorkspaceID: issuer.WorkspaceID, Environment: "test", Scopes: readScopes(t, issuer)}
	first, err := api.CreateKey(ctx, body, client.IdempotencyKey("deploy-17"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = api.CreateKey(ctx, body, client.IdempotencyKey("deploy-17"))
	if e, ok := errors.AsType[*client.Error](err); !ok || e.Target != first.ID {
		t.Errorf("asked again: %v", err)
	}
	if other, err := api.CreateKey(ctx, body); err != nil || other.ID == first.ID {
		t.Errorf("another call: %v, %v", other, err)
	}
}

// A gateway in front of Gatehouse asks to come back; it stands in for a busy
// server, which a test cannot ask for.
type gateway struct {
	*httptest.Server
	refuse     atomic.Int32
	status     int
	retryAfter string
	keys       chan string
}

func newGateway(t *testing.T, address string, status int, retryAfter string) *gateway {
	t.Helper()
	behind, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{status: status, retryAfter: retryAfter, keys: make(chan string, 100)}
	proxy := httputil.NewSingleHostReverseProxy(behind)
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			g.keys <- r.Header.Get("Idempotency-Key")
		}
		if r.URL.Path != "/v1/openapi.json" && g.refuse.Add(-1) >= 0 {
			w.Header().Set("Retry-After", g.retryAfter)
			w.Header().Set("Location", address)
			w.WriteHeader(g.status)
			return
		}
		r.Host = behind.Host
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(g.Close)
	return g
}

func (g *gateway) api(t *testing.T, issuer clienttest.Issuer, maxWait time.Duration) *client.API {
	t.Helper()
	api, err := client.New(client.Config{URL: g.URL, Credential: client.APIKey(issuer.OperatorKey), MaxWait: maxWait, UserAgent: "test/1"})
	if err != nil {
		t.Fatal(err)
	}
	return api
}

func TestRL_ACallWaitsAsLongAsItIsAskedTo_AndIsCarriedOutOnce(t *testing.T) {
	issuer := demo.Issuers[0]
	for _, status := range []int{http.StatusTooManyRequests, http.StatusServiceUnavailable} {
		g := newGateway(t, issuer.API, status, "0")
		g.refuse.Store(3)
		made, err := g.api(t, issuer, 0).CreateServiceAccount(t.Context(), client.NewServiceAccount{Name: "patient", WorkspaceID: issuer.WorkspaceID})
		if err != nil {
			t.Fatalf("%d: %v", status, err)
		}
		close(g.keys)
		var keys []string
		for key := range g.keys {
			keys = append(keys, key)
		}
		if len(keys) != 4 || keys[0] == "" || keys[0] != keys[3] {
			t.Errorf("%d: %s was asked for under the keys %q", status, made.ID, keys)
		}
	}
}

func TestRL_ACallDoesNotWaitLongerThanItMay(t *testing.T) {
	issuer := demo.Issuers[0]
	for _, c := range []struct {
		retryAfter string
		refuse     int32
		maxWait    time.Duration
	}{{"3600", 1, 0}, {"1", 1, -1}, {"0", 1000, 0}, {"", 1, 0}} {
		g := newGateway(t, issuer.API, http.StatusTooManyRequests, c.retryAfter)
		g.refuse.Store(c.refuse)
		_, err := g.api(t, issuer, c.maxWait).GetWorkspace(t.Context(), issuer.WorkspaceID)
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Status != http.StatusTooManyRequests {
			t.Errorf("Retry-After %q: %v", c.retryAfter, err)
		}
	}
}

func TestACredentialGoesWhereItWasMeantToGo(t *testing.T) {
	for _, where := range []string{"", "api.example.com", "http://api.example.com", "ftp://api.example.com", "https://me:secret@api.example.com", "https://api.example.com?x=y"} {
		_, err := client.New(client.Config{URL: where, Credential: client.APIKey("x")})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", where, err)
		}
	}
	issuer := demo.Issuers[0]
	g := newGateway(t, issuer.API, http.StatusTemporaryRedirect, "")
	g.refuse.Store(1)
	if _, err := g.api(t, issuer, 0).GetWorkspace(t.Context(), issuer.WorkspaceID); client.Code(err) != "unexpected_answer" {
		t.Errorf("a redirect: %v", err)
	}
	if _, err := client.New(client.Config{URL: issuer.API}); err == nil {
		t.Error("an API without a credential")
	}
}
