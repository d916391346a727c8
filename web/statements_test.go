package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// statements counts what a store is asked, savepoints aside.
type statements struct {
	mu     sync.Mutex
	counts bool
	seen   []string
}

func (s *statements) observe(statement string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.counts {
		return
	}
	for _, not := range []string{"SAVEPOINT", "RELEASE", "ROLLBACK"} {
		if strings.HasPrefix(statement, not) {
			return
		}
	}
	s.seen = append(s.seen, statement)
}

// take returns what was asked since the last time; the first time it begins to
// count.
func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen, s.counts = nil, true
	return seen
}

func writing(seen []string) []string {
	var writes []string
	for _, s := range seen {
		if s = strings.TrimSpace(s); !strings.HasPrefix(strings.ToUpper(s), "SELECT") {
			writes = append(writes, s)
		}
	}
	return writes
}

// A code flow, from the authorization endpoint to the tokens, the upstream's
// leg included, is at most 20 statements (16, of which none reads a connection
// and one holds the identity against being taken away); a refresh is the 4 it writes.
func TestACodeFlowTakesFewStatements(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.tokens(h.browser()) // consent is remembered from here on
	h.statements.take()
	tokens := h.tokens(h.browser())
	seen := h.statements.take()
	if all := strings.Join(seen, "\n"); len(seen) > 16 || strings.Contains(all, "FROM connections") {
		t.Errorf("%d statements:\n%s", len(seen), all)
	}
	for range 2 {
		w := h.send("POST", "/oauth2/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens["refresh_token"]}}.Encode(),
			"Content-Type", form, "Authorization", h.basic())
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		tokens["refresh_token"] = member(w, "refresh_token")
		seen = h.statements.take()
		if writes := writing(seen); len(writes) > 4 || len(seen) > len(writes) {
			t.Errorf("a refresh is %d statements, of which it writes %d:\n%s", len(seen), len(writes), strings.Join(seen, "\n"))
		}
	}
}
