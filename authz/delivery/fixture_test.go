package delivery_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
	"github.com/gatehouse-auth/gatehouse/authz/event"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/storage"
	"github.com/gatehouse-auth/gatehouse/storage/storagetest"
)

const up = authz.IssuerName("uptimepulse")

// house is an issuer with keys and destinations over a real database.
type house struct {
	*testing.T
	path       string
	store      *storage.Store
	clock      *authz.StandingClock
	keys       *apikey.Keys
	deliveries *delivery.Deliveries
	ws         authz.Workspace
	operator   authz.Principal
	// replaced stands for a carrier of stores of secrets.
	carriers map[authz.DestinationKind]delivery.Carrier
}

func made[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func (h *house) ok(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{T: t, path: storagetest.SQLite(t), clock: authz.NewStandingClock()}
	h.store = made(storage.Open(t.Context(), storage.Config{Driver: storage.SQLite, Path: h.path, Clock: h.clock, AutoMigrate: true}))(t)
	t.Cleanup(func() { _ = h.store.Close() })
	ring := made(secret.NewKeyring([]secret.Root{{ID: "r1", Key: bytes.Repeat([]byte("r"), 32)}}))(t)
	outbox := made(event.NewOutbox(up, h.store, []string{"sink"}))(t)
	client := outbound.NewClient(outbound.Config{AllowPrivate: loopback})
	h.carriers = map[authz.DestinationKind]delivery.Carrier{authz.WebhookDestination: delivery.Webhooks{
		Client: client, Clock: h.clock, CheckURL: func(url string) error { return outbound.CheckURL(url, loopback...) },
	}}
	h.deliveries = made(delivery.New(delivery.Config{Issuer: up, Store: h.store, Outbox: outbox, Sealer: ring, Clock: h.clock, Carriers: h.carriers}))(t)
	h.keys = made(apikey.New(apikey.Config{
		Issuer: up, Prefix: "up", Scopes: scopes, Quarantine: 30 * 24 * time.Hour,
		Grace: 72 * time.Hour, DefaultTier: "standard", Store: h.store, Outbox: outbox, Sealer: ring, TagKeys: ring.DeriveAll("api key tag"), Clock: h.clock,
		Hasher:     made(secret.NewHasher(secret.Config{Keyring: ring, Machine: secret.Params{MemoryKiB: 64, Passes: 1, Threads: 1}, Wait: time.Minute}))(t),
		Deliveries: h.deliveries,
	}))(t)
	h.ws = h.workspace()
	h.operator = authz.Principal{Issuer: up, Subject: "operator", Scopes: []string{"manage:keys"}, Delegation: &authz.Delegation{Issuer: up, Scopes: []string{"*"}}}
	return h
}

func (h *house) workspace() authz.Workspace {
	h.Helper()
	now := h.clock.Now()
	account := authz.Account{ID: authz.NewAccountID(), Issuer: up, Name: "Account", State: authz.Active, CreatedAt: now}
	ws := authz.Workspace{ID: authz.NewWorkspaceID(), Issuer: up, AccountID: account.ID, Name: "Workspace", State: authz.Active, CreatedAt: now, UpdatedAt: now}
	h.ok(h.store.CreateAccount(h.Context(), account))
	h.ok(h.store.CreateWorkspace(h.Context(), ws))
	return ws
}

// receiver is the customer's: it checks signatures, opens what it is sent with
// its private key, and answers as it is told.
type receiver struct {
	*httptest.Server
	private *ecdsa.PrivateKey
	jwk     json.RawMessage

	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	id, timestamp, signature string
	body                     []byte
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{status: http.StatusNoContent, private: made(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))(t)}
	r.jwk = made(jose.JSONWebKey{Key: r.private.Public(), KeyID: "mine", Use: "enc"}.MarshalJSON())(t)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		defer r.mu.Unlock()
		r.got = append(r.got, received{q.Header.Get("webhook-id"), q.Header.Get("webhook-timestamp"), q.Header.Get("webhook-signature"), body})
		w.WriteHeader(r.status)
		_, _ = w.Write([]byte("the receiver's own words"))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answers(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

func (r *receiver) all() []received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// signedBy reports whether one of the signatures is of the secret.
func (m received) signedBy(secret authz.Secret) bool {
	key, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret.Reveal(), "whsec_"))
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(m.id + "." + m.timestamp + "."))
	_, _ = mac.Write(m.body)
	return slices.Contains(strings.Split(m.signature, " "), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

// data is what the event says in the clear.
func (m received) data(t *testing.T) (envelope struct {
	ID, Type string
	Data     struct {
		KeyID         authz.KeyID `json:"key_id"`
		PredecessorID authz.KeyID `json:"predecessor_id"`
		KID, JWE      string
	}
}) {
	t.Helper()
	if err := json.Unmarshal(m.body, &envelope); err != nil {
		t.Fatal(err)
	}
	return envelope
}

// open is the text of the key that was sent.
func (r *receiver) open(t *testing.T, m received) map[string]string {
	t.Helper()
	sealed := made(jose.ParseEncryptedCompact(m.data(t).Data.JWE, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM}))(t)
	if sealed.Header.ExtraHeaders["typ"] != "gatehouse-key+jwe" {
		t.Errorf("typ %v", sealed.Header.ExtraHeaders["typ"])
	}
	var content map[string]string
	if err := json.Unmarshal(made(sealed.Decrypt(r.private))(t), &content); err != nil {
		t.Fatal(err)
	}
	return content
}

// webhook registers the receiver.
func (h *house) webhook(r *receiver) (authz.Destination, authz.Secret) {
	h.Helper()
	name := "backend"
	d, secret, err := h.deliveries.Create(h.Context(), h.operator, h.ws.ID, delivery.Settings{
		Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: r.URL, JWK: r.jwk},
	})
	h.ok(err)
	return d, secret
}

// key mints a key whose successors are brought to the destination.
func (h *house) key(to authz.DestinationID) (authz.APIKey, authz.Secret) {
	h.Helper()
	key, text, err := h.keys.Mint(h.Context(), h.operator, authz.Origin{}, apikey.Request{
		Name: "a key", WorkspaceID: h.ws.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}, RotateEvery: 90 * 24 * time.Hour, Delivery: to,
	})
	h.ok(err)
	return key, text
}

// due lets the schedule replace the keys.
func (h *house) due() {
	h.Helper()
	h.clock.Advance(90*24*time.Hour + time.Second)
	if n := made(h.keys.RotateDue(h.Context()))(h.T); n == 0 {
		h.Fatal("nothing was due")
	}
}

// carry is one step of the dispatcher: it tries what is due, and says how many.
func (h *house) carry() int {
	h.Helper()
	ctx, q := h.Context(), h.deliveries.Queue()
	due := made(q.ClaimDeliveries(ctx, h.clock.Now(), time.Minute, 100))(h.T)
	for _, d := range due {
		h.ok(settled(ctx, q, h.deliveries, d, h.clock.Now()))
	}
	return len(due)
}

func settled(ctx context.Context, q delivery.Queue, sink event.Sink, d authz.Delivery, now time.Time) error {
	err := sink.Deliver(ctx, d.Event)
	if err == nil {
		return q.CompleteDelivery(ctx, d.ID, d.Sink)
	}
	if f, ok := errors.AsType[*event.Failure](err); ok && f.Permanent || d.Attempts >= 5 {
		return q.BuryDelivery(ctx, d.ID, d.Sink, err.Error())
	}
	return q.RetryDelivery(ctx, d.ID, d.Sink, now.Add(time.Minute), err.Error())
}

// rotation is how far the rotation of a key is, and its delivery.
func (h *house) rotation(id authz.KeyID) (apikey.Progress, authz.KeyDelivery) {
	h.Helper()
	p := made(h.keys.Progress(h.Context(), h.operator, h.ws.ID, id))(h.T)
	return p, made(h.deliveries.Of(h.Context(), h.operator, h.ws.ID, p.New.ID))(h.T)
}

func (h *house) entries(typ string) []authz.AuditEntry {
	h.Helper()
	all := made(h.store.ListAudit(h.Context(), up, h.ws.ID, authz.Page{Limit: 500}))(h.T)
	return slices.DeleteFunc(all, func(e authz.AuditEntry) bool { return e.Type != typ })
}

// itself is who the text speaks for.
func (h *house) itself(text authz.Secret) authz.Principal {
	h.Helper()
	key, _, err := h.keys.Authenticate(h.Context(), text)
	h.ok(err)
	return authz.Principal{
		Issuer: up, WorkspaceID: key.WorkspaceID, AccountID: key.AccountID, Subject: string(key.ServiceAccountID), KeyID: key.ID, KeyItself: true,
		Environment: key.Environment, Scopes: key.Scopes,
	}
}

// scopes are the issuer's.
func scopes(context.Context) (*authz.Scopes, error) {
	return authz.NewScopes([]authz.Scope{{Kind: authz.KeyScope, Name: "monitor:read"}, {Kind: authz.KeyScope, Name: "manage:keys"}}, authz.ScopesVersion{}), nil
}
