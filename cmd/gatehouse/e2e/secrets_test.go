package e2e_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gatehouse-auth/gatehouse/authz/delivery/deliverytest"
)

// spoils is everything a run left behind that somebody might read, by place.
type spoils struct {
	mu sync.Mutex
	of map[string]*bytes.Buffer
}

func (s *spoils) add(place string, parts ...[]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.of[place] == nil {
		s.of[place] = &bytes.Buffer{}
	}
	for _, part := range parts {
		s.of[place].Write(part)
		s.of[place].WriteByte('\n')
	}
}

// watched is a browser's transport: it keeps the pages, and the cookies, which
// are secrets.
type watched struct {
	*spoils
	cookies map[string]string
}

func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<20))
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	w.add("the pages", body)
	for _, c := range resp.Cookies() {
		if len(c.Value) >= 16 {
			w.cookies["cookie "+c.Name] = c.Value
		}
	}
	return resp, err
}

// forms are the ways a secret may be written down. Inside longer base64 it has
// one of three shapes, of which those characters are looked for that depend on
// it alone.
func forms(secret string) map[string]string {
	all := map[string]string{
		"raw": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"in a URL": url.QueryEscape(secret), "reversed": reversed(secret),
	}
	for shift := range 3 {
		padded := append(make([]byte, shift), secret...)
		padded = padded[:len(padded)/3*3]
		for name, encoding := range map[string]*base64.Encoding{"base64": base64.StdEncoding, "base64url": base64.URLEncoding} {
			text := encoding.EncodeToString(padded)
			all[fmt.Sprintf("%s, %d bytes into it", name, shift)] = text[(shift+2)/3*4:]
		}
	}
	return all
}

func reversed(s string) string {
	b := []byte(s)
	for i, j := 0, len(b)-1; i < j; i, j = i+1, j-1 {
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// dump adds the whole database, at rest: of SQLite every page of its files, the
// free ones and the log too, of PostgreSQL every row. There is no command that
// makes a backup yet; one would be a copy of less than this.
func (d *deployment) dump(t *testing.T, s *spoils) {
	t.Helper()
	if d.driver != "postgres" {
		files, err := filepath.Glob(filepath.Join(d.dir, "gatehouse.db*"))
		if err != nil || len(files) == 0 {
			t.Fatalf("the database: %v, %v", files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s.add("the database", raw)
		}
		return
	}
	conn, err := pgx.Connect(t.Context(), d.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	names, err := conn.Query(t.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'`)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := pgx.CollectRows(names, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		t.Fatalf("%d tables, %v", len(tables), err)
	}
	for _, table := range tables {
		rows, err := conn.Query(t.Context(), `SELECT row_to_json(x)::text FROM `+pgx.Identifier{table}.Sanitize()+` x`)
		if err != nil {
			t.Fatal(err)
		}
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string]) // bytea comes as hex
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range lines {
			s.add("the database", []byte(table), []byte(line))
		}
	}
}

// secrets does everything that makes secrets, and what goes wrong with them.
func (d *deployment) secrets(t *testing.T, n *node, s *spoils, hook string) map[string]string {
	t.Helper()
	of := map[string]string{
		"the operator's key": d.OperatorKey, "the web client's secret": d.Clients.Web.Secret,
		"the service's secret": d.Clients.Service.Secret, "the gateway's secret": d.Clients.Introspector.Secret,
		"the upstream's secret": "upstream-secret-1234567890",
	}
	keep := func(name string, a answer, members ...string) {
		t.Helper()
		if a.status != http.StatusOK && a.status != http.StatusCreated {
			t.Fatalf("%s: %d %s", name, a.status, a.body)
		}
		for _, m := range members {
			if of[name+" "+m] = a.text(m); a.text(m) == "" {
				t.Fatalf("%s: no %s in %d %s", name, m, a.status, a.body)
			}
		}
	}
	// A person.
	b := newBrowser(t, d.Clients.Web.RedirectURI)
	cookies := map[string]string{}
	b.client.Transport = &watched{s, cookies}
	auth := d.authorization(d.Clients.Web, "openid offline_access")
	p := b.signIn(d.issuer, auth, user{})
	if p.back == nil {
		t.Fatalf("the browser ended at %s: %s", p.url, p.body)
	}
	code := p.back.Query().Get("code")
	of["a code"], of["a verifier"] = code, auth.verifier
	first := sure(t)(redemption(auth, code)(n))
	keep("a person's", first, "access_token", "refresh_token", "id_token")
	keep("a refreshed", n.form(t, "/oauth2/token", auth.client, "grant_type", "refresh_token", "refresh_token", first.text("refresh_token")), "access_token", "refresh_token")
	sure(t)(redemption(auth, code)(n)) // a replay, which ends them all
	for name, value := range cookies {
		of[name] = value
	}
	// Keys, and what comes of them.
	live := n.manage(t, http.MethodPost, d.KeysPath, d.keyBody())
	keep("a live", live, "key")
	keep("a sandbox", n.manage(t, http.MethodPost, d.KeysPath, strings.Replace(d.keyBody(), `"live"`, `"test"`, 1)), "key")
	key := live.text("key")
	keep("a key's", sure(t)(n.try(http.MethodPost, "/oauth2/token", "grant_type=client_credentials", "Content-Type", "application/x-www-form-urlencoded", "Authorization", "Bearer "+key)), "access_token")
	exchanger := n.manage(t, http.MethodPost, "/v1/clients", `{"name":"exchanger","workspace_id":"`+d.WorkspaceID+`","grant_types":["`+exchangeGrant+`"],"scopes":["monitor:read"]}`)
	keep("an exchanging client's", exchanger, "client_secret")
	keep("an exchanged", n.form(t, "/oauth2/token", client{ID: exchanger.text("client_id"), Secret: exchanger.text("client_secret")},
		"grant_type", exchangeGrant, "subject_token", key, "subject_token_type", ofAPIKey), "access_token")
	of["a service's access_token"] = n.serviceToken(t)
	d.brought(t, n, of, live.text("id"), hook)
	rotated := n.manage(t, http.MethodPost, d.KeysPath+"/"+live.text("id")+"/rotate", `{}`)
	keep("a rotated", rotated, "key")
	d.mistakes(t, n, s, key, first.text("access_token"))
	return of
}

// brought lets the next text of a key, and of another one, be brought somewhere:
// to the hook, sealed, and into a Vault.
func (d *deployment) brought(t *testing.T, n *node, of map[string]string, id, hook string) {
	t.Helper()
	v := deliverytest.NewVault(t)
	of["Vault's token"] = v.Token + "-with-some-length"
	v.Token = of["Vault's token"]
	destination := func(name, body string) answer {
		t.Helper()
		a := n.manage(t, http.MethodPost, "/v1/key-destinations", `{"workspace_id":"`+d.WorkspaceID+`","name":"`+name+`",`+body)
		wantStatus(t, a, http.StatusCreated)
		return a
	}
	r := newKeyReceiver(t, 0)
	jwk, _ := os.ReadFile(r.jwk(t))
	webhook := destination("hook", `"kind":"webhook","target":{"url":"`+hook+`","jwk":`+string(jwk)+`}}`)
	of["the signing secret"] = webhook.text("signing_secret")
	store := destination("vault", `"kind":"vault","target":{"url":"`+v.URL+`","namespace":"`+v.Namespace+`","mount":"`+v.Mount+`","path":"x"},"secrets":{"token":"`+v.Token+`"}}`)
	wantStatus(t, n.manage(t, http.MethodPatch, d.KeysPath+"/"+id, `{"rotation":{"delivery":"`+webhook.text("id")+`"}}`), http.StatusOK)
	other := n.manage(t, http.MethodPost, d.KeysPath, strings.Replace(d.keyBody(), `{`, `{"rotation":{"delivery":"`+store.text("id")+`"},`, 1))
	wantStatus(t, other, http.StatusCreated)
	wantStatus(t, n.manage(t, http.MethodPost, d.KeysPath+"/"+other.text("id")+"/rotate", `{}`), http.StatusOK)
	eventually(t, 20*time.Second, "Vault has the key", func() bool { _, versions := v.Secret("x"); return versions > 0 })
	data, _ := v.Secret("x")
	of["a key in Vault"], _ = data["key"].(string)
	of["the key before it"] = other.text("key")
}

// mistakes are requests with secrets where they must not be, and wrong ones.
func (d *deployment) mistakes(t *testing.T, n *node, s *spoils, key, token string) {
	t.Helper()
	const form = "application/x-www-form-urlencoded"
	for _, r := range [][]string{
		{"GET", "/v1/workspaces?api_key=" + key, "", "Authorization", "Bearer " + key},
		{"GET", "/v1/workspaces?x=" + url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(key))), "", "Authorization", "Bearer " + key},
		{"GET", d.KeysPath + "/" + key, "", "Authorization", "Bearer " + d.OperatorKey},
		{"GET", "/" + key + "/" + token, ""}, {"GET", "/oauth2/authorize?client_id=" + key + "&login_hint=" + token, ""},
		{"GET", "/oauth2/userinfo?access_token=" + token, ""}, {"POST", "/oauth2/userinfo", "access_token=" + token, "Content-Type", form},
		{"POST", "/oauth2/token", "grant_type=" + key + "&client_id=" + token + "&client_secret=" + key, "Content-Type", form},
		{"POST", "/oauth2/token", "grant_type=refresh_token&refresh_token=" + token, "Content-Type", form, "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(key+":"+key))},
		{"POST", "/oauth2/introspect", "token=" + key, "Content-Type", form, "Authorization", "Bearer " + flip(key)},
		{"POST", "/oauth2/revoke", "token=" + key + "&token_type_hint=" + token, "Content-Type", form, "Authorization", "Basic " + d.gateway()},
		{"POST", d.KeysPath, `{"name":"` + key + `","` + token + `":1,"scopes":["` + key + `"]}`, "Content-Type", "application/json", "Authorization", "Bearer " + d.OperatorKey},
		{"POST", "/oauth2/token", "grant_type=client_credentials&api_key=" + key, "Content-Type", form, "Authorization", "Bearer " + key},
		{"POST", d.KeysPath, strings.Replace(d.keyBody(), `{`, `{"service_account_id":"`+key+`",`, 1), "Content-Type", "application/json", "Authorization", "Bearer " + d.OperatorKey},
		{"POST", d.KeysPath, `{"name":"was ` + key + `","workspace_id":"` + d.WorkspaceID + `","environment":"live","scopes":["monitor:read"]}`, "Content-Type", "application/json", "Authorization", "Bearer " + d.OperatorKey},
		{"POST", "/v1/verify", `{"credential":"` + flip(key) + `","` + key + `":"` + token + `"}`, "Content-Type", "application/json", "Authorization", "Basic " + d.gateway()},
		{"POST", "/v1/verify", `{"credential":"` + key + `","action":"` + token + `"}`, "Content-Type", "application/json", "Authorization", "Basic " + d.gateway()},
		{"GET", "/v1/forward-auth", "", "X-Gatehouse-Caller", "Basic " + d.gateway(), "X-Original-Uri", "/x?" + key + "=" + token, "Authorization", "Bearer " + key},
		{"GET", "/v1/workspaces", "", "Authorization", "Bearer " + key, "Origin", "https://app.example"},
		{"POST", "/v1/leaks/report", `{"key":"` + key + `","url":"https://paste.example/` + key + `?` + token + `"}`, "Content-Type", "application/json"},
		{"POST", "/v1/leaks/report", `{"key":"` + token + `","url":"x"}`, "Content-Type", "application/json", "Github-Public-Key-Identifier", key, "Github-Public-Key-Signature", key},
		{"DELETE", d.KeysPath + "/key_" + strings.Repeat("A", 16) + "?workspace_id=" + url.QueryEscape(token), "", "Authorization", "Bearer " + d.OperatorKey},
		{"GET", "/v1/workspaces", "", "Cookie", "x=" + key, "X-Api-Key", key, "User-Agent", "Mozilla", "X-Request-Id", key},
	} {
		a := sure(t)(n.try(r[0], r[1], r[2], r[3:]...))
		if a.status >= http.StatusInternalServerError {
			t.Errorf("%s %.20s…: %d %s", r[0], r[1], a.status, a.body)
		}
		s.add("the refusals", []byte(a.body), []byte(fmt.Sprint(a.header)))
	}
}

func TestAK18_AU03_NoSecretOfAWholeRunIsFoundAnywhere(t *testing.T) {
	for _, driver := range []string{"sqlite", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			s := &spoils{of: make(map[string]*bytes.Buffer)}
			hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				s.add("the webhooks", body, []byte(fmt.Sprint(r.Header)))
			}))
			t.Cleanup(hook.Close)
			secret := "whsec_" + randomKey()
			d := deploy(t, driver, fmt.Sprintf("webhook: {url: %q, secret: %q, allow_private: [127.0.0.1/32]}\nlog: {level: debug}\n", hook.URL, secret))
			n := d.start(t)
			d.populate(t, n)
			of := d.secrets(t, n, s, hook.URL)
			of["the webhook's secret"] = secret
			eventually(t, 20*time.Second, "the webhook hears of the leak", func() bool {
				s.mu.Lock()
				defer s.mu.Unlock()
				return s.of["the webhooks"] != nil && bytes.Contains(s.of["the webhooks"].Bytes(), []byte("api_key.leaked")) && bytes.Contains(s.of["the webhooks"].Bytes(), []byte("api_key.secret"))
			})
			resp, err := http.Get("http://" + n.operator + "/metrics")
			if err != nil {
				t.Fatal(err)
			}
			metrics, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			s.add("the metrics", metrics)
			n.end(syscall.SIGTERM)
			s.add("the log", []byte(n.output.String()))
			d.dump(t, s)
			s.search(t, of)
		})
	}
}

// search looks for every secret, whole and in its secret part, in every form
// and place.
func (s *spoils) search(t *testing.T, of map[string]string) {
	t.Helper()
	for _, place := range []string{"the log", "the metrics", "the database", "the webhooks", "the pages", "the refusals"} {
		if s.of[place] == nil || s.of[place].Len() < 200 {
			t.Fatalf("there is nothing in %s", place)
		}
	}
	shown := []byte(of["the operator's key"][:24]) // this may be seen, so it must be
	if !bytes.Contains(s.of["the database"].Bytes(), shown) || !json.Valid([]byte(strings.SplitN(s.of["the log"].String(), "\n", 2)[0])) {
		t.Fatal("the database or the log is not what it should be")
	}
	for name, secret := range of {
		parts := map[string]string{"whole": secret}
		if strings.Contains(secret, "_live_") || strings.Contains(secret, "_test_") {
			parts["its secret part"] = secret[24:] // behind the id, which may be shown
		} else if len(secret) >= 40 {
			parts["its second half"] = secret[len(secret)/2:]
		}
		for part, text := range parts {
			for form, written := range forms(text) {
				for place, found := range s.of {
					if bytes.Contains(found.Bytes(), []byte(written)) {
						t.Errorf("%s, %s, %s, is in %s", name, part, form, place)
					}
				}
			}
		}
	}
}
