package e2e_test

import (
	"net/http"
	"testing"
)

// changeKey sends a PATCH as the operator; etag may be empty.
func (i issuer) changeKey(t testing.TB, id, etag, body string) answer {
	t.Helper()
	headers := []string{"Authorization", "Bearer " + i.OperatorKey, "Content-Type", "application/json"}
	if etag != "" {
		headers = append(headers, "If-Match", etag)
	}
	return request(t, http.MethodPatch, i.API+i.KeysPath+"/"+id+"?workspace_id="+i.WorkspaceID, body, headers...)
}

// tokenOfKey asks for a token with a key.
func (i issuer) tokenOfKey(t testing.TB, key string) answer {
	t.Helper()
	return request(t, http.MethodPost, i.Issuer+"/oauth2/token", "grant_type=client_credentials",
		"Authorization", "Bearer "+key, "Content-Type", "application/x-www-form-urlencoded")
}

func TestU30_AK12_AKeyIsChangedFromTheRevisionThatWasReadAndSwitchedOffAndOn(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.newKey(t, i.WorkspaceID, "live")
		id, text, etag := k.text("id"), k.text("key"), k.header.Get("ETag")
		token := i.tokenOfKey(t, text)
		wantStatus(t, token, http.StatusOK)

		renamed := i.changeKey(t, id, etag, `{"name":"renamed","ip_allowlist":["127.0.0.0/8"],"expires_at":"2100-01-01T00:00:00Z"}`)
		wantStatus(t, renamed, http.StatusOK)
		if renamed.text("name") != "renamed" || renamed.text("expires_at") != "2100-01-01T00:00:00.000Z" || renamed.header.Get("ETag") == etag || renamed.text("key") != "" {
			t.Errorf("%s %s", renamed.header.Get("ETag"), renamed.body)
		}
		stale := i.changeKey(t, id, etag, `{"name":"again"}`)
		wantStatus(t, stale, http.StatusPreconditionFailed)
		if stale.text("code") != "stale" {
			t.Errorf("answer %s", stale.body)
		}
		forever := i.changeKey(t, id, "", `{"expires_at":null}`)
		if wantStatus(t, forever, http.StatusOK); forever.text("expires_at") != "" {
			t.Errorf("null takes the end away: %s", forever.body)
		}
		if !i.active(t, token.text("access_token")) {
			t.Error("a token ended for a change that takes nothing away")
		}
		for body, code := range map[string]string{
			`{"scopes":["unknown:scope"]}`: "invalid_request", `{"status":"revoked"}`: "invalid_request", `{"hash":"x"}`: "invalid_request",
			`{"workspace_id":"ws_other"}`: "invalid_request", `{"environment":"test"}`: "invalid_request", `{"resources":{"clusters":["*"]}}`: "invalid_request",
		} {
			a := i.changeKey(t, id, "", body)
			if a.status != http.StatusBadRequest || a.text("code") != code {
				t.Errorf("%s: %d %s", body, a.status, a.body)
			}
		}

		off := i.changeKey(t, id, "", `{"status":"disabled"}`)
		if wantStatus(t, off, http.StatusOK); off.text("status") != "disabled" || i.active(t, text) || i.active(t, token.text("access_token")) {
			t.Errorf("disabled: %s", off.body)
		}
		wantError(t, i.tokenOfKey(t, text), http.StatusUnauthorized, "invalid_client")
		wantStatus(t, i.changeKey(t, id, "", `{"status":"active"}`), http.StatusOK)
		if !i.active(t, text) || i.active(t, token.text("access_token")) {
			t.Error("enabled, the key works and what was made from it does not")
		}
		wantStatus(t, i.revokeKey(t, id), http.StatusOK)
		wantStatus(t, i.changeKey(t, id, "", `{"status":"active"}`), http.StatusConflict)
	})
}
