package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// reach is the blast radius of a key.
type reach struct {
	Live   bool
	Key    struct{ ID, Status string }
	Mints  *struct{ Scopes []string }
	Grants []struct {
		ID, Type  string
		ClientID  string `json:"client_id"`
		Exchanged bool
		Scopes    []string
	}
	Tokens     int                           `json:"tokens_issued_last_day"`
	MadeKeys   []struct{ ID, Status string } `json:"keys_made"`
	Recent     []struct{ Type, Result, IP string }
	Successors []struct{ ID string }
}

func (i issuer) reach(t *testing.T, id string) (r reach) {
	t.Helper()
	a := i.manage(t, http.MethodGet, i.KeysPath+"/"+id+"/blast-radius?workspace_id="+i.WorkspaceID, "")
	wantStatus(t, a, http.StatusOK)
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// Before a key is revoked it is told what it can do, what came of it and what was
// heard of it; after it a receipt says what ended, the same every time, and all of
// that is inactive.
func TestU33_U35_WhatARevocationEndsIsToldBeforeAndAfter(t *testing.T) {
	bothIssuers(t, func(t *testing.T, _ *product, i issuer) {
		t.Parallel()
		k := i.newKey(t, i.WorkspaceID, "live")
		id, text := k.text("id"), k.text("key")
		if r := i.reach(t, id); !r.Live || r.Mints != nil || len(r.Grants) != 0 || r.Tokens != 0 || len(r.Recent) != 1 || r.Recent[0].Type != "api_key.created" {
			t.Errorf("of a new key: %+v", r)
		}
		first, second := i.tokenOfKey(t, text), i.tokenOfKey(t, text)
		wantStatus(t, second, http.StatusOK)
		exchanger := i.manage(t, http.MethodPost, "/v1/clients", `{"name":"exchanger","workspace_id":"`+i.WorkspaceID+`","grant_types":["`+exchangeGrant+`"],"scopes":["`+keyScope[i.Name]+`"]}`)
		wantStatus(t, exchanger, http.StatusCreated)
		exchanged := i.token(t, client{ID: exchanger.text("client_id"), Secret: exchanger.text("client_secret")},
			"grant_type", exchangeGrant, "subject_token", first.text("access_token"), "subject_token_type", "urn:ietf:params:oauth:token-type:access_token")
		wantStatus(t, exchanged, http.StatusOK)
		next := i.rotateKey(t, text, id, "")
		wantStatus(t, next, http.StatusOK)

		r := i.reach(t, id)
		kinds := map[bool]int{}
		for _, g := range r.Grants {
			kinds[g.Exchanged]++
			if len(g.Scopes) != 1 || g.Scopes[0] != keyScope[i.Name] || g.Exchanged != (g.ClientID == exchanger.text("client_id")) {
				t.Errorf("a grant is %+v", g)
			}
		}
		if !r.Live || kinds[true] != 1 || kinds[false] != 1 || r.Tokens != 3 || len(r.Successors) != 1 || r.Successors[0].ID != next.text("id") {
			t.Errorf("of a used key: %+v", r)
		}
		if seen := r.Recent[0]; seen.Type != "api_key.rotated" || seen.IP != "127.0.0.1" {
			t.Errorf("what was heard of it last: %+v", seen)
		}
		path, body, method := i.KeysPath+"/"+id+"?workspace_id="+i.WorkspaceID, "", http.MethodDelete
		if i.Name == "statuspulse" {
			path, body, method = "/v1/api-keys/revoke", `{"id":"`+id+`","workspace_id":"`+i.WorkspaceID+`"}`, http.MethodPost
		}
		var receipts []string
		for range 2 {
			gone := i.manage(t, method, path, body)
			wantStatus(t, gone, http.StatusOK)
			raw, _ := json.Marshal(gone.json["receipt"])
			receipts = append(receipts, string(raw))
		}
		for _, part := range []string{`"grants_ended":2`, `"tokens_issued_last_day":3`, `"revoked_by":"`, `"purge_at":"`, `"id":"evt_`, `"keys_made":0`} {
			if !strings.Contains(receipts[0], part) {
				t.Errorf("the receipt has no %s: %s", part, receipts[0])
			}
		}
		if receipts[0] != receipts[1] {
			t.Errorf("revoking again gives another receipt: %s\n%s", receipts[0], receipts[1])
		}
		for what, dead := range map[string]string{"key": text, "token": first.text("access_token"), "second token": second.text("access_token"), "exchanged token": exchanged.text("access_token")} {
			if i.active(t, dead) {
				t.Errorf("the %s is active", what)
			}
		}
		if !i.active(t, next.text("key")) {
			t.Error("the successor was revoked with it")
		}
		if r := i.reach(t, id); r.Live || len(r.Grants) != 0 || r.Key.Status != "revoked" {
			t.Errorf("of a revoked key: %+v", r)
		}
	})
}

// What a key that may mint could make, and what its subject made, is told.
func TestU33_TheKeysAKeyMadeAreTold(t *testing.T) {
	i := theProduct(t).Issuers[0]
	own := "key_" + i.OperatorKey[8:24]
	made := i.newKey(t, i.WorkspaceID, "test")
	a := i.manage(t, http.MethodGet, i.KeysPath+"/"+own+"/blast-radius", "")
	wantStatus(t, a, http.StatusOK)
	var r reach
	if err := json.Unmarshal([]byte(a.body), &r); err != nil {
		t.Fatal(err)
	}
	if r.Mints == nil || len(r.MadeKeys) == 0 || r.MadeKeys[0].ID == "" || !strings.Contains(a.body, made.text("id")) {
		t.Errorf("of the operator's key: %.600s", a.body)
	}
	shown := command(t, binary(t), []string{"GATEHOUSE_API_KEY=" + i.OperatorKey, "GATEHOUSE_URL=" + i.API}, "key", "blast-radius", made.text("id"), "--workspace", i.WorkspaceID, "-o", "json")
	if wantExit(t, shown, 0); !strings.Contains(shown.stdout, `"live"`) {
		t.Errorf("%s", shown.stdout)
	}
}
