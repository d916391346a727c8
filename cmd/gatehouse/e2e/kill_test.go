package e2e_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// fate is what is known of something a client asked for.
type fate int

const (
	unknown fate = iota // asked and not answered: it may have happened
	living              // acknowledged
	dead                // its end was acknowledged
)

// written is what a client knows of its writes: the text is a key or a token.
type written struct {
	id, text string
	fate     fate
}

// writer writes until its node dies, and remembers every acknowledgement.
type writer struct {
	n             *node
	keys, tokens  []*written
	refresh       client
	used          []string // refresh tokens whose successor was acknowledged
	current       string
	access        string
	acknowledged  int
	unanswered    int
	unexpected    []string
	authorization authorization
	code          string
}

// ask tells whether the act was acknowledged; a writer that is not answered ends.
func (w *writer) ask(want int, a answer, err error) bool {
	switch {
	case err != nil || a.status == 0:
		w.unanswered++
		return false
	case a.status != want:
		w.unexpected = append(w.unexpected, a.body)
		return false
	}
	w.acknowledged++
	return true
}

func (w *writer) createAndRevokeKeys(ctx context.Context) {
	d := w.n.d
	for n := 0; ctx.Err() == nil; n++ {
		a, err := w.n.tryManage(http.MethodPost, d.KeysPath, d.keyBody())
		if !w.ask(http.StatusCreated, a, err) {
			return
		}
		k := &written{id: a.text("id"), text: a.text("key"), fate: living}
		w.keys = append(w.keys, k)
		if n%2 == 0 {
			continue
		}
		k.fate = unknown
		a, err = w.n.tryManage(http.MethodDelete, d.KeysPath+"/"+k.id+"?workspace_id="+d.WorkspaceID, "")
		if !w.ask(http.StatusOK, a, err) {
			return
		}
		k.fate = dead
	}
}

func (w *writer) issueAndRevokeTokens(ctx context.Context) {
	c := w.n.d.Clients.Service
	for n := 0; ctx.Err() == nil; n++ {
		a, err := w.n.tryForm("/oauth2/token", c, "grant_type", "client_credentials")
		if !w.ask(http.StatusOK, a, err) {
			return
		}
		token := &written{text: a.text("access_token"), fate: living}
		w.tokens = append(w.tokens, token)
		if n%2 == 0 {
			continue
		}
		token.fate = unknown
		a, err = w.n.tryForm("/oauth2/revoke", c, "token", token.text)
		if !w.ask(http.StatusOK, a, err) {
			return
		}
		token.fate = dead
	}
}

func (w *writer) rotateRefreshTokens(ctx context.Context) {
	for ctx.Err() == nil {
		a, err := w.n.tryForm("/oauth2/token", w.refresh, "grant_type", "refresh_token", "refresh_token", w.current)
		if !w.ask(http.StatusOK, a, err) {
			return
		}
		w.used = append(w.used, w.current)
		w.current, w.access = a.text("refresh_token"), a.text("access_token")
	}
}

// writeUntilKilled lets three clients write and kills the node at a random
// moment.
func (d *deployment) writeUntilKilled(t *testing.T, n *node) *[3]writer {
	t.Helper()
	auth, code := d.code(t)
	first := sure(t)(redemption(auth, code)(n))
	wantStatus(t, first, http.StatusOK)
	w := &[3]writer{{n: n}, {n: n}, {
		n: n, refresh: auth.client, current: first.text("refresh_token"), access: first.text("access_token"), authorization: auth, code: code,
	}}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var group sync.WaitGroup
	group.Go(func() { w[0].createAndRevokeKeys(ctx) })
	group.Go(func() { w[1].issueAndRevokeTokens(ctx) })
	group.Go(func() { w[2].rotateRefreshTokens(ctx) })
	moment := time.NewTimer(time.Duration(5+rand.IntN(496)) * time.Millisecond)
	<-moment.C
	n.end(syscall.SIGKILL)
	stop()
	group.Wait()
	return w
}

func TestEveryAcknowledgedWriteOutlivesAKill(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"sqlite", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			d := deploy(t, driver, "")
			n := d.start(t)
			d.populate(t, n)
			var keys []*written
			acknowledged, unanswered := 0, 0
			rounds := counts(8, 50)
			for range rounds {
				w := d.writeUntilKilled(t, n)
				n = d.start(t)
				for i := range w {
					acknowledged, unanswered = acknowledged+w[i].acknowledged, unanswered+w[i].unanswered
					if len(w[i].unexpected) > 0 {
						t.Errorf("unexpected answers: %v", w[i].unexpected)
					}
				}
				holdsStill(t, n, append(w[0].keys, w[1].tokens...))
				staysConsumed(t, n, &w[2])
				keys = append(keys, w[0].keys...)
			}
			t.Logf("%d kills, %d writes acknowledged, %d unanswered", rounds, acknowledged, unanswered)
			n.end(syscall.SIGKILL)
			d.hasNoHalves(t, keys)
		})
	}
}

func holdsStill(t *testing.T, n *node, all []*written) {
	t.Helper()
	for _, w := range all {
		active := n.active(t, w.text)
		if w.fate == living && !active || w.fate == dead && active {
			t.Errorf("%.12s… was acknowledged as %v and is active: %v", w.text, w.fate, active)
		}
	}
}

// staysConsumed asks last for what ends the family.
func staysConsumed(t *testing.T, n *node, w *writer) {
	t.Helper()
	again := func(token string) answer {
		return n.form(t, "/oauth2/token", w.refresh, "grant_type", "refresh_token", "refresh_token", token)
	}
	next := again(w.current)
	wantStatus(t, next, http.StatusOK) // whether or not the kill hid an answer to it
	if len(w.used) > 0 {
		wantError(t, again(w.used[0]), http.StatusBadRequest, "invalid_grant")
	} else {
		got, err := redemption(w.authorization, w.code)(n)
		wantError(t, sure(t)(got, err), http.StatusBadRequest, "invalid_grant")
	}
	if n.active(t, next.text("access_token")) || n.active(t, w.access) {
		t.Error("reuse of what was consumed before the kill did not end the family")
	}
}

// hasNoHalves compares keys and audit entries as the database holds them.
func (d *deployment) hasNoHalves(t *testing.T, known []*written) {
	t.Helper()
	s, err := storage.Open(t.Context(), storage.Config{
		Driver: d.driver, Path: filepath.Join(d.dir, "gatehouse.db"), DSN: d.dsn, Clock: authz.SystemClock{},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	keys, audit := d.keysIn(t, s), d.auditIn(t, s)
	for _, w := range known {
		k, ok := keys[w.id]
		if !ok || w.fate == dead && k.State != authz.Revoked || w.fate == living && k.State != authz.Active {
			t.Errorf("%s: stored %v as %q, acknowledged as %v", w.id, ok, k.State, w.fate)
		}
	}
	for id, k := range keys {
		wantRevoked := 0
		if k.State == authz.Revoked {
			wantRevoked = 1
		}
		if audit["api_key.created "+id] != 1 || audit["api_key.revoked "+id] != wantRevoked {
			t.Errorf("%s is %s with %d entries of its creation and %d of its revocation",
				id, k.State, audit["api_key.created "+id], audit["api_key.revoked "+id])
		}
	}
	created := 0
	for entry := range audit {
		if len(entry) > 16 && entry[:16] == "api_key.created " {
			created++
		}
	}
	if created != len(keys) || len(keys) < len(known) {
		t.Errorf("%d keys are stored, %d are in the audit trail, %d were acknowledged", len(keys), created, len(known))
	}
}

func (d *deployment) keysIn(t *testing.T, s *storage.Store) map[string]authz.APIKey {
	t.Helper()
	keys := make(map[string]authz.APIKey)
	var page authz.Page
	for {
		rows, err := s.ListAPIKeys(t.Context(), "uptimepulse", authz.WorkspaceID(d.WorkspaceID), authz.KeyFilter{}, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range rows {
			keys[string(k.ID)] = k
			page.After = authz.Position{CreatedAt: k.CreatedAt, ID: string(k.ID)}
		}
		if len(rows) < page.Rows() {
			return keys
		}
	}
}

// auditIn counts the workspace's audit entries by type and target.
func (d *deployment) auditIn(t *testing.T, s *storage.Store) map[string]int {
	t.Helper()
	audit := make(map[string]int)
	var page authz.Page
	for {
		rows, err := s.ListAudit(t.Context(), "uptimepulse", authz.WorkspaceID(d.WorkspaceID), page)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range rows {
			audit[e.Type+" "+e.Target]++
			page.After = authz.Position{CreatedAt: e.Time, ID: e.ID}
		}
		if len(rows) < page.Rows() {
			return audit
		}
	}
}
