package e2e_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// payloadOf reads the claims of a JWT without checking it.
func payloadOf(t testing.TB, compact string) map[string]any {
	t.Helper()
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		t.Fatalf("not a JWT: %q", compact)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// object is the claims of a good request object.
func (rp *fapiRP) object(more ...string) map[string]any {
	now := time.Now().Unix()
	claims := map[string]any{"iss": rp.id, "aud": rp.h.d.url, "iat": now, "nbf": now, "exp": now + 300}
	for name, values := range rp.parameters(more...) {
		claims[name] = values[0]
	}
	return claims
}

func (rp *fapiRP) pushObject(object string) answer {
	rp.h.Helper()
	return rp.push(url.Values{"client_id": {rp.id}, "request": {object}})
}

// The modules that fapi2-message-signing-final adds for signed requests.
func messageSigningRequests(h *fapiHouse) {
	rp := h.register("https://fapi.example/signed", map[string]any{"require_signed_request_object": true})
	signed := func(claims map[string]any) string {
		return sign(h, "ES256", rp.key, map[string]any{"kid": "k1"}, claims)
	}
	now := time.Now().Unix()
	for name, claims := range map[string]map[string]any{
		"happy-flow": rp.object(), "ensure-request-object-with-multiple-aud-succeeds": with(rp.object(), "aud", []string{h.d.url, "https://other.example"}),
		"ensure-request-object-with-nbf-8-seconds-in-the-future-is-accepted": with(rp.object(), "nbf", now+8),
	} {
		if a := rp.pushObject(signed(claims)); a.status != http.StatusCreated {
			h.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	for name, text := range map[string]string{
		"ensure-request-object-without-exp-fails":          signed(with(rp.object(), "exp", nil)),
		"ensure-request-object-without-nbf-fails":          signed(with(rp.object(), "nbf", nil)),
		"ensure-expired-request-object-fails":              signed(with(rp.object(), "exp", now-60)),
		"ensure-request-object-with-exp-over-60-fails":     signed(with(rp.object(), "exp", now+3700)),
		"ensure-request-object-with-nbf-over-60-fails":     signed(with(rp.object(), "nbf", now-3700)),
		"ensure-request-object-with-bad-aud-fails":         signed(with(rp.object(), "aud", "https://other.example")),
		"ensure-request-object-with-invalid-signature":     sign(h, "ES256", newKey(h), nil, rp.object()),
		"ensure-matching-key-in-authorization-request":     sign(h, "ES256", h.other.key, nil, rp.object()),
		"ensure-signed-request-object-with-RS256-fails":    sign(h, "RS256", rsaKey(h), nil, rp.object()),
		"par-authorization-request-containing-request_uri": signed(with(rp.object(), "request_uri", "urn:ietf:params:oauth:request_uri:x")),
	} {
		wantErrorOf(h, name, rp.pushObject(text), "invalid_request_object", "invalid_request")
	}
	noRedirect := rp.pushObject(signed(with(rp.object(), "redirect_uri", nil)))
	wantErrorOf(h, "ensure-request-object-without-redirect-uri-fails", noRedirect, "invalid_request", "invalid_request_object")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(marshal(h, rp.object())) + "."
	wantErrorOf(h, "ensure-request-object-signature-algorithm-is-not-none", rp.pushObject(none), "invalid_request_object")
	wantErrorOf(h, "ensure-unsigned-request-at-par-endpoint-fails", rp.push(rp.parameters()), "invalid_request")

	object := rp.object("state", "inside")
	a := rp.push(url.Values{"client_id": {rp.id}, "request": {signed(object)}, "state": {"outside"}, "nonce": {"outside"}})
	wantStatus(h, a, http.StatusCreated)
	q := rp.browse(h.browser(), a.text("request_uri"), "allow").back.Query()
	if q.Get("state") != "inside" {
		h.Errorf("ensure-different-state-inside-and-outside-request-object: %v", q)
	}
	tokens := rp.token(rp.redemption(q.Get("code")))
	wantStatus(h, tokens, http.StatusOK)
	if payloadOf(h, tokens.text("id_token"))["nonce"] != object["nonce"] {
		h.Error("ensure-different-nonce-inside-and-outside-request-object")
	}
}

func messageSigningJARM(h *fapiHouse) {
	rp := h.client
	for _, button := range []string{"allow", "deny"} {
		form := rp.parameters("response_mode", "jwt", "prompt", "consent")
		q := rp.browse(h.browser(), rp.pushed(form), button).back.Query()
		if len(q) != 1 {
			h.Fatalf("beside the response: %v", q)
		}
		claims := payloadOf(h, q.Get("response"))
		exp, _ := claims["exp"].(float64)
		if claims["iss"] != h.d.url || claims["aud"] != rp.id || claims["state"] != form.Get("state") || int64(exp) <= time.Now().Unix() {
			h.Errorf("claims: %v", claims)
		}
		if button == "deny" {
			if claims["error"] != "access_denied" {
				h.Errorf("claims: %v", claims)
			}
			continue
		}
		code, _ := claims["code"].(string)
		wantStatus(h, rp.token(rp.redemption(code)), http.StatusOK)
	}
}
