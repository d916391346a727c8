package delivery_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
)

func refused(t *testing.T, what string, err error, kind authz.Kind, says string) {
	t.Helper()
	e, ok := errors.AsType[*authz.Error](err)
	if !ok || e.Kind != kind || !strings.Contains(e.Code+" "+e.Description, says) {
		t.Errorf("%s: %v, want %q", what, err, says)
	}
}

// WH-01: whatever is no public https address is refused when it is saved, and a
// name that turns into one when it is dialled.
func TestWH_01_WhereSecretsGoIsGuardedAtSaveAndDial(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	create := func(url string, key json.RawMessage) error {
		name := "x"
		_, _, err := h.deliveries.Create(t.Context(), h.operator, h.ws.ID, delivery.Settings{
			Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: url, JWK: key},
		})
		return err
	}
	for _, url := range []string{
		"", "http://hooks.example/x", "https://10.0.0.1/x", "https://169.254.169.254/latest", "https://[fd00::1]/", "https://[64:ff9b::a00:1]/",
		"https://0.0.0.0/", "https://2130706433/", "https://0x7f.1/", "https://u:p@hooks.example/", "file:///etc/passwd", "https://hooks.example/#x",
		"https://[::1]/",
	} {
		refused(t, url, create(url, r.jwk), authz.Invalid, "url:")
	}
	for what, key := range map[string]string{
		"none":    ``,
		"private": `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}`,
	} {
		refused(t, what, create(r.URL, json.RawMessage(key)), authz.Invalid, "jwk:")
	}
	h.ok(create("https://localhost.example/hook", r.jwk))
	// A name that leads inside is saved, as names are judged when they are dialled.
	name := "rebinding"
	to, _, err := h.deliveries.Create(t.Context(), h.operator, h.ws.ID, delivery.Settings{
		Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: "https://gatehouse.invalid/", JWK: r.jwk},
	})
	h.ok(err)
	old, _ := h.key(to.ID)
	h.due()
	h.carry()
	if _, d := h.rotation(old.ID); d.State != authz.DeliveryPending || d.LastError == "" || strings.Contains(d.LastError, "gatehouse.invalid/") {
		t.Errorf("%+v", d)
	}
}

// WH-02: a redirect is not followed; what the other side answered is not shown.
func TestWH_02_ARedirectIsNotFollowedAndNoAnswerIsReflected(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	other := newReceiver(t)
	hop := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(hop.Close)
	r.URL = hop.URL
	to, _ := h.webhook(r)
	old, _ := h.key(to.ID)
	h.due()
	h.carry()
	if _, d := h.rotation(old.ID); d.State != authz.DeliveryPending || len(other.all()) != 0 {
		t.Errorf("%+v, followed %d times", d, len(other.all()))
	}
	r2 := newReceiver(t)
	r2.answers(http.StatusForbidden)
	to2, _ := h.webhook(r2)
	old2, _ := h.key(to2.ID)
	made(h.keys.Rotate(t.Context(), h.operator, authz.Origin{}, h.ws.ID, old2.ID, apikey.Rotation{}))(t)
	h.clock.Advance(2 * time.Minute)
	h.carry()
	if _, d := h.rotation(old2.ID); d.LastError != "the receiver answered 403" {
		t.Errorf("%q", d.LastError)
	}
}

// WH-04: while its secret is rotated a webhook is signed twice, for a day.
func TestWH_04_ARotatedSigningSecretIsGoodForADay(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, first := h.webhook(r)
	key, _ := h.key(to.ID)
	changed, second, err := h.deliveries.RotateSecret(t.Context(), h.operator, h.ws.ID, to.ID, to.Revision)
	h.ok(err)
	if changed.Revision != 2 || second == first || !strings.HasPrefix(second.Reveal(), "whsec_") {
		t.Errorf("%+v", changed)
	}
	_, _, err = h.deliveries.RotateSecret(t.Context(), h.operator, h.ws.ID, to.ID, to.Revision)
	refused(t, "the revision before", err, authz.Stale, "")
	rotate := func(id authz.KeyID) authz.KeyID {
		out := made(h.keys.Rotate(t.Context(), h.operator, authz.Origin{}, h.ws.ID, id, apikey.Rotation{}))(t)
		h.carry()
		return out.Key.ID
	}
	next := rotate(key.ID)
	if m := r.all()[0]; !m.signedBy(first) || !m.signedBy(second) {
		t.Errorf("signed %q", m.signature)
	}
	h.clock.Advance(73 * time.Hour)
	rotate(next)
	if m := r.all()[1]; m.signedBy(first) || !m.signedBy(second) {
		t.Errorf("after three days signed %q", m.signature)
	}
}

// To say where secrets go takes what minting takes; to move a destination cannot
// be asked for at all; and a key is sent there only by who could have minted it.
func TestAK_17_WhoManagesKeysDoesNotSendTheirSecretsAnywhere(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	key, _ := h.key("")
	name := "mine"
	settings := delivery.Settings{Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: r.URL, JWK: r.jwk}}
	manager := authz.Principal{Issuer: up, WorkspaceID: h.ws.ID, Subject: "sa_1", KeyID: "key_1", Environment: authz.Live, Scopes: []string{"manage:keys"}}
	_, _, err := h.deliveries.Create(t.Context(), manager, h.ws.ID, settings)
	refused(t, "creating", err, authz.Forbidden, "issuing_delegation_required")
	_, err = h.deliveries.Update(t.Context(), manager, h.ws.ID, to.ID, 0, delivery.Settings{Name: &name})
	refused(t, "changing", err, authz.Forbidden, "issuing_delegation_required")
	_, _, err = h.deliveries.RotateSecret(t.Context(), manager, h.ws.ID, to.ID, 0)
	refused(t, "rotating its secret", err, authz.Forbidden, "issuing_delegation_required")
	_, err = h.keys.Update(t.Context(), manager, authz.Origin{}, h.ws.ID, key.ID, apikey.Change{Delivery: &to.ID})
	refused(t, "sending a key there", err, authz.Forbidden, "issuing_delegation_required")
	sandbox := h.operator
	sandbox.WorkspaceID, sandbox.Environment, sandbox.Delegation = h.ws.ID, authz.Test, &authz.Delegation{Issuer: up, Scopes: []string{"monitor:read"}, Workspaces: []authz.WorkspaceID{h.ws.ID}}
	_, err = h.deliveries.Update(t.Context(), sandbox, h.ws.ID, to.ID, 0, delivery.Settings{Target: authz.DestinationTarget{JWK: newReceiver(t).jwk}})
	refused(t, "TN-07: changing the key, from the sandbox", err, authz.Forbidden, "wrong_environment")
	refused(t, "TN-07: deleting it, from the sandbox", h.deliveries.Delete(t.Context(), sandbox, h.ws.ID, to.ID), authz.Forbidden, "wrong_environment")
	elsewhere := manager
	elsewhere.Delegation = &authz.Delegation{Issuer: up, Scopes: []string{"*"}, Workspaces: []authz.WorkspaceID{"ws_other"}}
	_, _, err = h.deliveries.Create(t.Context(), elsewhere, h.ws.ID, settings)
	refused(t, "with a delegation for another workspace", err, authz.Forbidden, "issuing_delegation_exceeded")
	narrow := manager
	narrow.Delegation = &authz.Delegation{Issuer: up, Scopes: []string{"manage:keys"}, Workspaces: []authz.WorkspaceID{h.ws.ID}}
	_, err = h.keys.Update(t.Context(), narrow, authz.Origin{}, h.ws.ID, key.ID, apikey.Change{Delivery: &to.ID})
	refused(t, "sending a key one could not mint", err, authz.Forbidden, "issuing_delegation_exceeded")
	_, err = h.deliveries.Update(t.Context(), h.operator, h.ws.ID, to.ID, 0, delivery.Settings{Target: authz.DestinationTarget{URL: "https://elsewhere.example/"}})
	h.ok(err)
	if now := made(h.deliveries.Get(t.Context(), h.operator, h.ws.ID, to.ID))(t); now.Target.URL != r.URL {
		t.Errorf("it was moved to %s", now.Target.URL)
	}
	if k := made(h.keys.Update(t.Context(), h.operator, authz.Origin{}, h.ws.ID, key.ID, apikey.Change{Delivery: &to.ID}))(t); k.Delivery != to.ID {
		t.Errorf("delivery %q", k.Delivery)
	}
	_, err = h.deliveries.Get(t.Context(), authz.Principal{Issuer: up, WorkspaceID: h.ws.ID, Subject: "sa_1"}, h.ws.ID, to.ID)
	refused(t, "reading without the scope", err, authz.Forbidden, "insufficient_scope")
}

// TN-01: another workspace's destination is one nobody has, for reading, changing
// and for sending keys there.
func TestTN_01_AnotherWorkspacesDestinationDoesNotExist(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	other := h.workspace()
	theirs := authz.Principal{
		Issuer: up, WorkspaceID: other.ID, Subject: "sa_2", Scopes: []string{"manage:keys", "monitor:read"},
		Delegation: &authz.Delegation{Issuer: up, Scopes: []string{"monitor:read"}, Workspaces: []authz.WorkspaceID{other.ID}},
	}
	for _, ws := range []authz.WorkspaceID{other.ID, h.ws.ID} {
		_, err := h.deliveries.Get(t.Context(), theirs, ws, to.ID)
		refused(t, "reading", err, authz.NotFound, "")
		_, err = h.deliveries.Update(t.Context(), theirs, ws, to.ID, 0, delivery.Settings{})
		refused(t, "changing", err, authz.NotFound, "")
		refused(t, "deleting", h.deliveries.Delete(t.Context(), theirs, ws, to.ID), authz.NotFound, "")
	}
	_, _, err := h.keys.Mint(t.Context(), theirs, authz.Origin{}, apikey.Request{
		Name: "x", WorkspaceID: other.ID, Environment: authz.Live, Scopes: []string{"monitor:read"}, Delivery: to.ID,
	})
	refused(t, "minting", err, authz.Invalid, "rotation.delivery:")
	if list := made(h.deliveries.List(t.Context(), theirs, other.ID, authz.Page{}))(t); len(list) != 0 {
		t.Errorf("%d listed", len(list))
	}
}

// A workspace has a bounded number of them.
func TestTheDestinationsOfAWorkspaceAreBounded(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	var err error
	for n := range 101 {
		name := fmt.Sprint("d", n)
		_, _, err = h.deliveries.Create(t.Context(), h.operator, h.ws.ID, delivery.Settings{
			Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: r.URL, JWK: r.jwk},
		})
		if n < 100 {
			h.ok(err)
		}
	}
	refused(t, "the 101st", err, authz.Conflict, "too_many")
}

// WH-06: what is on its way to one destination at once is bounded, so that one
// that does not answer does not take every worker.
func TestWH_06_ADestinationThatDoesNotAnswerTakesFewWorkers(t *testing.T) {
	h := newHouse(t)
	release := make(chan struct{})
	arrived := make(chan struct{}, 10)
	r := newReceiver(t)
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	t.Cleanup(slow.Close)
	r.URL = slow.URL
	to, _ := h.webhook(r)
	for range 5 {
		key, _ := h.key(to.ID)
		made(h.keys.Rotate(t.Context(), h.operator, authz.Origin{}, h.ws.ID, key.ID, apikey.Rotation{}))(t)
	}
	due := made(h.deliveries.Queue().ClaimDeliveries(t.Context(), h.clock.Now(), time.Minute, 10))(t)
	if len(due) != 5 {
		t.Fatalf("%d are due", len(due))
	}
	var workers sync.WaitGroup
	for _, d := range due[:4] {
		workers.Go(func() {
			if err := h.deliveries.Deliver(t.Context(), d.Event); err != nil {
				t.Error(err)
			}
		})
		<-arrived
	}
	if err := h.deliveries.Deliver(t.Context(), due[4].Event); err == nil || err.Error() != "the destination is busy" {
		t.Errorf("the fifth: %v", err)
	}
	close(release)
	workers.Wait()
	if err := h.deliveries.Deliver(t.Context(), due[4].Event); err != nil {
		t.Errorf("the fifth, later: %v", err)
	}
}

// WH-08: what two workspaces rotate at the same time arrives at their own
// destinations alone.
func TestWH_08_NoWorkspacesKeyArrivesAtAnothers(t *testing.T) {
	h := newHouse(t)
	mine, other := h.ws, h.workspace()
	receivers := map[authz.WorkspaceID]*receiver{}
	for _, ws := range []authz.Workspace{mine, other} {
		h.ws = ws
		receivers[ws.ID] = newReceiver(t)
		to, _ := h.webhook(receivers[ws.ID])
		for range 20 {
			h.key(to.ID)
		}
	}
	h.due()
	for range 3 { // each destination takes four at once, one after the other here
		h.carry()
		h.clock.Advance(time.Minute)
	}
	for ws, r := range receivers {
		if n := len(r.all()); n != 20 {
			t.Errorf("%d arrived", n)
		}
		for _, m := range r.all() {
			if content := r.open(t, m); content["workspace_id"] != string(ws) {
				t.Errorf("%s was told of a key of %s", ws, content["workspace_id"])
			}
		}
	}
}
