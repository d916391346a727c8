package storage_test

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func benchBoth(b *testing.B, run func(*testing.B, *storage.Store, authz.Grant)) {
	b.Run("sqlite", func(b *testing.B) { s := open(b, onSQLite(b)); run(b, s, benchGrant(b, s)) })
	b.Run("postgres", func(b *testing.B) { s := open(b, onPostgres(b)); run(b, s, benchGrant(b, s)) })
}

// benchGrant is a grant below a few ancestors that exist.
func benchGrant(b *testing.B, s *storage.Store) authz.Grant {
	b.Helper()
	now := authz.SystemClock{}.Now()
	g := authz.Grant{
		ID: authz.NewGrantID(now), Issuer: "up", AccountID: authz.AccountID(account(b, s).ID), WorkspaceID: authz.NewWorkspaceID(),
		ClientID: authz.NewClientID(), UserID: authz.NewUserID(), Scopes: []string{"openid"}, State: authz.Active, CreatedAt: now,
	}
	c := authz.Client{ID: g.ClientID, Issuer: "up", WorkspaceID: g.WorkspaceID, State: authz.Active, CreatedAt: now, UpdatedAt: now}
	w := authz.Workspace{ID: g.WorkspaceID, Issuer: "up", AccountID: g.AccountID, State: authz.Active, CreatedAt: now, UpdatedAt: now}
	u := authz.User{ID: g.UserID, Issuer: "up", State: authz.Active, CreatedAt: now, UpdatedAt: now}
	for _, err := range []error{
		s.CreateWorkspace(b.Context(), w), s.CreateClient(b.Context(), c, nil), s.CreateGrant(b.Context(), g),
		s.CreateUser(b.Context(), u, authz.UpstreamIdentity{Issuer: "up", ConnectionID: "c", Side: authz.OIDCSide, Subject: "s", UserID: u.ID}),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	return g
}

func benchToken(g authz.Grant) authz.AccessToken {
	t := authz.AccessToken{
		Issuer: g.Issuer, GrantID: g.ID, Scopes: g.Scopes, State: authz.Active, IssuedAt: g.CreatedAt,
		ExpiresAt: g.CreatedAt.Add(time.Hour),
	}
	_, _ = rand.Read(t.Digest[:]) // never fails since Go 1.24
	return t
}

// BenchmarkGetAccessToken reads a token with its grant and ancestors.
func BenchmarkGetAccessToken(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *storage.Store, g authz.Grant) {
		tokens := make([]authz.AccessToken, 1000)
		for i := range tokens {
			tokens[i] = benchToken(g)
			if err := s.CreateAccessToken(b.Context(), tokens[i]); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, _, _, err := s.GetAccessToken(b.Context(), "up", tokens[i%len(tokens)].Digest); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkIssueToken writes a token and its audit entry in one transaction,
// on the disk when it returns.
func BenchmarkIssueToken(b *testing.B) {
	benchBoth(b, func(b *testing.B, s *storage.Store, g authz.Grant) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				err := s.InTx(b.Context(), func(ctx context.Context) error {
					if err := s.CreateAccessToken(ctx, benchToken(g)); err != nil {
						return err
					}
					return s.AppendAudit(ctx, authz.AuditEntry{Issuer: "up", WorkspaceID: g.WorkspaceID, Type: "token.issued"})
				})
				if err != nil {
					b.Error(err)
				}
			}
		})
	})
}
