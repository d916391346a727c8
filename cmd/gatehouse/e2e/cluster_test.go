package e2e_test

import (
	"net/http"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/e2e/counterpart"
)

// racers is how many requests are let go at once.
const racers = 64

// soon is how long another node may take to hear of a kill.
const soon = time.Second

// cluster is two nodes on one PostgreSQL under one name.
func cluster(t *testing.T) (d *deployment, a, b *node) {
	t.Helper()
	d = deploy(t, "postgres", "")
	a = d.start(t)
	b = d.startAt(t, counterpart.FreeAddress(t))
	d.populate(t, a)
	return d, a, b
}

// volley lets all racers go at once, every second one to the other node.
func volley(t *testing.T, a, b *node, ask func(*node) (answer, error)) []answer {
	t.Helper()
	answers := make([]answer, racers)
	start := make(chan struct{})
	var group sync.WaitGroup
	for i := range answers {
		n := a
		if i%2 == 1 {
			n = b
		}
		group.Go(func() {
			<-start
			got, err := ask(n)
			if err != nil {
				t.Error(err)
			}
			answers[i] = got
		})
	}
	close(start)
	group.Wait()
	return answers
}

// code signs a person in through node A.
func (d *deployment) code(t *testing.T) (authorization, string) {
	t.Helper()
	auth := d.authorization(d.Clients.Web, "openid offline_access")
	p := newBrowser(t, d.Clients.Web.RedirectURI).signIn(d.issuer, auth, user{})
	if p.back == nil || p.back.Query().Get("code") == "" {
		t.Fatalf("the browser ended at %s with status %d:\n%s", p.url, p.status, p.body)
	}
	return auth, p.back.Query().Get("code")
}

// A person who is new and has several tabs open comes back from the provider
// with all of them at once: each is let in, as one and the same person.
func TestI18_FirstSignInsOfOnePersonAtOnceAllSucceed(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	var callbacks []*browser
	var targets []string
	for range racers / 4 {
		tab := newBrowser(t, d.Issuer+"/oidc/")
		p := tab.get(d.authorizeURL(d.authorization(d.Clients.Web, "openid")))
		if p.back == nil {
			t.Fatalf("the browser ended at %s with status %d:\n%s", p.url, p.status, p.body)
		}
		callbacks, targets = append(callbacks, tab), append(targets, p.back.String())
	}
	var next atomic.Int64
	next.Store(-1)
	for _, got := range volley(t, a, b, func(*node) (answer, error) {
		n := int(next.Add(1))
		if n >= len(targets) {
			return answer{status: http.StatusSeeOther}, nil
		}
		resp, err := callbacks[n].client.Get(targets[n])
		if err != nil {
			return answer{}, err
		}
		return answer{status: resp.StatusCode, header: resp.Header}, resp.Body.Close()
	}) {
		if location := got.header.Get("Location"); got.status/100 != 3 || strings.Contains(location, "error=") {
			t.Errorf("a tab is told %d and goes to %s", got.status, location)
		}
	}
}

func redemption(auth authorization, code string) func(*node) (answer, error) {
	return func(n *node) (answer, error) {
		return n.tryForm("/oauth2/token", auth.client, "grant_type", "authorization_code", "code", code,
			"redirect_uri", auth.params.Get("redirect_uri"), "code_verifier", auth.verifier)
	}
}

func TestCO02_OfManyRedeemersOverTwoNodesOneSucceeds(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	for range counts(8, 200) {
		won := 0
		for _, got := range volley(t, a, b, redemption(d.code(t))) {
			switch {
			case got.status == http.StatusOK:
				won++
			case got.status != http.StatusBadRequest || got.text("error") != "invalid_grant":
				t.Errorf("a loser is told %d %s", got.status, got.body)
			}
		}
		if won != 1 {
			t.Fatalf("%d of %d redeemers got tokens", won, racers)
		}
	}
}

func TestRT02_ManyRefreshesOverTwoNodesGetOneAndTheSamePair(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	auth, code := d.code(t)
	got := sure(t)(redemption(auth, code)(a))
	wantStatus(t, got, http.StatusOK)
	for range counts(8, 200) {
		pairs := make(map[string]bool)
		used := got.text("refresh_token")
		for _, got = range volley(t, a, b, func(n *node) (answer, error) {
			return n.tryForm("/oauth2/token", auth.client, "grant_type", "refresh_token", "refresh_token", used)
		}) {
			if got.status != http.StatusOK {
				t.Errorf("a refresh answered %d %s", got.status, got.body)
			}
			pairs[got.text("access_token")+" "+got.text("refresh_token")] = true
		}
		if len(pairs) != 1 {
			t.Fatalf("%d different pairs were handed out", len(pairs))
		}
		if !a.active(t, got.text("access_token")) || !b.active(t, got.text("access_token")) {
			t.Fatal("the pair is not live on both nodes")
		}
	}
}

func TestU22_IN08_SuspensionOnOneNodeIsHeardOnTheOther(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	_, key := a.key(t)
	mine := []string{key, a.serviceToken(t)}
	auth, code := d.code(t)
	person := sure(t)(redemption(auth, code)(a))
	wantStatus(t, person, http.StatusOK)
	mine = append(mine, person.text("access_token"))
	for _, text := range mine { // now both nodes remember all of them
		if !a.active(t, text) || !b.active(t, text) {
			t.Fatal("not active to begin with")
		}
	}
	wantStatus(t, a.manage(t, http.MethodPost, "/v1/workspaces/"+d.WorkspaceID+"/suspend", ""), http.StatusOK)
	for _, text := range mine {
		if a.active(t, text) {
			t.Error("active on the node that suspended")
		}
	}
	eventually(t, soon, "everything is inactive on the other node", func() bool {
		return !b.active(t, mine[0]) && !b.active(t, mine[1]) && !b.active(t, mine[2])
	})
	wantStatus(t, a.manage(t, http.MethodPost, "/v1/workspaces/"+d.WorkspaceID+"/resume", ""), http.StatusOK)
	eventually(t, soon, "the key is back on the other node", func() bool { return b.active(t, key) })
	for _, n := range []*node{a, b} {
		if !n.active(t, key) || n.active(t, mine[1]) || n.active(t, mine[2]) {
			t.Error("after resuming, the key must work and the tokens stay dead")
		}
	}
	refresh := sure(t)(b.tryForm("/oauth2/token", auth.client, "grant_type", "refresh_token", "refresh_token", person.text("refresh_token")))
	wantError(t, refresh, http.StatusBadRequest, "invalid_grant")
}

func TestU7_U34_RV01_KeysAndTokensDieAndLiveOnBothNodes(t *testing.T) {
	t.Parallel()
	d, a, b := cluster(t)
	for range counts(10, 100) {
		id, key := a.key(t)
		if !b.active(t, key) { // at once: no waiting here
			t.Fatal("a key made on one node is unknown to the other")
		}
		wantStatus(t, a.manage(t, http.MethodDelete, d.KeysPath+"/"+id+"?workspace_id="+d.WorkspaceID, ""), http.StatusOK)
		if a.active(t, key) {
			t.Fatal("active on the node that revoked")
		}
		eventually(t, soon, "the key is refused on the other node", func() bool { return !b.active(t, key) })
	}
	auth, code := d.code(t)
	tokens := sure(t)(redemption(auth, code)(a))
	access := tokens.text("access_token")
	if !b.active(t, access) {
		t.Fatal("not active to begin with")
	}
	wantStatus(t, a.form(t, "/oauth2/revoke", auth.client, "token", tokens.text("refresh_token")), http.StatusOK)
	eventually(t, soon, "the access token of a revoked refresh token is inactive on the other node", func() bool { return !b.active(t, access) })
}

func TestJW14_TwoNodesThatRotateAtOnceMakeOneKey(t *testing.T) {
	t.Parallel()
	d := deploy(t, "postgres", "")
	a, b := d.spawn(t, strings.TrimPrefix(d.url, "http://")), d.spawn(t, counterpart.FreeAddress(t))
	a.waitReady(t)
	b.waitReady(t)
	seen := make(map[string]bool)
	hours := counts(14, 72)
	for hour := range hours {
		first, second := keySet(t, a), keySet(t, b)
		if first != second {
			t.Fatalf("hour %d: the nodes publish different keys:\n%s\n%s", hour, first, second)
		}
		for _, key := range keyNames.FindAllString(first, -1) {
			seen[key] = true
		}
		var group sync.WaitGroup
		for _, n := range []*node{a, b} {
			group.Go(func() { n.advance(t, "1h") })
		}
		group.Wait()
	}
	// For each of two algorithms a key every six hours, and one ahead.
	if least, most := 2*(hours/6+1), 2*(hours/6+2); len(seen) < least || len(seen) > most {
		t.Errorf("%d keys were made in %d hours, want %d to %d", len(seen), hours, least, most)
	}
}

var keyNames = regexp.MustCompile(`"kid":"[^"]+"`)

func (n *node) advance(t testing.TB, by string) {
	t.Helper()
	resp, err := http.Post("http://"+n.operator+"/debug/clock", "application/json", strings.NewReader(`{"advance":"`+by+`"}`))
	if err != nil {
		t.Error(err)
		return
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("moving the clock: %s", resp.Status)
	}
}

func keySet(t testing.TB, n *node) string {
	t.Helper()
	a := sure(t)(n.try(http.MethodGet, "/.well-known/jwks.json", ""))
	wantStatus(t, a, http.StatusOK)
	return a.body
}
