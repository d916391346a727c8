package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/gatehouse-auth/gatehouse/authz/delivery/deliverytest"
)

// keyReceiver is a customer's webhook that takes new keys as docs/keys.md says:
// the signature, whether it was seen, and only then the envelope.
type keyReceiver struct {
	*httptest.Server
	private *ecdsa.PrivateKey

	mu     sync.Mutex
	secret string
	down   int // requests that are answered 503
	seen   map[string]bool
	keys   map[string]string // texts by the id of the key they replace
	wrong  []string
}

func newKeyReceiver(t *testing.T, down int) *keyReceiver {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r := &keyReceiver{private: private, down: down, seen: map[string]bool{}, keys: map[string]string{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(func() {
		r.Close()
		for _, wrong := range r.wrong {
			t.Errorf("a request that must not be believed: %s", wrong)
		}
	})
	return r
}

// jwk is a file with the public key.
func (r *keyReceiver) jwk(t *testing.T) string {
	t.Helper()
	raw, err := jose.JSONWebKey{Key: r.private.Public(), KeyID: "backend", Use: "enc"}.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "public.jwk")
	if err := os.WriteFile(file, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func (r *keyReceiver) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	body, _ := io.ReadAll(q.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	secret, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(r.secret, "whsec_"))
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(q.Header.Get("webhook-id") + "." + q.Header.Get("webhook-timestamp") + "." + string(body)))
	if q.Header.Get("webhook-signature") != "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)) {
		r.wrong = append(r.wrong, q.Header.Get("webhook-signature"))
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if r.down > 0 {
		r.down--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	if !r.seen[q.Header.Get("webhook-id")] {
		r.take(body)
		r.seen[q.Header.Get("webhook-id")] = true
	}
	w.WriteHeader(http.StatusNoContent)
}

func (r *keyReceiver) take(body []byte) {
	var event struct {
		Type string
		Data struct{ JWE string }
	}
	var content struct {
		Key         string
		Predecessor string `json:"predecessor_id"`
	}
	err := json.Unmarshal(body, &event)
	if err == nil {
		var sealed *jose.JSONWebEncryption
		if sealed, err = jose.ParseEncryptedCompact(event.Data.JWE, []jose.KeyAlgorithm{jose.ECDH_ES_A256KW}, []jose.ContentEncryption{jose.A256GCM}); err == nil {
			var plain []byte
			if plain, err = sealed.Decrypt(r.private); err == nil {
				err = json.Unmarshal(plain, &content)
			}
		}
	}
	if err != nil || event.Type != "api_key.secret" {
		r.wrong = append(r.wrong, string(body))
	}
	r.keys[content.Predecessor] = content.Key
}

// brought is the text that came for the successor of a key; empty for not yet.
func (r *keyReceiver) brought(id string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.keys[id]
}

// destination makes one from the command line and returns its id and, of a
// webhook, the signing secret.
func (i issuer) destination(t *testing.T, args ...string) (id, secret string) {
	t.Helper()
	env := []string{"GATEHOUSE_API_KEY=" + i.OperatorKey, "GATEHOUSE_URL=" + i.API}
	got := command(t, binary(t), env, append([]string{"key-destination", "create", "--workspace", i.WorkspaceID, "-o", "json"}, args...)...)
	wantExit(t, got, 0)
	var made struct {
		ID     string
		Secret string `json:"signing_secret"`
	}
	if err := json.Unmarshal([]byte(got.stdout), &made); err != nil || made.ID == "" {
		t.Fatalf("%v: %s", err, got.stdout)
	}
	return made.ID, made.Secret
}

// progress is what is told of the rotation of a key.
type progress struct {
	Old struct {
		Status  string
		Callers []struct {
			IP       string
			LastSeen string `json:"last_seen_at"`
		}
	}
	Successor struct{ ID, Status string }
	Text      string
	HandedTo  string `json:"handed_to"`
	Delivery  struct {
		Status    string
		Attempts  int
		LastError string `json:"last_error"`
	}
}

func (i issuer) progress(t *testing.T, id string) progress {
	t.Helper()
	var p progress
	a := i.manage(t, http.MethodGet, i.KeysPath+"/"+id+"/rotation?workspace_id="+i.WorkspaceID, "")
	wantStatus(t, a, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

// A schedule replaces two keys; the new texts are brought to a webhook that is
// down at first, and into Vault. The fleets that use them change over one process
// after the other, through the whole window, and nothing is refused.
func TestU11_S33_FleetsAreBroughtTheirNewKeysAndNothingIsRefused(t *testing.T) {
	p := startProduct(t, t.TempDir(), "--bench")
	var secrets []string
	for _, i := range p.Issuers {
		t.Run(i.Name, func(t *testing.T) {
			r, v := newKeyReceiver(t, 2), deliverytest.NewVault(t)
			token := filepath.Join(t.TempDir(), "token")
			if err := os.WriteFile(token, []byte(v.Token+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			hook, secret := i.destination(t, "--name", "backend", "--kind", "webhook", "--url", r.URL, "--jwk-file", r.jwk(t))
			r.mu.Lock()
			r.secret = secret
			r.mu.Unlock()
			store, _ := i.destination(t, "--name", "vault", "--kind", "vault", "--url", v.URL, "--namespace", v.Namespace, "--mount", v.Mount,
				"--path", "gatehouse/{environment}/{service_account_id}", "--token-file", token)
			key := func(to string) (answer, *fleet) {
				a := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"fleet","workspace_id":"`+i.WorkspaceID+`","environment":"live","scopes":["`+
					keyScope[i.Name]+`"],"rotation":{"interval":"P90D","delivery":"`+to+`"}}`)
				wantStatus(t, a, http.StatusCreated)
				return a, startFleet(t, i, a.text("key"), 3)
			}
			hooked, first := key(hook)
			stored, second := key(store)
			p.advance(t, "2160h1s") // 90 days: the job replaces them
			inVault := func() string {
				data, _ := v.Secret("gatehouse/live/" + stored.text("service_account_id"))
				text, _ := data["key"].(string)
				return text
			}
			eventually(t, 20*time.Second, "the webhook is tried", func() bool { return i.progress(t, hooked.text("id")).Delivery.LastError != "" })
			if now := i.progress(t, hooked.text("id")); now.Text != "waiting" || now.Delivery.LastError != "the receiver answered 503" {
				t.Errorf("while the webhook is down: %+v", now)
			}
			for step := range 6 {
				p.advance(t, "11h59m30s")
				if step == 1 {
					eventually(t, 20*time.Second, "both texts arrive", func() bool { return r.brought(hooked.text("id")) != "" && inVault() != "" })
				}
				if n := step - 1; n >= 0 && n < 3 {
					first.backends[n].uses(r.brought(hooked.text("id")))
					second.backends[n].uses(inVault())
				}
				first.during()
				second.during()
			}
			first.end()
			second.end()
			nothingRefused(t, first, second)
			for _, old := range []answer{hooked, stored} {
				now := i.progress(t, old.text("id"))
				if now.Text != "handed_out" || now.Delivery.Status != "delivered" || now.Old.Status != "grace" || now.Successor.Status != "active" {
					t.Errorf("at the end of the window: %+v", now)
				}
				if len(now.Old.Callers) != 1 || now.Old.Callers[0].IP != "127.0.0.1" {
					t.Errorf("who still used the old key: %+v", now.Old.Callers)
				}
				if !i.active(t, old.text("key")) {
					t.Error("the old key was refused before its time")
				}
			}
			p.advance(t, "3m")
			for old, text := range map[string]string{hooked.text("key"): r.brought(hooked.text("id")), stored.text("key"): inVault()} {
				if i.active(t, old) || !i.active(t, text) {
					t.Error("after 72 hours the old key must be refused, and the new one must not")
				}
			}
			secrets = append(secrets, r.brought(hooked.text("id")), inVault(), secret, v.Token)
		})
	}
	p.stop()
	for _, text := range secrets {
		if strings.Contains(p.output.String(), text) || len(text) > 40 && strings.Contains(p.output.String(), text[24:40]) {
			t.Error("a secret is in the log")
		}
	}
}

// The whole from the command line: a rotation, how far it is, a delivery that is
// given again, and what is refused before anything travels.
func TestU12_WhereNewKeysAreBroughtIsAdministeredFromTheCommandLine(t *testing.T) {
	p := theProduct(t)
	i := p.Issuers[0]
	env := []string{"GATEHOUSE_API_KEY=" + i.OperatorKey, "GATEHOUSE_URL=" + i.API}
	run := func(args ...string) said { return command(t, binary(t), env, args...) }
	r := newKeyReceiver(t, 0)
	file := r.jwk(t)
	for _, url := range []string{"http://hooks.example/", "https://10.1.2.3/"} {
		got := run("key-destination", "create", "--workspace", i.WorkspaceID, "--name", "x", "--kind", "webhook", "--url", url, "--jwk-file", file)
		if wantExit(t, got, 1); !strings.Contains(got.stderr, "url") {
			t.Errorf("%s: %s", url, got.stderr)
		}
	}
	away, _ := i.destination(t, "--name", "away", "--kind", "webhook", "--url", "http://127.0.0.1:1/", "--jwk-file", file)
	if got := run("key-destination", "test", away, "--workspace", i.WorkspaceID, "-o", "json"); got.exit != 1 || !strings.Contains(got.stdout, `"ok": false`) && !strings.Contains(got.stdout, `"ok":false`) {
		t.Errorf("trying out what is away: %d %s %s", got.exit, got.stdout, got.stderr)
	}
	to, secret := i.destination(t, "--name", "backend", "--kind", "webhook", "--url", r.URL, "--jwk-file", file)
	r.mu.Lock()
	r.secret = secret
	r.mu.Unlock()
	k := i.newKey(t, i.WorkspaceID, "live")
	wantExit(t, run("key", "update", k.text("id"), "--workspace", i.WorkspaceID, "--deliver-to", to), 0)
	wantExit(t, run("key", "update", k.text("id"), "--workspace", i.WorkspaceID, "--deliver-to", "dst_nobodys"), 1)
	if got := run("key-destination", "delete", to, "--workspace", i.WorkspaceID); got.exit != 1 || !strings.Contains(got.stderr, "Keys are brought there") {
		t.Errorf("deleting what is in use: %d %s", got.exit, got.stderr)
	}
	wantExit(t, run("key", "rotate", k.text("id"), "--workspace", i.WorkspaceID, "-o", "json"), 0)
	eventually(t, 20*time.Second, "the text arrives", func() bool { return r.brought(k.text("id")) != "" })
	if !i.active(t, r.brought(k.text("id"))) {
		t.Error("what was brought does not work")
	}
	eventually(t, 10*time.Second, "it is written down", func() bool { return i.progress(t, k.text("id")).Delivery.Status == "delivered" })
	shown := run("key", "rotation", k.text("id"), "--workspace", i.WorkspaceID, "-o", "json")
	if wantExit(t, shown, 0); !strings.Contains(shown.stdout, `"delivered"`) {
		t.Errorf("%s", shown.stdout)
	}
	if got := run("key", "deliver", i.progress(t, k.text("id")).Successor.ID, "--workspace", i.WorkspaceID); got.exit != 1 || !strings.Contains(got.stderr, "delivered") {
		t.Errorf("delivering again: %d %s", got.exit, got.stderr)
	}
	listed := run("key-destination", "list", "--workspace", i.WorkspaceID, "-o", "json")
	if wantExit(t, listed, 0); !strings.Contains(listed.stdout, to) || strings.Contains(listed.stdout, "whsec_") {
		t.Errorf("%s", listed.stdout)
	}
}
