package delivery_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/delivery"
)

// WH-09: a test goes the way of keys and holds none; what the other side answered
// is told by its status alone.
func TestWH_09_ATestIsSignedSealedAndHoldsNoKey(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, signing := h.webhook(r)
	try := func() string {
		t.Helper()
		reason, err := h.deliveries.Try(t.Context(), h.operator, h.ws.ID, to.ID)
		h.ok(err)
		return reason
	}
	if reason := try(); reason != "" {
		t.Fatal(reason)
	}
	got := r.all()
	if len(got) != 1 || !got[0].signedBy(signing) {
		t.Fatalf("%d arrived", len(got))
	}
	var told struct {
		Type        string            `json:"type"`
		WorkspaceID authz.WorkspaceID `json:"workspace_id"`
		Data        map[string]string `json:"data"`
	}
	h.ok(json.Unmarshal(got[0].body, &told))
	if told.Type != "key_destination.test" || told.WorkspaceID != h.ws.ID || told.Data["destination_id"] != string(to.ID) {
		t.Errorf("told %s", got[0].body)
	}
	sealed := made(jose.ParseEncryptedCompact(told.Data["jwe"], []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM}))(t)
	if typ := sealed.Header.ExtraHeaders["typ"]; typ != "gatehouse-key-test+jwe" {
		t.Errorf("of typ %v: it could be taken for a key", typ)
	}
	if inside := made(sealed.Decrypt(r.private))(t); string(inside) != `{"destination_id":"`+string(to.ID)+`"}` {
		t.Errorf("inside is %s", inside)
	}
	r.answers(http.StatusForbidden)
	if reason := try(); reason != "the receiver answered 403" {
		t.Errorf("refused: %q", reason)
	}
	entries := h.entries("key_destination.tested")
	if len(entries) != 2 || entries[0].Result != authz.Success || entries[1].Result != authz.Failed || strings.Contains(entries[1].Details["error"].(string), "own words") {
		t.Errorf("audited %+v", entries)
	}
}

// WH-09: a test is guarded as a delivery is: at dial, by redirects, by how many
// are on their way at once, and by who may.
func TestWH_09_ATestHasTheGuardsOfADelivery(t *testing.T) {
	h := newHouse(t)
	r := newReceiver(t)
	to, _ := h.webhook(r)
	other := newReceiver(t)
	hop := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	t.Cleanup(hop.Close)
	r.URL = hop.URL
	redirecting, _ := h.webhook(r)
	name := "inside"
	inside, _, err := h.deliveries.Create(t.Context(), h.operator, h.ws.ID, delivery.Settings{
		Name: &name, Kind: authz.WebhookDestination, Target: authz.DestinationTarget{URL: "https://localhost.example.invalid/hook", JWK: r.jwk},
	})
	h.ok(err)
	for what, id := range map[string]authz.DestinationID{"a redirect": redirecting.ID, "a name of nobody": inside.ID} {
		reason, err := h.deliveries.Try(t.Context(), h.operator, h.ws.ID, id)
		if err != nil || reason == "" || strings.Contains(reason, "http") || strings.Contains(reason, "/hook") || len(other.all()) != 0 {
			t.Errorf("%s: %q, %v", what, reason, err)
		}
	}
	reader := authz.Principal{Issuer: up, WorkspaceID: h.ws.ID, Subject: "sa_1", Environment: authz.Live}
	_, err = h.deliveries.Try(t.Context(), reader, h.ws.ID, to.ID)
	refused(t, "without the scope", err, authz.Forbidden, "insufficient_scope")
	reader.Scopes, reader.Environment = []string{"manage:keys"}, authz.Test
	_, err = h.deliveries.Try(t.Context(), reader, h.ws.ID, to.ID)
	refused(t, "TN-07: from the sandbox", err, authz.Forbidden, "wrong_environment")
	reader.WorkspaceID, reader.Environment = h.workspace().ID, authz.Live
	for _, ws := range []authz.WorkspaceID{h.ws.ID, reader.WorkspaceID} {
		_, err = h.deliveries.Try(t.Context(), reader, ws, to.ID)
		refused(t, "TN-01: another workspace's", err, authz.NotFound, "")
	}
	if n := len(h.entries("key_destination.tested")); n != 2 {
		t.Errorf("%d entries", n)
	}

	arrived, release := make(chan struct{}), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	t.Cleanup(slow.Close)
	r.URL = slow.URL
	hanging, _ := h.webhook(r)
	done := make(chan error)
	for range 4 {
		go func() {
			_, err := h.deliveries.Try(t.Context(), h.operator, h.ws.ID, hanging.ID)
			done <- err
		}()
		<-arrived
	}
	_, err = h.deliveries.Try(t.Context(), h.operator, h.ws.ID, hanging.ID)
	refused(t, "a fifth at once", err, authz.Conflict, "destination_busy")
	close(release)
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
