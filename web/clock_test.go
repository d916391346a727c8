package web_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// A clock that steps back, by seconds or an hour, refuses no key and no token that
// was made before the step, lets none live past its end, and keeps nobody waiting.
func TestR7_AClockThatStepsBackRefusesNoKeyAndLengthensNone(t *testing.T) {
	t.Parallel()
	for _, step := range []time.Duration{5 * time.Second, time.Hour} {
		h := newHouse(t)
		gateway := h.gateway(authz.Live)
		ends := h.clock.Now().Add(2 * time.Hour)
		key, text := h.mint(func(r *apikey.Request) { r.ExpiresAt = ends })
		rotated, rotatedText := h.mint(nil)
		first := h.manage(rotatedText, "POST", "/v1/auth/keys/"+string(rotated.ID)+"/rotate", `{}`)
		h.wants("rotating", first, http.StatusOK, "")
		ask := func(credential string) map[string]any {
			return map[string]any{"credential": credential, "action": "monitor:read"}
		}
		token := func() string {
			t.Helper()
			w := h.send("POST", "/oauth2/token", "grant_type=client_credentials", "Content-Type", form, "Authorization", "Bearer "+text)
			if w.Code != http.StatusOK {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			return member(w, "access_token")
		}
		before := token()
		h.clock.Advance(-step)
		successor := member(first, "key")
		for what, credential := range map[string]string{"the key": text, "its token": before, "a token made now": token(), "one in grace": rotatedText, "its successor": successor} {
			h.decided(what+" after the step", h.verify(gateway, ask(credential)), "ok")
		}
		if w := h.manage(successor, "GET", "/v1/auth/keys/"+member(first, "id"), ""); w.Code != http.StatusOK {
			t.Errorf("the successor reads itself: %d %s", w.Code, w.Body)
		}
		again := h.manage(rotatedText, "POST", "/v1/auth/keys/"+string(rotated.ID)+"/rotate", `{}`)
		if again.Code/100 != 2 || member(again, "key") != successor {
			t.Errorf("the lost answer after the step: %d %s", again.Code, again.Body)
		}
		_, later := h.mint(nil)
		h.decided("a key made after the step", h.verify(gateway, ask(later)), "ok")
		h.clock.Advance(step + 2*time.Hour + time.Second)
		for what, credential := range map[string]string{"the key": text, "its token": before} {
			h.decided(what+" past its end", h.verify(gateway, ask(credential)), "inactive")
		}
		h.clock.Advance(70*time.Hour + time.Second)
		h.decided("past the grace", h.verify(gateway, ask(rotatedText)), "inactive")
		h.decided("the successor", h.verify(gateway, ask(successor)), "ok")
		if k := h.stored(key); k.StatusAt(h.clock.Now()) != authz.StatusExpired {
			t.Errorf("its status is %s", k.StatusAt(h.clock.Now()))
		}
	}
}

// stored is the key as it is in the database.
func (h *house) stored(key authz.APIKey) authz.APIKey {
	h.Helper()
	return made(h.store.GetAPIKey(h.Context(), issuer, key.WorkspaceID, key.ID))(h)
}
