package deliverytest

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Vault is a KV engine of version 2 and an AppRole, as the documentation of the
// HTTP API has them (kv-v2: read-secret-version, create-update-secret; approle:
// login).
type Vault struct {
	*httptest.Server
	Mount, Namespace string
	// Token opens the engine; RoleID and SecretID buy it.
	Token, RoleID, SecretID string

	mu      sync.Mutex
	secrets map[string][]version
	faults  []string
	// status answers requests instead, as long as it is not 0; Lose answers a write
	// that was carried out with nothing.
	status int
	lose   bool
}

type version struct {
	data    map[string]any
	created time.Time
	deleted bool
}

// NewVault starts one that ends with the test. Requests no client of Vault would
// send fail the test.
func NewVault(t testing.TB) *Vault {
	t.Helper()
	v := &Vault{Mount: "kv/team", Namespace: "admin/eu", Token: "hvs.test-token", RoleID: "role-1", SecretID: "secret-id-1", secrets: map[string][]version{}}
	v.Server = httptest.NewServer(v)
	t.Cleanup(func() {
		v.Close()
		for _, fault := range v.faults {
			t.Errorf("Vault was asked wrongly: %s", fault)
		}
	})
	return v
}

// Fail answers every request with a status from now on; 0 for no more.
func (v *Vault) Fail(status int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.status = status
}

// LoseAnswers carries writes out and drops the connection instead of answering.
func (v *Vault) LoseAnswers(lose bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.lose = lose
}

// Put writes a version, as somebody else would.
func (v *Vault) Put(path string, data map[string]any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.secrets[path] = append(v.secrets[path], version{data: data, created: time.Now()})
}

// Delete deletes the newest version, as somebody else would.
func (v *Vault) Delete(path string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := v.secrets[path]
	list[len(list)-1].deleted = true
}

// Secret is the newest version of a secret and its number; 0 without one.
func (v *Vault) Secret(path string) (map[string]any, int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	list := v.secrets[path]
	if len(list) == 0 {
		return nil, 0
	}
	return maps.Clone(list[len(list)-1].data), len(list)
}

func (v *Vault) fault(what string) { v.faults = append(v.faults, what) }

// headers are what the client may say of Vault.
var headers = map[string]bool{"X-Vault-Request": true, "X-Vault-Token": true, "X-Vault-Namespace": true}

// ServeHTTP answers as Vault does.
func (v *Vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Vault-") && !headers[name] {
			v.fault("the header " + name)
		}
	}
	if r.Header.Get("X-Vault-Request") != "true" || r.Header.Get("X-Vault-Namespace") != v.Namespace || r.URL.RawQuery != "" {
		v.fault("without its header, in another namespace, or with a query")
	}
	if v.status != 0 {
		answer(w, v.status, map[string]any{"errors": []string{"the inner words of Vault"}})
		return
	}
	data, engine := strings.CutPrefix(r.URL.Path, "/v1/"+v.Mount+"/data/")
	switch {
	case r.URL.Path == "/v1/auth/approle/login":
		v.login(w, r)
	case !engine:
		v.fault("the path " + r.URL.Path)
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{"no handler for route"}})
	case r.Header.Get("X-Vault-Token") != v.Token:
		answer(w, http.StatusForbidden, map[string]any{"errors": []string{"permission denied"}})
	case r.Method == http.MethodGet:
		v.read(w, data)
	case r.Method == http.MethodPut || r.Method == http.MethodPost:
		v.write(w, r, data)
	default:
		v.fault("the method " + r.Method)
		answer(w, http.StatusMethodNotAllowed, map[string]any{"errors": []string{"unsupported operation"}})
	}
}

func (v *Vault) login(w http.ResponseWriter, r *http.Request) {
	var body struct {
		RoleID   string `json:"role_id"`
		SecretID string `json:"secret_id"`
	}
	if !v.body(r, &body) || r.Header.Get("X-Vault-Token") != "" {
		v.fault("a login that is none")
	}
	if body.RoleID != v.RoleID || body.SecretID != v.SecretID {
		answer(w, http.StatusBadRequest, map[string]any{"errors": []string{"invalid role or secret ID"}})
		return
	}
	answer(w, http.StatusOK, envelope(nil, map[string]any{
		"client_token": v.Token, "accessor": "a", "policies": []string{"p"}, "token_policies": []string{"p"}, "metadata": map[string]any{},
		"lease_duration": 1200, "renewable": true, "entity_id": "e", "token_type": "service", "orphan": true, "num_uses": 0,
	}))
}

func (v *Vault) read(w http.ResponseWriter, path string) {
	list := v.secrets[path]
	if len(list) == 0 {
		answer(w, http.StatusNotFound, map[string]any{"errors": []string{}})
		return
	}
	newest := list[len(list)-1]
	status, data := http.StatusOK, any(newest.data)
	if newest.deleted {
		status, data = http.StatusNotFound, nil
	}
	answer(w, status, envelope(map[string]any{"data": data, "metadata": newest.metadata(len(list))}, nil))
}

func (v *Vault) write(w http.ResponseWriter, r *http.Request, path string) {
	var body struct {
		Data    map[string]any `json:"data"`
		Options *struct {
			CAS *int `json:"cas"`
		} `json:"options"`
	}
	if !v.body(r, &body) || body.Data == nil || body.Options == nil || body.Options.CAS == nil {
		v.fault("a write without data or without check-and-set")
		answer(w, http.StatusBadRequest, map[string]any{"errors": []string{"no data provided"}})
		return
	}
	list := v.secrets[path]
	if *body.Options.CAS != len(list) {
		answer(w, http.StatusBadRequest, map[string]any{"errors": []string{"check-and-set parameter did not match the current version"}})
		return
	}
	written := version{data: body.Data, created: time.Now()}
	v.secrets[path] = append(list, written)
	if v.lose {
		panic(http.ErrAbortHandler)
	}
	answer(w, http.StatusOK, envelope(written.metadata(len(list)+1), nil))
}

// body reads one JSON object with no member that is not there in the
// documentation.
func (v *Vault) body(r *http.Request, into any) bool {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	if err != nil {
		v.fault("the body: " + err.Error())
	}
	return err == nil && !d.More()
}

func (s version) metadata(number int) map[string]any {
	deletion := ""
	if s.deleted {
		deletion = s.created.Add(time.Second).UTC().Format(time.RFC3339Nano)
	}
	return map[string]any{
		"created_time": s.created.UTC().Format(time.RFC3339Nano), "custom_metadata": nil, "deletion_time": deletion, "destroyed": false, "version": number,
	}
}

// envelope is around every answer of Vault.
func envelope(data, auth map[string]any) map[string]any {
	out := map[string]any{
		"request_id": "4b2c", "lease_id": "", "renewable": false, "lease_duration": 0, "data": nil, "wrap_info": nil, "warnings": nil, "auth": nil,
		"mount_type": "kv",
	}
	if data != nil {
		out["data"] = data
	}
	if auth != nil {
		out["auth"] = auth
	}
	return out
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
