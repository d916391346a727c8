package e2e_test

import (
	"encoding/json"
	"net/http"
	"testing"
)

// rotateKey replaces a key, with the credential given.
func (i issuer) rotateKey(t testing.TB, credential, id, body string) answer {
	t.Helper()
	return request(t, http.MethodPost, i.API+i.KeysPath+"/"+id+"/rotate", body, "Authorization", "Bearer "+credential, "Content-Type", "application/json")
}

// A fleet works through a rotation and its whole grace; its processes learn of
// the new key one after the other.
func TestU10_U11_AK14_AFleetWorksThroughAWholeRotation(t *testing.T) {
	p := startProduct(t, t.TempDir(), "--bench")
	for _, i := range p.Issuers {
		t.Run(i.Name, func(t *testing.T) {
			k := i.newKey(t, i.WorkspaceID, "live")
			old, id := k.text("key"), k.text("id")
			fleet := startFleet(t, i, old, 4)
			// A process claims the successor with the key it has, and again: the
			// answer was lost.
			next := i.rotateKey(t, old, id, "")
			wantStatus(t, next, http.StatusOK)
			if again := request(t, http.MethodPost, i.API+i.KeysPath+"/"+id+"/rotate", "", "Authorization", "Bearer "+old, "Idempotency-Key", "again"); again.text("key") != next.text("key") || again.text("id") != next.text("id") {
				t.Errorf("again: %d %s", again.status, again.text("id"))
			}
			text := next.text("key")
			before := i.manage(t, http.MethodGet, i.KeysPath+"/"+id+"?workspace_id="+i.WorkspaceID, "")
			if before.text("status") != "grace" || before.text("successor_id") != next.text("id") || next.text("predecessor_id") != id {
				t.Errorf("the old key is %s", before.body)
			}
			for step := range 6 {
				p.advance(t, "11h59m30s")
				if step < len(fleet.backends) {
					fleet.backends[step].uses(text)
				}
				if step == 2 {
					fleet.backends[0].uses(old) // a process that was rolled back
				}
				fleet.during()
			}
			fleet.end()
			nothingRefused(t, fleet)
			if !i.active(t, old) {
				t.Error("the old key was refused before its time")
			}
			p.advance(t, "3m")
			if i.active(t, old) || !i.active(t, text) {
				t.Error("after 72 hours the old key must be refused, and the new one must not")
			}
			wantError(t, i.tokenOfKey(t, old), http.StatusUnauthorized, "invalid_client")
		})
	}
}

func TestAK17_WhatAKeyMayRotateOverTheWire(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k, other := i.newKey(t, i.WorkspaceID, "live"), i.newKey(t, i.WorkspaceID, "live")
		token := i.tokenOfKey(t, k.text("key"))
		wantStatus(t, token, http.StatusOK)
		wantStatus(t, i.rotateKey(t, token.text("access_token"), k.text("id"), ""), http.StatusForbidden)
		wantStatus(t, i.rotateKey(t, other.text("key"), k.text("id"), ""), http.StatusForbidden)
		wantStatus(t, i.rotateKey(t, k.text("key"), k.text("id"), `{"grace":"PT1H"}`), http.StatusForbidden)
		wantStatus(t, i.rotateKey(t, i.OperatorKey, k.text("id"), `{"grace":"P1Y"}`), http.StatusBadRequest)
		wantStatus(t, i.rotateKey(t, i.OperatorKey, k.text("id"), `{"grace":"P31D"}`), http.StatusBadRequest)

		next := i.rotateKey(t, i.OperatorKey, k.text("id"), `{"grace":"PT48H"}`)
		wantStatus(t, next, http.StatusOK)
		if !i.active(t, next.text("key")) || !i.active(t, k.text("key")) || !i.active(t, token.text("access_token")) {
			t.Error("old key, new key and the token of the old one work")
		}
		if in := i.introspect(t, next.text("key")); in.text("sub") != i.introspect(t, k.text("key")).text("sub") || in.text("scope") != keyScope[i.Name] {
			t.Errorf("the successor is %s", in.body)
		}
		wantStatus(t, i.rotateKey(t, k.text("key"), k.text("id"), ""), http.StatusConflict) // the operator has it
		cut := i.changeKey(t, k.text("id"), "", `{"grace_until":"1970-01-01T00:00:00Z"}`)
		if wantStatus(t, cut, http.StatusOK); cut.text("status") != "expired" || i.active(t, k.text("key")) || i.active(t, token.text("access_token")) {
			t.Errorf("cut short it is %s", cut.body)
		}
		own := request(t, http.MethodGet, i.API+i.KeysPath+"/"+next.text("id"), "", "Authorization", "Bearer "+next.text("key"))
		if wantStatus(t, own, http.StatusOK); own.text("key") != "" {
			t.Error("a key reads its text")
		}
	})
}

func TestU12_TheCommandLineRotatesTheKeyInTheEnvironment(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.newKey(t, i.WorkspaceID, "live")
		variable := map[string]string{"uptimepulse": "UP_API_KEY", "statuspulse": "SP_API_KEY"}[i.Name]
		env := []string{variable + "=" + k.text("key"), "GATEHOUSE_URL=" + i.API}
		got := command(t, binary(t), env, "key", "rotate", "-o", "json")
		wantExit(t, got, 0)
		var next struct {
			Key      string
			Replaces struct{ ID, Status string }
		}
		if err := json.Unmarshal([]byte(got.stdout), &next); err != nil || next.Replaces.ID != k.text("id") || next.Replaces.Status != "grace" {
			t.Fatalf("%v: %s", err, got.stdout)
		}
		if !i.active(t, next.Key) {
			t.Error("the new key does not work")
		}
		operator := []string{"GATEHOUSE_API_KEY=" + i.OperatorKey, "GATEHOUSE_URL=" + i.API}
		wantExit(t, command(t, binary(t), operator, "key", "grace", k.text("id"), "--end", "--workspace", i.WorkspaceID), 0)
		if i.active(t, k.text("key")) {
			t.Error("the old key works although its grace was ended")
		}
		wantExit(t, command(t, binary(t), operator, "key", "grace", k.text("id"), "--workspace", i.WorkspaceID), 2)
	})
}

func TestALeakedKeyIsRevokedWithItsSuccessors(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		for _, byPost := range []bool{false, true} {
			if byPost && i.Name != "statuspulse" {
				continue
			}
			k := i.newKey(t, i.WorkspaceID, "live")
			next := i.rotateKey(t, k.text("key"), k.text("id"), "")
			wantStatus(t, next, http.StatusOK)
			method, path, body := http.MethodDelete, i.KeysPath+"/"+k.text("id")+"?successors=true&workspace_id="+i.WorkspaceID, ""
			if byPost {
				method, path, body = http.MethodPost, "/v1/api-keys/revoke", `{"id":"`+k.text("id")+`","workspace_id":"`+i.WorkspaceID+`","successors":true}`
			}
			gone := i.manage(t, method, path, body)
			wantStatus(t, gone, http.StatusOK)
			line, _ := gone.json["revoked_successors"].([]any)
			if len(line) != 1 || line[0] != next.text("id") || gone.text("status") != "revoked" {
				t.Errorf("revoked %s", gone.body)
			}
			if i.active(t, k.text("key")) || i.active(t, next.text("key")) {
				t.Error("a key of the line works")
			}
		}
	})
}

// keysOf lists the keys of a workspace that a query means.
func (i issuer) keysOf(t testing.TB, workspace, more string) []map[string]any {
	t.Helper()
	a := i.manage(t, http.MethodGet, i.KeysPath+"?workspace_id="+workspace+more, "")
	wantStatus(t, a, http.StatusOK)
	var list struct{ Items []map[string]any }
	if err := json.Unmarshal([]byte(a.body), &list); err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestU9_S4_S11_KeysAreReplacedInTheirTimeAndClaimTheirSuccessors(t *testing.T) {
	p := startProduct(t, t.TempDir(), "--bench")
	for _, i := range p.Issuers {
		t.Run(i.Name, func(t *testing.T) {
			ws := i.manage(t, http.MethodPost, "/v1/workspaces", `{"name":"rotating"}`).text("id")
			create := func(more string) answer {
				a := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"k","workspace_id":"`+ws+`","environment":"live","scopes":["`+keyScope[i.Name]+`"]`+more+`}`)
				wantStatus(t, a, http.StatusCreated)
				return a
			}
			scheduled, plain := create(`,"rotation":{"interval":"P90D"}`), create("")
			for _, interval := range []string{"P2D", "P1Y", "90d", "PT72H", "P3661D"} {
				a := i.manage(t, http.MethodPost, i.KeysPath, `{"name":"k","workspace_id":"`+ws+`","environment":"live","scopes":["`+keyScope[i.Name]+`"],"rotation":{"interval":"`+interval+`"}}`)
				wantStatus(t, a, http.StatusBadRequest)
			}
			always := i.Name == "statuspulse" // 365 days, always
			if (plain.text("rotate_at") != "") != always || scheduled.text("rotate_at") == "" {
				t.Errorf("due %q and %q", scheduled.text("rotate_at"), plain.text("rotate_at"))
			}
			policy := "/v1/workspaces/" + ws + "/key-policy"
			enforce := i.manage(t, http.MethodPut, policy, `{"enforce_rotation":true}`)
			if !always {
				wantStatus(t, enforce, http.StatusConflict)
			} else if wantStatus(t, enforce, http.StatusOK); enforce.json["enforce_rotation"] != true {
				t.Errorf("policy %s", enforce.body)
			}
			p.advance(t, "2161h") // 90 days and an hour
			want := 1
			if always {
				want = 2 // S11: the workspace enforces it, on the keys it has
			}
			if list := i.keysOf(t, ws, "&status=grace"); len(list) != want {
				t.Fatalf("%d keys in grace, want %d", len(list), want)
			}
			old, id := scheduled.text("key"), scheduled.text("id")
			own := request(t, http.MethodGet, i.API+i.KeysPath+"/"+id, "", "Authorization", "Bearer "+old)
			if own.text("status") != "grace" || own.text("successor_id") == "" {
				t.Errorf("the old key reads %s", own.body)
			}
			p.advance(t, "70h")
			next := i.rotateKey(t, old, id, "")
			wantStatus(t, next, http.StatusOK)
			if next.text("id") != own.text("successor_id") || !i.active(t, next.text("key")) || !i.active(t, old) {
				t.Errorf("claimed %s", next.text("id"))
			}
			p.advance(t, "3h")
			if i.active(t, old) || !i.active(t, next.text("key")) {
				t.Error("after the grace the old key must be refused, and the new one must not")
			}
			// U30: what nobody uses is found, and disabled where that is asked for.
			if list := i.keysOf(t, ws, "&unused_for=P1D&status=active&q=k"); len(list) == 0 {
				t.Error("no unused key is found")
			}
			if used := i.manage(t, http.MethodGet, i.KeysPath+"/"+next.text("id")+"?workspace_id="+ws, ""); used.text("last_used_at") == "" {
				t.Errorf("when it was used last is not told: %s", used.body)
			}
			wantStatus(t, i.manage(t, http.MethodPut, policy, `{"enforce_rotation":false,"disable_unused_after":"P30D"}`), http.StatusOK)
			p.advance(t, "696h")
			if !i.active(t, next.text("key")) {
				t.Fatal("disabled too early")
			}
			p.advance(t, "721h")
			if list := i.keysOf(t, ws, "&status=disabled"); len(list) == 0 || i.active(t, next.text("key")) {
				t.Errorf("%d keys are disabled", len(list))
			}
			if left := i.keysOf(t, ws, "&status=active"); len(left) != 0 {
				t.Errorf("%d keys that nobody uses are active", len(left))
			}
			if always { // S4: a key with no schedule of its own, and no policy
				id := "key_" + i.Keys.Test[8:24]
				p.advance(t, "8800h")
				next := i.rotateKey(t, i.Keys.Test, id, "")
				if wantStatus(t, next, http.StatusOK); next.text("created_by") != "schedule" {
					t.Errorf("made by %s", next.body)
				}
				p.advance(t, "73h")
				wantStatus(t, i.rotateKey(t, i.Keys.Test, id, ""), http.StatusUnauthorized)
			}
		})
	}
}
