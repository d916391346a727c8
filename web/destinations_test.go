package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// WH-05: what a destination is spoken to with is told by no answer; the signing
// secret of a webhook by the one that made it.
func TestWH_05_NoAnswerTellsTheSecretsOfADestination(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	path := "?workspace_id=" + string(h.workspace.ID)
	made := h.manage(h.operator, "POST", "/v1/key-destinations", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"hook","kind":"webhook","target":{"url":"https://hooks.example/x","jwk":`+publicKey+`}}`)
	h.wants("a webhook", made, http.StatusCreated, "")
	first := member(made, "signing_secret")
	vault := h.manage(h.operator, "POST", "/v1/key-destinations", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"vault","kind":"vault","target":{"url":"https://vault.example","mount":"kv","path":"a"},"secrets":{"token":"hvs.very-secret"}}`)
	h.wants("a Vault", vault, http.StatusCreated, "")
	aws := h.manage(h.operator, "POST", "/v1/key-destinations", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"aws","kind":"aws_secrets_manager","target":{"secret_arn":"arn:aws:secretsmanager:eu-central-1:123456789012:secret:x","access_key_id":"AKIAIOSFODNN7EXAMPLE"},"secrets":{"secret_access_key":"aws-very-secret"}}`)
	h.wants("a secret of AWS", aws, http.StatusCreated, "")
	hook, kept := "/v1/key-destinations/"+member(made, "id"), "/v1/key-destinations/"+member(vault, "id")
	second := member(h.manage(h.operator, "POST", hook+"/rotate-secret"+path, ""), "signing_secret")
	if !strings.HasPrefix(first, "whsec_") || !strings.HasPrefix(second, "whsec_") || first == second {
		t.Fatalf("the signing secrets are %d and %d characters", len(first), len(second))
	}
	answers := vault.Body.String() + aws.Body.String()
	for _, c := range [][3]string{
		{"GET", hook}, {"GET", kept}, {"GET", "/v1/key-destinations"}, {"PATCH", hook, `{"name":"other"}`},
		{"PATCH", kept, `{"secrets":{"token":"hvs.another-secret"}}`},
	} {
		w := h.manage(h.operator, c[0], c[1]+path, c[2])
		h.wants(c[0]+" "+c[1], w, http.StatusOK, "")
		answers += w.Body.String()
	}
	for _, secret := range []string{first, second, "very-secret", "another-secret"} {
		if strings.Contains(answers, secret) || strings.Contains(h.log.String(), secret) {
			t.Errorf("%.6s… is told", secret)
		}
	}
	h.wants("a private key", h.manage(h.operator, "PATCH", hook+path, `{"jwk":{"kty":"EC","d":"AA"}}`), http.StatusBadRequest, "invalid_request")
}

// WH-09: a destination is tried out over the API; what is wrong is told, and none
// of what the other side wrote.
func TestWH_09_ADestinationIsTriedOutOverTheAPI(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	in := "?workspace_id=" + string(h.workspace.ID)
	made := h.manage(h.operator, "POST", "/v1/key-destinations", `{"workspace_id":"`+string(h.workspace.ID)+`","name":"hook","kind":"webhook","target":{"url":"https://hooks.example.invalid/x?secret=1","jwk":`+publicKey+`}}`)
	h.wants("a webhook", made, http.StatusCreated, "")
	w := h.manage(h.operator, "POST", "/v1/key-destinations/"+member(made, "id")+"/test"+in, "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Body.String(), `{"ok":false,"error":"`) || strings.Contains(w.Body.String(), "secret=1") || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	_, reader := h.key(h.workspace.ID, "monitor:read")
	h.wants("without the scope", h.manage(reader, "POST", "/v1/key-destinations/"+member(made, "id")+"/test", ""), http.StatusForbidden, "insufficient_scope")
}
