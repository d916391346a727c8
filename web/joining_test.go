package web_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// Whoever follows a join link where too many wait is told so: there is no client
// to send them to.
func TestJL_DS_05_WhereThereIsNoRoomALinkSaysSo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	now := h.clock.Now()
	for range 10 {
		h.ok(h.store.InTx(t.Context(), func(ctx context.Context) error {
			for range 300 {
				if err := h.store.CreateAuthorizationRequest(ctx, authz.AuthorizationRequest{
					ID: authz.NewID("ar"), Issuer: issuer, BrowserDigest: authz.Digest("b"), ArrivedAt: now, ExpiresAt: now.Add(15 * time.Minute), State: authz.Active,
				}); err != nil {
					return err
				}
			}
			return nil
		}))
	}
	w := i.post("/join", url.Values{"token": {i.token}})
	if w.Code != http.StatusTooManyRequests || w.Header().Get("Retry-After") == "" || w.Header().Get("Location") != "" {
		t.Errorf("%d %v %.300s", w.Code, w.Header(), w.Body)
	}
}

// What must be done within minutes is not drawn out by a longer attempt.
func TestJL_ALongAttemptDrawsOutNoLink(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	i := h.joinLink()
	h.connection = i.d.connection
	h.with(func(c *authz.Connection) { c.Numbers.AttemptMinutes = 30 })
	a := i.leaves(i.browser)
	h.clock.Advance(10*time.Minute + time.Second)
	if w := i.d.post(i.d.answer(a, nil)); w.Code == http.StatusSeeOther {
		t.Errorf("ten minutes later the directory's answer leads to %s", w.Header().Get("Location"))
	}
}
