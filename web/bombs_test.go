package web_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
)

// bomb is a text that costs whoever reads it as a token far more than whoever
// sends it.
type bomb struct{ name, text string }

// bombs are those of JW-03, JW-10, JW-11 and DS-03. They name a client, so that
// nothing ends before the token is looked at for want of somebody.
func bombs(t *testing.T, client authz.ClientID, elsewhere string) []bomb {
	t.Helper()
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	named := fmt.Sprintf(`{"iss":%q,"sub":%q,"client_id":%q,"aud":%q,"exp":4102444800,"jti":"j"`, client, client, client, host)
	jws := func(header, payload string) string {
		return part(header) + "." + part(payload) + "." + part(strings.Repeat("s", 64))
	}
	nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	var zeros bytes.Buffer
	w := made(flate.NewWriter(&zeros, flate.BestCompression))(t)
	_, _ = w.Write(make([]byte, 10<<20))
	_ = w.Close()
	const es256 = `{"alg":"ES256","typ":"JWT"}`
	return []bomb{
		{"PBES2 with two thousand million rounds", part(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2s":"c2FsdHNhbHQ","p2c":2147483647}`) + "." + part(strings.Repeat("k", 24)) + ".aXYxMjM0NTY3ODkw.AAAA.dGFndGFndGFndGFndGFn"},
		{"ten megabytes zipped", part(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`) + "..aXYxMjM0NTY3ODkw." + part(zeros.String()) + ".dGFndGFndGFndGFndGFn"},
		{"a JWE whose key is off its curve", part(`{"alg":"ECDH-ES","enc":"A128GCM","epk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`) + "..aXY.AAAA.dGFn"},
		{"a JWE without a key", part(`{"alg":"A128KW","enc":"A128GCM"}`) + "..aXY.AAAA.dGFn"},
		{"a zipped JWS", jws(`{"alg":"ES256","zip":"DEF"}`, zeros.String())},
		{"dots", strings.Repeat(".", 200<<10)},
		{"dots between parts", part(es256) + strings.Repeat(".e30", 40<<10)},
		{"a header nested deep", jws(`{"alg":"ES256","x":`+nested(100_000)+`}`, named+`}`)},
		{"a header nested deep, of a length that is read", jws(`{"alg":"ES256","x":`+nested(4000)+`}`, named+`}`)},
		{"claims nested deep", jws(es256, named+`,"x":`+nested(4000)+`}`)},
		{"claims nested deep in objects", jws(es256, named+`,"x":`+strings.Repeat(`{"a":`, 1500)+"1"+strings.Repeat("}", 1500)+`}`)},
		{"ten thousand members", jws(es256, named+strings.Repeat(`,"a":1`, 1500)+`}`)},
		{"a number without end", jws(es256, `{"iss":"x","exp":1`+strings.Repeat("0", 10_000)+`}`)},
		{"a number beyond all", jws(es256, named+`,"nbf":1e400}`)},
		{"a key in the header", jws(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"},"kid":"k"}`, named+`}`)},
		{"a header that leads elsewhere", jws(`{"alg":"RS256","jku":"`+elsewhere+`","x5u":"`+elsewhere+`","kid":"../../k"}`, named+`}`)},
		{"an unknown extension", jws(`{"alg":"ES256","crit":["b64"],"b64":false}`, named+`}`)},
		{"a JWS as JSON", `{"payload":"e30","signatures":[` + strings.TrimSuffix(strings.Repeat(`{"protected":"eyJhbGciOiJFUzI1NiJ9","signature":"AA"},`, 1000), ",") + `]}`},
		{"no text", "\x00\xff\xfe" + strings.Repeat("\xc3", 1000)},
		{"a key with a tail", "up_live_" + strings.Repeat("A", 100<<10)},
		{"a token with a tail", "at_" + strings.Repeat("A", 100<<10)},
	}
}

// takers is every parameter and header that takes a token, secret or code.
func (h *house) takers(key string) map[string]func(text string) *httptest.ResponseRecorder {
	post := func(path string, headers []string, pairs ...string) *httptest.ResponseRecorder {
		body := url.Values{}
		for n := 0; n+1 < len(pairs); n += 2 {
			body.Set(pairs[n], pairs[n+1])
		}
		return h.send("POST", path, body.Encode(), append([]string{"Content-Type", form}, headers...)...)
	}
	client := []string{"Authorization", h.basic()}
	asserted := func(path string, pairs ...string) func(string) *httptest.ResponseRecorder {
		return func(text string) *httptest.ResponseRecorder {
			return post(path, nil, append(pairs, "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer", "client_assertion", text)...)
		}
	}
	exchange := func(kind, parameter string) func(string) *httptest.ResponseRecorder {
		return func(text string) *httptest.ResponseRecorder {
			pairs := []string{"grant_type", authz.GrantTokenExchange, "subject_token_type", kind, "subject_token", key}
			if parameter == "actor_token" {
				pairs = append(pairs, "actor_token_type", "urn:ietf:params:oauth:token-type:access_token")
			}
			return post("/oauth2/token", client, append(pairs, parameter, text)...)
		}
	}
	bearer := func(method, path, header, scheme string, more ...string) func(string) *httptest.ResponseRecorder {
		return func(text string) *httptest.ResponseRecorder {
			return h.send(method, path, "{}", append([]string{header, scheme + " " + text, "Content-Type", "application/json"}, more...)...)
		}
	}
	dpop := func(method, path string, more ...string) func(string) *httptest.ResponseRecorder {
		return func(text string) *httptest.ResponseRecorder {
			return h.send(method, path, "grant_type=client_credentials", append([]string{"Content-Type", form, "DPoP", text}, more...)...)
		}
	}
	grant := func(name, parameter string) func(string) *httptest.ResponseRecorder {
		return func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/token", client, "grant_type", name, parameter, text, "redirect_uri", appURI, "code_verifier", "v")
		}
	}
	const jwt, access = "urn:ietf:params:oauth:token-type:jwt", "urn:ietf:params:oauth:token-type:access_token"
	takers := map[string]func(string) *httptest.ResponseRecorder{
		"id_token_hint": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", h.authorizeURL("id_token_hint", text), "")
		},
		"request": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", h.authorizeURL("request", text), "")
		},
		"request_uri": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", h.authorizeURL("request_uri", text), "")
		},
		"id_token_hint posted": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/authorize", nil, "client_id", string(h.app.ID), "redirect_uri", appURI, "response_type", "code", "scope", "openid", "id_token_hint", text)
		},
		"request posted": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/authorize", nil, "client_id", string(h.app.ID), "redirect_uri", appURI, "response_type", "code", "scope", "openid", "request", text)
		},
		"request pushed":               func(text string) *httptest.ResponseRecorder { return post("/oauth2/par", client, "request", text) },
		"client_assertion: token":      asserted("/oauth2/token", "grant_type", "client_credentials"),
		"client_assertion: introspect": asserted("/oauth2/introspect", "token", "x"),
		"client_assertion: revoke":     asserted("/oauth2/revoke", "token", "x"),
		"client_assertion: par":        asserted("/oauth2/par"),
		"client_assertion: device":     asserted("/oauth2/device_authorization", "scope", "openid"),
		"DPoP: token":                  dpop("POST", "/oauth2/token", client...),
		"DPoP: par":                    dpop("POST", "/oauth2/par", client...),
		"DPoP: userinfo":               dpop("GET", "/oauth2/userinfo", "Authorization", "DPoP at_"+strings.Repeat("A", 43)),
		"subject_token: jwt":           exchange(jwt, "subject_token"),
		"subject_token: access token":  exchange(access, "subject_token"),
		"subject_token: key":           exchange("urn:gatehouse:params:oauth:token-type:api_key", "subject_token"),
		"subject_token without a client": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/token", nil, "grant_type", authz.GrantTokenExchange, "subject_token_type", jwt, "subject_token", text)
		},
		"actor_token":       exchange("urn:gatehouse:params:oauth:token-type:api_key", "actor_token"),
		"token: introspect": func(text string) *httptest.ResponseRecorder { return post("/oauth2/introspect", client, "token", text) },
		"token: revoke":     func(text string) *httptest.ResponseRecorder { return post("/oauth2/revoke", client, "token", text) },
		"code":              grant("authorization_code", "code"),
		"refresh_token":     grant("refresh_token", "refresh_token"),
		"device_code":       grant(authz.GrantDeviceCode, "device_code"),
		"code_verifier":     grant("authorization_code", "code_verifier"),
		"client_secret": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/token", nil, "grant_type", "client_credentials", "client_id", string(h.app.ID), "client_secret", text)
		},
		"Basic": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/token", []string{"Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte(string(h.app.ID)+":"+url.QueryEscape(text)))}, "grant_type", "client_credentials")
		},
		"id_token_hint: logout": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", "/oauth2/logout?"+url.Values{"id_token_hint": {text}}.Encode(), "")
		},
		"logout_hint": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", "/oauth2/logout?"+url.Values{"logout_hint": {text}}.Encode(), "")
		},
		"id_token_hint: logout posted": func(text string) *httptest.ResponseRecorder {
			return post("/oauth2/logout", nil, "id_token_hint", text)
		},
		"id_token_hint: logout confirmed": func(text string) *httptest.ResponseRecorder {
			return post("/logout", []string{"Origin", host}, "id_token_hint", text)
		},
		"user_code": func(text string) *httptest.ResponseRecorder {
			return post("/device", []string{"Origin", host}, "user_code", text)
		},
		"state: callback": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", "/oidc/"+string(h.connection.ID)+"/callback?"+url.Values{"state": {text}, "code": {"c"}}.Encode(), "")
		},
		"the session's cookie": func(text string) *httptest.ResponseRecorder {
			return h.send("GET", h.authorizeURL("prompt", "none"), "", "Cookie", "__Host-sid-up="+text, "Cookie", "__Host-flow-up="+text)
		},
		"credential: verify": func(text string) *httptest.ResponseRecorder {
			return h.verify(h.basic(), map[string]any{"credential": text})
		},
		"Bearer: userinfo":                     bearer("GET", "/oauth2/userinfo", "Authorization", "Bearer"),
		"DPoP token: userinfo":                 bearer("POST", "/oauth2/userinfo", "Authorization", "DPoP"),
		"Bearer: token":                        bearer("POST", "/oauth2/token", "Authorization", "Bearer"),
		"Bearer: management":                   bearer("GET", "/v1/workspaces", "Authorization", "Bearer"),
		"Bearer: keys":                         bearer("POST", "/v1/auth/keys", "Authorization", "Bearer"),
		"Bearer: verify":                       bearer("POST", "/v1/verify", "Authorization", "Bearer"),
		"Bearer: forward-auth":                 bearer("GET", "/v1/forward-auth", "Authorization", "Bearer", "X-Gatehouse-Caller", h.basic()),
		"the caller of forward-auth":           bearer("GET", "/v1/forward-auth", "X-Gatehouse-Caller", "Bearer", "Authorization", "Bearer x"),
		"Bearer: register":                     bearer("POST", "/oauth2/register", "Authorization", "Bearer"),
		"Bearer: a registration":               bearer("GET", "/oauth2/register/"+string(h.app.ID), "Authorization", "Bearer"),
		"Bearer: a registration's replacement": bearer("PUT", "/oauth2/register/"+string(h.app.ID), "Authorization", "Bearer"),
		"Bearer: the end of a registration":    bearer("DELETE", "/oauth2/register/"+string(h.app.ID), "Authorization", "Bearer"),
	}
	return takers
}

// JW-03, JW-10, JW-11 and DS-03 at every parameter that takes a token. What
// bounds the cost is that nothing is decoded of a text that cannot be one: so
// what a request allocates is bounded by its own length, nothing is fetched,
// no secret is hashed, and the answer is a refusal.
func TestJW_03_JW_10_JW_11_DS_03_NoBombGoesOffWhereATokenIsTaken(t *testing.T) {
	h := newHouse(t)
	var fetched atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { fetched.Add(1) }))
	defer elsewhere.Close()
	_, key := h.key(h.workspace.ID, "monitor:read")
	for taker, take := range h.takers(key) {
		t.Run(taker, func(t *testing.T) {
			for _, b := range bombs(t, h.app.ID, elsewhere.URL) {
				h.log.text.Reset()
				// What is done beside the request is counted too: only what
				// is allocated each time is the request's own.
				var w *httptest.ResponseRecorder
				cost := uint64(math.MaxUint64)
				for range 3 {
					before := allocated()
					w = take(b.text)
					cost = min(cost, allocated()-before)
				}
				if sent := len(url.QueryEscape(b.text)); cost > uint64(16*sent+384<<10) {
					t.Errorf("%s: %d bytes were allocated for %d", b.name, cost, sent)
				}
				if !refused(w) {
					t.Errorf("%s: %d %.300s", b.name, w.Code, w.Body)
				}
				if at := min(len(b.text), 40); strings.Contains(h.log.String(), b.text[:at]) && at > 20 {
					t.Errorf("%s is in the log", b.name)
				}
			}
		})
	}
	if fetched.Load() > 0 {
		t.Errorf("%d addresses of strangers were fetched", fetched.Load())
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

// refused reports whether an answer gives nothing: an error, an inactive token,
// a revocation of nothing, or a page that asks a person.
func refused(w *httptest.ResponseRecorder) bool {
	if w.Code >= 400 {
		return w.Code < 500
	}
	if w.Code == http.StatusSeeOther {
		to, err := url.Parse(w.Header().Get("Location"))
		return err == nil && (to.Query().Has("error") || to.Path == "/oauth2/logout")
	}
	var m map[string]any
	if json.Unmarshal(w.Body.Bytes(), &m) == nil {
		return m["active"] == false || m["allowed"] == false
	}
	page := w.Body.String()
	return w.Code == http.StatusOK && (page == "" || strings.Contains(page, "<html") && !strings.Contains(page, "code="))
}
