package web_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

// countingHasher counts how often what people choose is looked at.
type countingHasher struct {
	*secret.Hasher
	looked atomic.Int64
}

func (c *countingHasher) VerifyHuman(ctx context.Context, stored string, text authz.Secret) (match, rehash bool, err error) {
	c.looked.Add(1)
	return c.Hasher.VerifyHuman(ctx, stored, text)
}

// Whoever guesses passwords without a code must not learn by the time of the
// answer that one was right: hashes and statements are the same, in the same
// order.
func TestMF_07_ARightPasswordCostsWhatAWrongOneDoes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, shown := h.browser().accept(h.invite("", authz.OperatorAccount, "operator"), goodPassword)
	used := shownCode.FindStringSubmatch(shown.Body.String())[1]
	h.clock.Advance(time.Minute)
	if w := h.browser().post("/operator/signin", url.Values{"login": {"operator"}, "password": {goodPassword}, "code": {used}}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %.600s", w.Code, w.Body)
	}
	cost := func(login, password, code string) (hashes int64, asked string) {
		before := h.hasher.looked.Load()
		h.statements.take()
		w := h.browser().post("/operator/signin", url.Values{"login": {login}, "password": {password}, "code": {code}})
		if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not accepted") {
			t.Errorf("%s, %s: %d %.600s", login, code, w.Code, w.Body)
		}
		return h.hasher.looked.Load() - before, shapes(h.statements.take())
	}
	for _, login := range []string{"operator", "nobody"} { // what is counted has its rows from here on
		for _, code := range []string{"000000", "ZZZZ-ZZZZ-ZZZZ"} {
			for _, password := range []string{goodPassword, "wrong horse battery staple"} {
				cost(login, password, code)
			}
		}
	}
	for what, code := range map[string]struct {
		text   string
		hashes int64
	}{
		"an app's code": {"000000", 1}, "no code": {"", 1}, "a recovery code": {"ZZZZ-ZZZZ-ZZZZ", 2}, "what is neither": {"nothing of the kind", 1}, "a short one": {"12", 1},
	} {
		h.clock.Advance(50 * time.Hour) // nothing is counted any more
		right, wanted := cost("operator", goodPassword, code.text)
		if right != code.hashes {
			t.Errorf("%s: %d hashes for a right password", what, right)
		}
		for name, login := range map[string]string{"a wrong password": "operator", "nobody's": "nobody"} {
			h.clock.Advance(50 * time.Hour)
			if hashes, asked := cost(login, "wrong horse battery staple", code.text); hashes != right || asked != wanted {
				t.Errorf("%s, %s: %d hashes and\n%s\na right one: %d and\n%s", what, name, hashes, asked, right, wanted)
			}
		}
	}
	// Somebody else's tries do not count against the person.
	for range 8 {
		h.browser().post("/operator/signin", url.Values{"login": {"operator"}, "password": {"wrong horse battery staple"}, "code": {"ZZZZ-ZZZZ-ZZZZ"}})
	}
	h.clock.Advance(50 * time.Hour)
	again := shownCode.FindAllStringSubmatch(shown.Body.String(), -1)[1][1]
	if w := h.browser().post("/operator/signin", url.Values{"login": {"operator"}, "password": {goodPassword}, "code": {again}}); w.Code != http.StatusSeeOther {
		t.Errorf("the person: %d %.600s", w.Code, w.Body)
	}
}

// shapes are statements without their values.
func shapes(statements []string) string {
	shape := regexp.MustCompile(`(?s)'[^']*'|"[^"]*"|\b[0-9]+\b`)
	for n, s := range statements {
		statements[n] = shape.ReplaceAllString(s, "?")
	}
	return strings.Join(statements, "\n")
}
