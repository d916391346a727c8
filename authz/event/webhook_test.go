package event_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/event"
)

// posted is what a receiver got.
type posted struct {
	id, timestamp, signature, contentType string
	body                                  []byte
}

// verifies is the receiver's side of Standard Webhooks, written from its text:
// the secret is what follows "whsec_", base64 decoded; the signed content is
// id, timestamp and body joined by full stops; the header is a space separated
// list of "version,base64", of which one "v1" must match; the timestamp must be
// within five minutes.
func (p posted) verifies(secret string, now time.Time) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return false
	}
	sent, err := strconv.ParseInt(p.timestamp, 10, 64)
	if err != nil || now.Sub(time.Unix(sent, 0)).Abs() > 5*time.Minute {
		return false
	}
	mac := hmac.New(sha256.New, key)
	io.WriteString(mac, p.id+"."+p.timestamp+"."+string(p.body))
	for _, part := range strings.Fields(p.signature) {
		version, text, _ := strings.Cut(part, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version == "v1" && err == nil && hmac.Equal(got, mac.Sum(nil)) {
			return true
		}
	}
	return false
}

// receiver is a real HTTP server that keeps what it got.
func receiver(t *testing.T, answer http.HandlerFunc) (url string, got *[]posted) {
	t.Helper()
	got = new([]posted)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = append(*got, posted{
			r.Header.Get("webhook-id"), r.Header.Get("webhook-timestamp"), r.Header.Get("webhook-signature"),
			r.Header.Get("Content-Type"), body,
		})
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, got
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func secretOf(fill byte, length int) string {
	return "whsec_" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(string(rune(fill)), length)))
}

func webhook(t *testing.T, url string, clock authz.Clock, secrets ...string) *event.Webhook {
	t.Helper()
	cfg := event.WebhookConfig{URL: url, Client: &http.Client{}, Clock: clock}
	for _, s := range secrets {
		cfg.Secrets = append(cfg.Secrets, authz.Secret(s))
	}
	w, err := event.NewWebhook(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func sample(t *testing.T) authz.Event {
	t.Helper()
	e, err := event.New("uptimepulse", "ws_1", "api_key.revoked", time.Now(), map[string]string{"key_id": "key_1"})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWH_03_TheSignatureVerifiesAndAnAlteredMessageDoesNot(t *testing.T) {
	url, got := receiver(t, status(http.StatusNoContent))
	secret := secretOf('a', 32)
	e := sample(t)
	if err := webhook(t, url, authz.SystemClock{}, secret).Deliver(t.Context(), e); err != nil {
		t.Fatal(err)
	}
	p, now := (*got)[0], time.Now()
	if p.id != e.ID || string(p.body) != string(e.Body) || p.contentType != "application/json" {
		t.Errorf("posted %+v", p)
	}
	if !p.verifies(secret, now) {
		t.Error("the signature does not verify")
	}
	for name, alter := range map[string]func(p *posted){
		"id":        func(p *posted) { p.id += "x" },
		"timestamp": func(p *posted) { p.timestamp = strconv.FormatInt(now.Unix()+7, 10) },
		"body":      func(p *posted) { p.body = append([]byte(" "), p.body...) },
	} {
		altered := p
		alter(&altered)
		if altered.verifies(secret, now) {
			t.Errorf("verifies with altered %s", name)
		}
	}
	if p.verifies(secretOf('b', 32), now) {
		t.Error("verifies under another secret")
	}
}

func TestWH_03_AWeakOrEmptySecretIsImpossible(t *testing.T) {
	for name, secrets := range map[string][]authz.Secret{
		"none":      {},
		"empty":     {""},
		"no bytes":  {"whsec_"},
		"short":     {authz.Secret(secretOf('a', 23))},
		"long":      {authz.Secret(secretOf('a', 65))},
		"no prefix": {authz.Secret(strings.TrimPrefix(secretOf('a', 32), "whsec_"))},
		"no base64": {"whsec_!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!"},
		"newline":   {authz.Secret(secretOf('a', 24) + "\n")},
		"second":    {authz.Secret(secretOf('a', 24)), ""},
		"three":     {authz.Secret(secretOf('a', 24)), authz.Secret(secretOf('b', 24)), authz.Secret(secretOf('c', 24))},
	} {
		_, err := event.NewWebhook(event.WebhookConfig{
			URL: "https://receiver.example/", Secrets: secrets, Client: &http.Client{}, Clock: authz.SystemClock{},
		})
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestWH_04_ARetryKeepsTheIDAndRenewsTheTimestamp(t *testing.T) {
	url, got := receiver(t, status(http.StatusInternalServerError))
	clock, secret := authz.NewStandingClock(), secretOf('a', 24)
	w, e := webhook(t, url, clock, secret), sample(t)
	for range 2 {
		if err := w.Deliver(t.Context(), e); err == nil {
			t.Fatal("500 was taken for a delivery")
		}
		clock.Advance(time.Hour)
	}
	first, second := (*got)[0], (*got)[1]
	if first.id != second.id {
		t.Errorf("ids %q and %q", first.id, second.id)
	}
	if first.timestamp == second.timestamp || first.signature == second.signature {
		t.Error("timestamp and signature are those of the first attempt")
	}
	if !second.verifies(secret, time.Now().Add(time.Hour)) {
		t.Error("the retry does not verify")
	}
}

func TestWH_04_BothSecretsSignDuringRotation(t *testing.T) {
	url, got := receiver(t, status(http.StatusOK))
	current, old := secretOf('a', 24), secretOf('b', 64)
	if err := webhook(t, url, authz.SystemClock{}, current, old).Deliver(t.Context(), sample(t)); err != nil {
		t.Fatal(err)
	}
	p := (*got)[0]
	if !p.verifies(current, time.Now()) || !p.verifies(old, time.Now()) {
		t.Errorf("signatures %q do not verify under both secrets", p.signature)
	}
}

func TestOnlyA410IsPermanent(t *testing.T) {
	for code, permanent := range map[int]bool{
		400: false, 401: false, 404: false, 408: false, 410: true, 422: false, 429: false, 500: false, 503: false,
	} {
		url, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(code)
		})
		err := webhook(t, url, authz.SystemClock{}, secretOf('a', 24)).Deliver(t.Context(), sample(t))
		failure, ok := errors.AsType[*event.Failure](err)
		if !ok || failure.Permanent != permanent || failure.RetryAfter != 2*time.Minute {
			t.Errorf("%d: %+v", code, failure)
		}
	}
}

func TestWH_02_ARedirectIsNotFollowed(t *testing.T) {
	elsewhere, strayed := receiver(t, status(http.StatusOK))
	url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	})
	if err := webhook(t, url, authz.SystemClock{}, secretOf('a', 24)).Deliver(t.Context(), sample(t)); err == nil {
		t.Error("a redirect was taken for a delivery")
	}
	if len(*strayed) != 0 {
		t.Error("the event went to where nobody sent it")
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	url, _ := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		chunk := make([]byte, 32<<10)
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := webhook(t, url, authz.SystemClock{}, secretOf('a', 24)).Deliver(ctx, sample(t)); err != nil {
		t.Error(err)
	}
}

func TestErrorsQuoteNeitherURLNorSecretNorAnswer(t *testing.T) {
	url, _ := receiver(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "reflected-answer")
	})
	secret := secretOf('a', 24)
	unreachable := "http://127.0.0.1:1/token-in-path"
	for _, target := range []string{url + "/token-in-path", unreachable} {
		err := webhook(t, target, authz.SystemClock{}, secret).Deliver(t.Context(), sample(t))
		if err == nil {
			t.Fatal("delivered")
		}
		for _, word := range []string{"token-in-path", "reflected-answer", secret} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("error quotes %q: %v", word, err)
			}
		}
	}
}

func TestAnUnusableURLIsRefused(t *testing.T) {
	for _, url := range []string{"", "ftp://h/", "file:///etc/passwd", "https://", "//h/", "https://u:p@h/", "https://h/%zz"} {
		_, err := event.NewWebhook(event.WebhookConfig{
			URL: url, Secrets: []authz.Secret{authz.Secret(secretOf('a', 24))}, Client: &http.Client{}, Clock: authz.SystemClock{},
		})
		if err == nil {
			t.Errorf("%q: accepted", url)
		}
	}
}
