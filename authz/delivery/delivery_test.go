package delivery_test

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
)

// The new secret of a rotation nobody asked for reaches the backend: sealed to
// its key, in a request it can check, once; and then nobody can claim it.
func TestU11_TheNewSecretReachesTheBackendSealedInASignedWebhook(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, secret := h.webhook(r)
	old, oldText := h.key(to.ID)
	h.due()
	if p, d := h.rotation(old.ID); !p.Waits || d.State != authz.DeliveryPending || d.Attempts != 0 {
		t.Errorf("before: %+v", d)
	}
	if n := h.carry(); n != 1 {
		t.Fatalf("%d were due", n)
	}
	got := r.all()
	if len(got) != 1 {
		t.Fatalf("%d requests", len(got))
	}
	if !got[0].signedBy(secret) || strings.Contains(got[0].signature, " ") {
		t.Errorf("signature %q", got[0].signature)
	}
	if at, _ := strconv.ParseInt(got[0].timestamp, 10, 64); at != h.clock.Now().Unix() {
		t.Errorf("timestamp %q", got[0].timestamp)
	}
	told := got[0].data(t)
	p, d := h.rotation(old.ID)
	if told.ID != got[0].id || told.Type != "api_key.secret" || told.Data.KeyID != p.New.ID || told.Data.PredecessorID != old.ID || told.Data.KID != "mine" {
		t.Errorf("the event: %+v", told)
	}
	content := r.open(t, got[0])
	if by := h.itself(authz.Secret(content["key"])); by.KeyID != p.New.ID || content["key_id"] != string(p.New.ID) {
		t.Errorf("what was delivered is the text of %s, not of %s", by.KeyID, p.New.ID)
	}
	if d.State != authz.DeliveryDelivered || h.clock.Now().Sub(d.DeliveredAt) > time.Minute || p.Waits || p.New.HandedTo != string(to.ID) {
		t.Errorf("after: %+v, handed to %q, waits %v", d, p.New.HandedTo, p.Waits)
	}
	if e := h.entries("api_key.delivered"); len(e) != 1 || e[0].Target != string(p.New.ID) || e[0].Details["destination_id"] != string(to.ID) {
		t.Errorf("audit: %+v", e)
	}
	_, err := h.keys.Rotate(t.Context(), h.itself(oldText), authz.Origin{}, "", old.ID, apikey.Rotation{})
	if e, ok := errors.AsType[*authz.Error](err); !ok || e.Code != "successor_claimed" {
		t.Errorf("the old key claims what was delivered: %v", err)
	}
	if n := h.carry(); n != 0 || len(r.all()) != 1 {
		t.Errorf("%d more", n)
	}
}

// Neither the text nor the secret that signs lies in the database in the clear,
// before or after; and once it arrived not even the envelope does.
func TestU11_TheSecretIsNowhereInTheClearOnItsWay(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, secret := h.webhook(r)
	r.answers(http.StatusServiceUnavailable)
	old, _ := h.key(to.ID)
	h.due()
	h.carry()
	content := r.open(t, r.all()[0])
	envelope := r.all()[0].data(t).Data.JWE
	search := func(when string, there bool) {
		t.Helper()
		var dump []byte
		for _, suffix := range []string{"", "-wal"} {
			raw, _ := os.ReadFile(h.path + suffix)
			dump = append(dump, raw...)
		}
		for what, text := range map[string]string{"the key": content["key"], "its secret": content["key"][24:], "the signing secret": secret.Reveal(), "its bytes": secret.Reveal()[6:]} {
			if bytes.Contains(dump, []byte(text)) {
				t.Errorf("%s: %s is in the database", when, what)
			}
		}
		row := made(h.store.GetKeyDelivery(t.Context(), up, h.ws.ID, authz.KeyID(content["key_id"])))(t)
		if has := bytes.Contains(row.Payload, []byte(envelope)); has != there {
			t.Errorf("%s: the envelope is there: %v", when, has)
		}
	}
	search("on its way", true)
	r.answers(http.StatusOK)
	h.clock.Advance(2 * time.Minute)
	h.carry()
	search("delivered", false)
	if _, d := h.rotation(old.ID); d.State != authz.DeliveryDelivered || d.Payload != nil {
		t.Errorf("%+v", d)
	}
}

// WH-04: every attempt is the same message at another time, so that a receiver
// takes it once; what is given up is told, and can be brought again. All the
// while the old key can claim: nothing is lost.
func TestWH_04_WhatFailsIsTriedAgainGivenUpAndRepeated(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	r.answers(http.StatusInternalServerError)
	to, secret := h.webhook(r)
	old, oldText := h.key(to.ID)
	h.due()
	for range 5 {
		if h.carry() != 1 {
			t.Fatal("nothing was due")
		}
		h.clock.Advance(time.Minute)
	}
	got := r.all()
	stamps := map[string]bool{}
	for _, m := range got {
		stamps[m.timestamp] = true
		if m.id != got[0].id || !bytes.Equal(m.body, got[0].body) || !m.signedBy(secret) {
			t.Errorf("another message: %s", m.id)
		}
	}
	if len(got) != 5 || len(stamps) != 5 {
		t.Errorf("%d attempts at %d times", len(got), len(stamps))
	}
	p, d := h.rotation(old.ID)
	if d.State != authz.DeliveryDead || d.LastError != "the receiver answered 500" || !p.Waits {
		t.Errorf("given up: %+v, waits %v", d, p.Waits)
	}
	if e := h.entries("api_key.delivery_failed"); len(e) != 1 || e[0].Result != authz.Failed || e[0].Details["error"] != "the receiver answered 500" {
		t.Errorf("audit: %+v", e)
	}
	if n := h.carry(); n != 0 {
		t.Errorf("a dead delivery was tried")
	}
	claimed, err := h.keys.Rotate(t.Context(), h.itself(oldText), authz.Origin{}, "", old.ID, apikey.Rotation{})
	if err != nil || claimed.Key.ID != p.New.ID {
		t.Fatalf("the claim of the old key: %v", err)
	}
	r.answers(http.StatusAccepted)
	again := made(h.deliveries.Repeat(t.Context(), h.operator, h.ws.ID, p.New.ID))(t)
	if again.State != authz.DeliveryPending || again.Attempts != 0 || h.carry() != 1 {
		t.Errorf("repeated: %+v", again)
	}
	if content := r.open(t, r.all()[5]); content["key"] != claimed.Text.Reveal() {
		t.Error("the repetition brings another text")
	}
	if p, d := h.rotation(old.ID); d.State != authz.DeliveryDelivered || p.New.HandedTo != string(old.ID) {
		t.Errorf("%+v, handed to %s", d, p.New.HandedTo)
	}
	_, err = h.deliveries.Repeat(t.Context(), h.operator, h.ws.ID, p.New.ID)
	if e, ok := errors.AsType[*authz.Error](err); !ok || e.Code != "nothing_to_deliver" {
		t.Errorf("repeating what arrived: %v", err)
	}
}

// What is not to be used any more is not brought: a revoked key, one that was
// replaced in its turn, one whose time is over.
func TestU11_AKeyThatEndedIsNotDelivered(t *testing.T) {
	for name, end := range map[string]func(h *house, next authz.APIKey){
		"revoked": func(h *house, next authz.APIKey) {
			made(h.keys.Revoke(h.Context(), h.operator, authz.Origin{}, h.ws.ID, next.ID))(h.T)
		},
		"replaced": func(h *house, next authz.APIKey) {
			past := time.Unix(0, 0)
			made(h.keys.Update(h.Context(), h.operator, authz.Origin{}, h.ws.ID, next.Predecessor, apikey.Change{GraceUntil: &past}))(h.T)
			h.clock.Advance(time.Hour)
			made(h.keys.Rotate(h.Context(), h.operator, authz.Origin{}, h.ws.ID, next.ID, apikey.Rotation{}))(h.T)
			made(h.keys.Rotate(h.Context(), h.operator, authz.Origin{}, h.ws.ID, next.ID, apikey.Rotation{}))(h.T)
		},
		"late": func(h *house, _ authz.APIKey) { h.clock.Advance(72*time.Hour + time.Second) },
		"gone": func(h *house, next authz.APIKey) {
			none := authz.DestinationID("")
			for _, id := range []authz.KeyID{next.ID, next.Predecessor} {
				made(h.keys.Update(h.Context(), h.operator, authz.Origin{}, h.ws.ID, id, apikey.Change{Delivery: &none}))(h.T)
			}
			h.ok(h.deliveries.Delete(h.Context(), h.operator, h.ws.ID, next.Delivery))
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			r := newReceiver(t)
			to, _ := h.webhook(r)
			old, _ := h.key(to.ID)
			h.due()
			p, _ := h.rotation(old.ID)
			end(h, *p.New)
			h.carry()
			for _, m := range r.all() {
				if m.data(t).Data.KeyID == p.New.ID {
					t.Error("it was delivered")
				}
			}
			if d := made(h.deliveries.Of(t.Context(), h.operator, h.ws.ID, p.New.ID))(t); d.State != authz.DeliveryDead || d.LastError == "" {
				t.Errorf("%+v", d)
			}
		})
	}
}

// While a workspace is suspended, or a destination disabled, it waits.
func TestU22_WH_07_NothingIsDeliveredFromASuspendedWorkspace(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	old, _ := h.key(to.ID)
	h.due()
	ref := authz.NodeRef{Kind: authz.WorkspaceNode, ID: string(h.ws.ID)}
	made(h.store.KillNode(t.Context(), up, h.ws.ID, ref, authz.Suspended))(t)
	h.carry()
	if n := len(r.all()); n != 0 {
		t.Errorf("%d requests", n)
	}
	made(h.store.ReviveNode(t.Context(), up, h.ws.ID, ref, authz.Active))(t)
	off, on := authz.Disabled, authz.Active
	made(h.deliveries.Update(t.Context(), h.operator, h.ws.ID, to.ID, 0, delivery.Settings{State: &off}))(t)
	h.clock.Advance(2 * time.Minute)
	h.carry()
	if n := len(r.all()); n != 0 {
		t.Errorf("%d requests to a disabled destination", n)
	}
	made(h.deliveries.Update(t.Context(), h.operator, h.ws.ID, to.ID, 0, delivery.Settings{State: &on}))(t)
	h.clock.Advance(2 * time.Minute)
	h.carry()
	if _, d := h.rotation(old.ID); d.State != authz.DeliveryDelivered {
		t.Errorf("%+v", d)
	}
}

// A destination that is gone keeps no key from being replaced, and none from
// being claimed.
func TestU11_ARotationDoesNotFailForWantOfADestination(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	old, oldText := h.key(to.ID)
	if err := h.deliveries.Delete(t.Context(), h.operator, h.ws.ID, to.ID); authz.KindOf(err) != authz.Conflict {
		t.Errorf("a destination in use was deleted: %v", err)
	}
	off := authz.Disabled
	made(h.deliveries.Update(t.Context(), h.operator, h.ws.ID, to.ID, 0, delivery.Settings{State: &off}))(t)
	h.due()
	p, d := h.rotation(old.ID)
	if d.State != authz.DeliveryPending {
		t.Errorf("%+v", d)
	}
	claimed := made(h.keys.Rotate(t.Context(), h.itself(oldText), authz.Origin{}, "", old.ID, apikey.Rotation{}))(t)
	if claimed.Key.ID != p.New.ID {
		t.Errorf("claimed %s", claimed.Key.ID)
	}
}

// WH-06: one destination that does not answer holds up no other, and being busy
// costs none of the attempts.
func TestWH_06_ABusyDestinationCostsNoAttempts(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	old, _ := h.key(to.ID)
	h.due()
	p, _ := h.rotation(old.ID)
	q := h.deliveries.Queue()
	due := made(q.ClaimDeliveries(t.Context(), h.clock.Now(), time.Minute, 10))(t)
	h.ok(q.RetryDelivery(t.Context(), due[0].ID, due[0].Sink, h.clock.Now().Add(4*time.Hour), "the destination is busy"))
	d := made(h.deliveries.Of(t.Context(), h.operator, h.ws.ID, p.New.ID))(t)
	if wait := d.NextAttempt.Sub(h.clock.Now()); d.Attempts != 0 || wait > 16*time.Second || wait < 14*time.Second {
		t.Errorf("%d attempts, next in %v", d.Attempts, wait)
	}
}
