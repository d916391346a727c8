package apikey_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const (
	up = authz.IssuerName("uptimepulse")
	sp = authz.IssuerName("statuspulse")
)

// house is two issuers over one real database.
type house struct {
	t      testing.TB
	path   string
	store  *storage.Store
	clock  *authz.StandingClock
	ring   *secret.Keyring
	keys   *apikey.Keys // of up
	others *apikey.Keys // of sp
	// ws and neighbour are workspaces of up, foreign is one of sp.
	ws, neighbour, foreign authz.Workspace
	operator               authz.Principal
	operatorText           authz.Secret
}

func newHouse(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, path: storagetest.SQLite(t), clock: authz.NewStandingClock()}
	h.store = must(storage.Open(t.Context(), storage.Config{Driver: storage.SQLite, Path: h.path, Clock: h.clock, AutoMigrate: true}))(t)
	t.Cleanup(func() { _ = h.store.Close() })
	h.ring = must(secret.NewKeyring([]secret.Root{{ID: "r1", Key: bytes.Repeat([]byte("r"), 32)}}))(t)
	h.keys = must(apikey.New(h.config(up, "up")))(t)
	h.others = must(apikey.New(h.config(sp, "sp")))(t)
	h.ws, h.neighbour, h.foreign = h.workspace(up), h.workspace(up), h.workspace(sp)
	h.operator, h.operatorText = h.newOperator(time.Time{})
	return h
}

// must returns the value, or ends the test.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (h *house) hasher(p secret.Params) *secret.Hasher {
	h.t.Helper()
	return must(secret.NewHasher(secret.Config{Keyring: h.ring, Machine: p, Wait: time.Minute}))(h.t)
}

func (h *house) config(issuer authz.IssuerName, prefix string) apikey.Config {
	h.t.Helper()
	return apikey.Config{
		Issuer: issuer, Prefix: prefix,
		Scopes: scopes(
			authz.Scope{Name: "monitor:read", Aliases: []string{"read:monitor", "product:monitor:read"}}, authz.Scope{Name: "monitor:write"}, authz.Scope{Name: "alert:read"},
			authz.Scope{Name: "config:admin", ExplicitOnly: true}, authz.Scope{Name: "admin:all", Aliases: []string{"all:admin"}}, authz.Scope{Name: "people:vote", PeopleOnly: true},
			authz.Scope{Name: "manage:keys"}, authz.Scope{Name: "manage:clients"}, authz.Scope{Name: "manage:workspace"},
		),
		Quarantine: 30 * 24 * time.Hour, Grace: 72 * time.Hour, Enforceable: 90 * 24 * time.Hour, DefaultTier: "standard", Tiers: []string{"bulk"},
		Store: h.store, Outbox: must(event.NewOutbox(issuer, h.store, []string{"sink"}))(h.t),
		Hasher:  h.hasher(secret.Params{MemoryKiB: 64, Passes: 1, Threads: 1}),
		Sealer:  h.ring,
		TagKeys: h.ring.DeriveAll("api key tag"), Clock: h.clock,
	}
}

// scopes are of keys.
func scopes(list ...authz.Scope) func(context.Context) (*authz.Scopes, error) {
	for i := range list {
		list[i].Kind = authz.KeyScope
	}
	fixed := authz.NewScopes(list, authz.ScopesVersion{})
	return func(context.Context) (*authz.Scopes, error) { return fixed, nil }
}

func (h *house) workspace(issuer authz.IssuerName) authz.Workspace {
	h.t.Helper()
	now := h.clock.Now()
	account := authz.Account{ID: authz.NewAccountID(), Issuer: issuer, Name: "Account", State: authz.Active, CreatedAt: now}
	ws := authz.Workspace{
		ID: authz.NewWorkspaceID(), Issuer: issuer, AccountID: account.ID, Name: "Workspace", State: authz.Active,
		CreatedAt: now, UpdatedAt: now,
	}
	h.check(h.store.CreateAccount(h.t.Context(), account))
	h.check(h.store.CreateWorkspace(h.t.Context(), ws))
	return ws
}

func (h *house) check(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// newOperator mints an operator key and returns who it speaks for.
func (h *house) newOperator(delegationEnds time.Time) (authz.Principal, authz.Secret) {
	h.t.Helper()
	_, text, err := h.keys.MintOperator(h.t.Context(), origin, apikey.OperatorRequest{Name: "operator", DelegationEndsAt: delegationEnds})
	h.check(err)
	return h.principal(text), text
}

var origin = authz.Origin{RequestID: "req_1", IP: "192.0.2.7", UserAgent: "test"}

// principal is who the text speaks for, as the hot path would say.
func (h *house) principal(text authz.Secret) authz.Principal {
	h.t.Helper()
	key, lineage, err := h.keys.Authenticate(h.t.Context(), text)
	h.check(err)
	if !lineage.Usable() {
		h.t.Fatal("authenticated with a dead ancestor")
	}
	p := authz.Principal{
		Issuer: key.Issuer, WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Subject: string(key.ServiceAccountID),
		ClientID: authz.ClientID(key.ServiceAccountID), KeyID: key.ID, KeyItself: true, Environment: key.Environment, Scopes: key.Scopes,
	}
	if key.Delegation != "" {
		d, err := h.store.GetDelegation(h.t.Context(), key.Issuer, key.Delegation)
		h.check(err)
		p.Delegation = &d
	}
	return p
}

// request is one that the operator may make.
func (h *house) request(change ...func(*apikey.Request)) apikey.Request {
	r := apikey.Request{Name: "a key", WorkspaceID: h.ws.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}}
	for _, c := range change {
		c(&r)
	}
	return r
}

// mint mints as the operator.
func (h *house) mint(change ...func(*apikey.Request)) (authz.APIKey, authz.Secret) {
	h.t.Helper()
	key, text, err := h.keys.Mint(h.t.Context(), h.operator, origin, h.request(change...))
	h.check(err)
	return key, text
}

// issuing mints a key that may mint others with the scopes, and returns who it
// speaks for.
func (h *house) issuing(scopes ...string) authz.Principal {
	h.t.Helper()
	_, text := h.mint(func(r *apikey.Request) {
		r.Scopes = []string{"manage:keys"}
		r.Delegation = &authz.Delegation{Scopes: scopes, ExpiresAt: h.clock.Now().Add(time.Hour)}
	})
	return h.principal(text)
}

// entries lists the workspace's audit entries of a type.
func (h *house) entries(ws authz.WorkspaceID, typ string) []authz.AuditEntry {
	h.t.Helper()
	all, err := h.store.ListAudit(h.t.Context(), up, ws, authz.Page{Limit: 500})
	h.check(err)
	return slices.DeleteFunc(all, func(e authz.AuditEntry) bool { return e.Type != typ })
}

// events takes the deliveries of a type out of the outbox.
func (h *house) events(typ string) []authz.Delivery {
	h.t.Helper()
	all, err := h.store.ClaimDeliveries(h.t.Context(), h.clock.Now(), time.Nanosecond, 500)
	h.check(err)
	h.clock.Advance(time.Millisecond)
	return slices.DeleteFunc(all, func(d authz.Delivery) bool { return d.Type != typ })
}

// refused checks kind, code and that the description does not quote words.
func refused(t *testing.T, name string, err error, kind authz.Kind, code string, words ...string) {
	t.Helper()
	e, ok := errors.AsType[*authz.Error](err)
	if !ok || e.Kind != kind || e.Code != code {
		t.Errorf("%s: %v, want %s of kind %d", name, err, code, kind)
		return
	}
	for _, w := range words {
		if w != "" && strings.Contains(e.Description, w) {
			t.Errorf("%s: the description quotes %q: %s", name, w, e.Description)
		}
	}
}
