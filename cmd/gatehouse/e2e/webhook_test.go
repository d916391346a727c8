package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// receiver takes webhooks as Standard Webhooks tells receivers to.
type receiver struct {
	secret   []byte
	mu       sync.Mutex
	got      []delivered
	problems []string
	status   func(delivered) int
}

type delivered struct {
	id, typ string
	data    map[string]any
}

// check is the verification of Standard Webhooks 1.0.0, written from its text:
// base64(HMAC-SHA256(secret, id.timestamp.body)), any of the listed signatures.
func (r *receiver) check(h http.Header, body []byte) error {
	seconds, err := strconv.ParseInt(h.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("webhook-timestamp %q", h.Get("webhook-timestamp"))
	}
	mac := hmac.New(sha256.New, r.secret)
	mac.Write([]byte(h.Get("webhook-id") + "." + h.Get("webhook-timestamp") + "." + string(body)))
	if h.Get("webhook-id") == "" || h.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		return fmt.Errorf("webhook-id %q, webhook-signature %q", h.Get("webhook-id"), h.Get("webhook-signature"))
	}
	return nil
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err == nil {
		err = r.check(req.Header, body)
	}
	var event struct {
		Type string         `json:"type"`
		Data map[string]any `json:"data"`
	}
	if err == nil {
		err = json.Unmarshal(body, &event)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.problems = append(r.problems, err.Error())
	}
	d := delivered{id: req.Header.Get("webhook-id"), typ: event.Type, data: event.Data}
	r.got = append(r.got, d)
	w.WriteHeader(r.status(d))
}

// of are the deliveries of a type about a key.
func (r *receiver) of(typ, keyID string) []delivered {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []delivered
	for _, d := range r.got {
		if d.typ == typ && d.data["key_id"] == keyID {
			out = append(out, d)
		}
	}
	return out
}

func TestWebhooksAreSignedAndRetriedUnderTheSameID(t *testing.T) {
	t.Parallel()
	r := &receiver{secret: []byte(randomKey())}
	failed := make(map[string]bool)
	r.status = func(d delivered) int { // each revocation fails once
		if d.typ == "api_key.revoked" && !failed[d.id] {
			failed[d.id] = true
			return http.StatusInternalServerError
		}
		return http.StatusNoContent
	}
	server := httptest.NewServer(r)
	t.Cleanup(func() {
		server.Close()
		for _, problem := range r.problems {
			t.Errorf("a webhook that must not be believed: %s", problem)
		}
	})
	d := deploy(t, "sqlite", fmt.Sprintf("webhook: {url: %q, secret: %q, allow_private: [127.0.0.1/32]}\n",
		server.URL+"/events", "whsec_"+base64.StdEncoding.EncodeToString(r.secret)))
	n := d.start(t)
	d.populate(t, n)
	id, key := n.key(t)
	eventually(t, 10*time.Second, "api_key.created arrives", func() bool { return len(r.of("api_key.created", id)) == 1 })
	wantStatus(t, n.manage(t, http.MethodDelete, d.KeysPath+"/"+id+"?workspace_id="+d.WorkspaceID, ""), http.StatusOK)
	eventually(t, 10*time.Second, "api_key.revoked arrives", func() bool { return len(r.of("api_key.revoked", id)) == 1 })
	eventually(t, 20*time.Second, "api_key.revoked is tried again", func() bool { return len(r.of("api_key.revoked", id)) == 2 })
	if all := r.of("api_key.revoked", id); all[0].id != all[1].id {
		t.Errorf("the same event came as %s and %s", all[0].id, all[1].id)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, d := range r.got {
		if text := fmt.Sprint(d.data); strings.Contains(text, key) || strings.Contains(text, key[24:]) {
			t.Errorf("%s tells too much: %s", d.typ, text)
		}
	}
}
