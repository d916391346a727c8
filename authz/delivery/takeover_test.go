package delivery_test

import (
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
)

// Who may not replace a key that carries a delegation does not get the text of
// its successors by naming a destination of their own.
func TestAK_AKeyWithADelegationIsNotBroughtToWhomeverManagesKeys(t *testing.T) {
	h := newHouse(t)
	victim, text, err := h.keys.Mint(t.Context(), h.operator, authz.Origin{}, apikey.Request{
		Name: "issuer", WorkspaceID: h.ws.ID, Environment: authz.Live, Scopes: []string{"manage:keys"}, RotateEvery: 90 * 24 * time.Hour,
		Delegation: &authz.Delegation{Workspaces: []authz.WorkspaceID{h.ws.ID}, Scopes: []string{"monitor:read", "manage:keys"}, ExpiresAt: h.clock.Now().Add(2 * time.Hour)},
	})
	h.ok(err)
	mallory := authz.Principal{
		Issuer: up, WorkspaceID: h.ws.ID, Subject: "usr_mallory", Scopes: []string{"manage:keys"},
		AuthTime: h.clock.Now(), MFA: authz.MFAProven, MFAAt: h.clock.Now(),
	}
	if _, err := h.keys.Rotate(t.Context(), mallory, authz.Origin{}, h.ws.ID, victim.ID, apikey.Rotation{}); authz.CodeOf(err) != "operator_required" {
		t.Fatalf("they may replace it: %v", err)
	}
	r := newReceiver(t)
	name := "mine"
	to, _, err := h.deliveries.Create(t.Context(), mallory, h.ws.ID, delivery.Settings{
		Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: r.URL, JWK: r.jwk},
	})
	h.ok(err)
	if _, err := h.keys.Update(t.Context(), mallory, authz.Origin{}, h.ws.ID, victim.ID, apikey.Change{Delivery: &to.ID}); authz.CodeOf(err) != "operator_required" {
		t.Errorf("they name where it is brought to: %v", err)
	}
	h.clock.Advance(time.Hour)
	made(h.keys.Rotate(t.Context(), h.itself(text), authz.Origin{}, "", victim.ID, apikey.Rotation{}))(t)
	if h.carry(); len(r.all()) != 0 {
		t.Error("they were brought the successor")
	}
}
