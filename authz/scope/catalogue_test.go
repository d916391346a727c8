package scope_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/credential"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/scope"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const issuer = authz.IssuerName("uptimepulse")

var operator = authz.Principal{Issuer: issuer, Subject: "sa_operator", Scopes: []string{scope.ScopeManage}}

// node is one process of several on one database.
type node struct {
	*scope.Catalogue
	store  *storage.Store
	epochs *credential.Epochs
	reads  atomic.Int64 // statements
}

func newNode(t *testing.T, cfg storage.Config) *node {
	t.Helper()
	n := &node{epochs: credential.NewEpochs()}
	cfg.Clock, cfg.AutoMigrate, cfg.OnMoved, cfg.Observe = authz.SystemClock{}, true, n.epochs.Bump, func(string) { n.reads.Add(1) }
	n.store = made(storage.Open(t.Context(), cfg))(t)
	t.Cleanup(func() { _ = n.store.Close() })
	n.Catalogue = made(scope.New(scope.Config{
		Issuer: issuer, BuiltIn: []authz.Scope{{Kind: authz.KeyScope, Name: "monitor:read"}, {Kind: authz.ClientScope, Name: "openid"}},
		Store: n.store, Outbox: made(event.NewOutbox(issuer, n.store, []string{"sink"}))(t), Clock: authz.SystemClock{}, Epochs: n.epochs, Lease: credential.ForeverLease(),
	}))(t)
	return n
}

// made returns the value, or ends the test.
func made[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func key(name string) authz.Scope {
	return authz.Scope{Kind: authz.KeyScope, Name: name, Description: "What it allows"}
}

// A scope that is added, and one that is retired, is known to every node as soon
// as it hears of it, and what is remembered of credentials is old then.
func TestEveryNodeHearsOfOtherScopes(t *testing.T) {
	dsn := storagetest.PostgresWithSchema(t)
	here := newNode(t, storage.Config{Driver: storage.Postgres, DSN: dsn})
	there := newNode(t, storage.Config{Driver: storage.Postgres, DSN: dsn})
	ctx := t.Context()
	_, pos, err := there.store.NodeEventsSince(ctx, storage.EventPosition{})
	if err != nil {
		t.Fatal(err)
	}
	looks := 0
	remembered := credential.NewMemory[int](there.epochs, credential.ForeverLease(), 10, nil)
	look := func() int {
		return made(remembered.Get([32]byte{1}, func() (int, []authz.NodeRef, error) {
			looks++
			return 0, []authz.NodeRef{{Kind: authz.APIKeyNode, ID: "key_1"}}, nil
		}))(t)
	}
	hears := func() {
		moved, next, err := there.store.NodeEventsSince(ctx, pos)
		if err != nil {
			t.Fatal(err)
		}
		pos = next
		there.epochs.Bump(moved)
		look()
	}
	gives := func(when string, want bool) {
		t.Helper()
		for _, n := range []*node{here, there} {
			if _, got := made(n.Current(ctx))(t).Find(authz.KeyScope, "reports:read"); got != want {
				t.Errorf("%s: given %v", when, got)
			}
		}
	}
	gives("before", false)
	look()
	made(here.Create(ctx, operator, 0, key("reports:read"), ""))(t)
	hears()
	gives("added", true)
	if looks != 1 {
		t.Errorf("adding a scope voids what credentials are remembered: %d looks", looks)
	}
	made(here.Retire(ctx, operator, 0, "reports:read", ""))(t)
	hears()
	gives("retired", false)
	if looks != 2 {
		t.Errorf("retired: %d looks at a credential", looks)
	}
	made(there.Rollback(ctx, operator, 0, 0, ""))(t)
	if here.epochs.Bump([]authz.NodeRef{authz.ScopesRef(issuer)}); looks != 2 {
		t.Errorf("%d looks", looks)
	}
	gives("rolled back", true)
}

// Of many who change the scopes at once some are told to look again: nothing is
// lost, and each change that was made is in the audit, once.
func TestManyWhoAddScopesAtOnceLoseNothing(t *testing.T) {
	for name, open := range map[string]func(*testing.T) storage.Config{
		"sqlite": func(t *testing.T) storage.Config {
			return storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"}
		},
		"postgres": func(t *testing.T) storage.Config {
			return storage.Config{Driver: storage.Postgres, DSN: storagetest.PostgresWithSchema(t)}
		},
	} {
		t.Run(name, func(t *testing.T) {
			n, ctx := newNode(t, open(t)), t.Context()
			const many = 12
			outcomes := make([]error, many)
			var all sync.WaitGroup
			for i := range many {
				all.Go(func() { _, outcomes[i] = n.Create(ctx, operator, 0, key(fmt.Sprintf("s%d:read", i)), "") })
			}
			all.Wait()
			known, done := made(n.Current(ctx))(t), 0
			for i, err := range outcomes {
				_, there := known.Find(authz.KeyScope, fmt.Sprintf("s%d:read", i))
				switch {
				case err == nil && there:
					done++
				case errors.Is(err, authz.ErrStale) && !there:
				default:
					t.Errorf("%d: %v, there: %v", i, err, there)
				}
			}
			entries := made(n.store.ListAudit(ctx, issuer, "", authz.Page{Limit: 100}))(t)
			if done == 0 || len(entries) != done || known.Version() != int64(done) {
				t.Errorf("%d were added, %d entries, version %d", done, len(entries), known.Version())
			}
		})
	}
}

// What is remembered costs no statement.
func TestScopesThatDoNotChangeAreReadOnce(t *testing.T) {
	n := newNode(t, storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"})
	made(n.Current(t.Context()))(t)
	n.reads.Store(0)
	for range 100 {
		made(n.Current(t.Context()))(t)
	}
	if reads := n.reads.Load(); reads != 0 {
		t.Errorf("%d statements", reads)
	}
}

// A later file that has a name that was added before is the stronger, and no
// number of changes keeps more than a hundred of them.
func TestTheFileIsStrongerAndTheHistoryIsBounded(t *testing.T) {
	cfg := storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(t), Synchronous: "normal"}
	n, ctx := newNode(t, cfg), t.Context()
	made(n.Create(ctx, operator, 0, key("reports:read"), ""))(t)
	made(n.Retire(ctx, operator, 0, "reports:read", ""))(t)
	later := made(scope.New(scope.Config{
		Issuer: issuer, BuiltIn: []authz.Scope{{Kind: authz.KeyScope, Name: "reports:read", Description: "By the file"}},
		Store: n.store, Outbox: made(event.NewOutbox(issuer, n.store, []string{"sink"}))(t), Clock: authz.SystemClock{}, Epochs: n.epochs, Lease: credential.ForeverLease(),
	}))(t)
	s := made(later.Current(ctx))(t)
	if found, ok := s.Find(authz.KeyScope, "reports:read"); !ok || !found.BuiltIn || s.Retired("reports:read") || len(s.All()) != 1 {
		t.Errorf("%+v", s.All())
	}
	if _, err := later.Retire(ctx, operator, 0, "reports:read", ""); authz.CodeOf(err) != "scope_built_in" {
		t.Errorf("retired over the API: %v", err)
	}
	for i := range 110 {
		text := fmt.Sprint("Description ", i)
		if i == 0 {
			made(n.Create(ctx, operator, 0, key("other:read"), ""))(t)
		}
		made(n.Update(ctx, operator, 0, "other:read", scope.Change{Description: &text}, ""))(t)
	}
	versions := made(n.Versions(ctx, operator, 0, 500))(t)
	if len(versions) != 100 {
		t.Errorf("%d versions are kept", len(versions))
	}
	if _, err := n.Rollback(ctx, operator, 0, 1, ""); !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("back to what is forgotten: %v", err)
	}
}

func BenchmarkCurrent(b *testing.B) {
	store := made(storage.Open(b.Context(), storage.Config{Driver: storage.SQLite, Path: storagetest.SQLite(b), Synchronous: "normal", Clock: authz.SystemClock{}, AutoMigrate: true}))(b)
	defer func() { _ = store.Close() }()
	c := made(scope.New(scope.Config{
		Issuer: issuer, BuiltIn: []authz.Scope{{Kind: authz.KeyScope, Name: "monitor:read"}}, Store: store,
		Outbox: made(event.NewOutbox(issuer, store, nil))(b), Clock: authz.SystemClock{}, Epochs: credential.NewEpochs(), Lease: credential.ForeverLease(),
	}))(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Current(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
