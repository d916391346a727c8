package storage_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// A token whose audit entry cannot be stored is not stored either, whoever it
// was to be committed with; the others are.
func TestATokenWithoutItsAuditEntryIsNotKeptInABatch(t *testing.T) {
	s := open(t, onSQLite(t))
	now := authz.SystemClock{}.Now()
	g := authz.Grant{ID: authz.NewGrantID(time.Now()), Issuer: "up", ClientID: "c", Type: authz.GrantClientCredentials, State: authz.Active, CreatedAt: now}
	taken := authz.AuditEntry{ID: "evt_taken", Issuer: "up", Type: "x", Result: authz.Success}
	if err := s.CreateGrant(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if err := s.AppendAudit(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	issue := func(digest byte, entry authz.AuditEntry) error {
		return s.Issue(t.Context(), authz.Issuance{Issuer: "up", Audit: entry, Access: authz.AccessToken{
			Digest: [32]byte{digest}, Issuer: "up", GrantID: g.ID, State: authz.Active, IssuedAt: now, ExpiresAt: now.Add(time.Hour),
		}})
	}
	var all sync.WaitGroup
	inside, held := make(chan struct{}), make(chan struct{})
	all.Go(func() {
		if err := s.InTx(t.Context(), func(context.Context) error { close(inside); <-held; return nil }); err != nil {
			t.Error(err)
		}
	})
	<-inside
	var torn, whole error
	all.Go(func() { torn = issue(1, taken) })
	all.Go(func() { whole = issue(2, authz.AuditEntry{Issuer: "up", Type: "token.issued", Result: authz.Success}) })
	s.AwaitLine(2)
	close(held)
	all.Wait()
	if torn == nil || whole != nil {
		t.Fatalf("answered %v and %v", torn, whole)
	}
	if _, _, _, err := s.GetAccessToken(t.Context(), "up", [32]byte{1}); authz.KindOf(err) != authz.KindOf(authz.ErrNotFound) {
		t.Errorf("a token without an audit entry is there: %v", err)
	}
	if _, _, _, err := s.GetAccessToken(t.Context(), "up", [32]byte{2}); err != nil {
		t.Errorf("the token of the other is gone: %v", err)
	}
}
