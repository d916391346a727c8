package apikey_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
)

// alphanumeric reports whether s is letters and digits.
func alphanumeric(s string) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

// forge makes a text with the id of another and a tag that holds, as only who
// stole the tag key can. id says whether the id is changed too.
func (h *house) forge(text authz.Secret, id func(raw []byte)) authz.Secret {
	prefix := text.Reveal()[:8]
	raw, err := base64.StdEncoding.DecodeString(text.Reveal()[8:])
	h.check(err)
	id(raw)
	for n := uint32(1); ; n++ {
		binary.BigEndian.PutUint32(raw[24:], n*0x9E3779B1)
		mac := hmac.New(sha256.New, h.ring.DeriveAll("api key tag")[0])
		mac.Write([]byte(prefix + string(raw[:40])))
		copy(raw[40:44], mac.Sum(nil))
		binary.BigEndian.PutUint32(raw[44:], crc32.Checksum([]byte(prefix+string(raw[:44])), crc32.MakeTable(crc32.Castagnoli)))
		if body := base64.StdEncoding.EncodeToString(raw); alphanumeric(body) {
			return authz.Secret(prefix + body)
		}
	}
}

func same([]byte) {}

// other sets the id to zeros but for the version: "AQAAAAAAAAAAAAAA".
func other(raw []byte) { clear(raw[1:12]) }

func TestAK_08_EveryDoubtIsTheSameAnswer(t *testing.T) {
	h := newHouse(t)
	live, liveText := h.mint()
	_, foreignText, err := h.others.MintOperator(t.Context(), origin, apikey.OperatorRequest{Name: "x"})
	h.check(err)
	revoked, revokedText := h.mint()
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, revoked.ID)
	h.check(err)
	_, expiredText := h.mint(func(r *apikey.Request) { r.ExpiresAt = h.clock.Now().Add(time.Second) })
	h.clock.Advance(time.Second)
	orphan, orphanText := h.mint()
	_, err = h.store.KillNode(t.Context(), up, h.ws.ID, authz.NodeRef{Kind: authz.ServiceAccountNode, ID: string(orphan.ServiceAccountID)}, authz.Disabled)
	h.check(err)
	swapped := "up_test_" + liveText[8:]
	for name, text := range map[string]authz.Secret{
		"empty": "", "no key": "at_whatever", "prefix only": "up_live_", "another issuer's": foreignText,
		"environment swapped": swapped, "cut": liveText[:71], "unknown": h.forge(liveText, other),
		"wrong secret": h.forge(liveText, same), "revoked": revokedText, "expired": expiredText, "orphan": orphanText,
	} {
		key, lineage, err := h.keys.Authenticate(t.Context(), text)
		e, ok := errors.AsType[*authz.Error](err)
		if !ok || e.Kind != authz.Unauthenticated || e.Code != "invalid_token" || e.Description != "The credential is not active." || e.RetryAfter != 0 {
			t.Errorf("%s: %v", name, err)
		}
		if key.ID != "" || lineage != nil {
			t.Errorf("%s: %+v came with the refusal", name, key)
		}
	}
	if key, _, err := h.keys.Authenticate(t.Context(), liveText); err != nil || key.ID != live.ID {
		t.Errorf("the live key: %v", err)
	}
}

func TestS36_RefusalsOfAKnownKeyAreAuditedWithTheirReasonAndABound(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	ctx := authz.WithOrigin(t.Context(), origin)
	wrong := h.forge(text, same)
	_, _, err := h.keys.Authenticate(ctx, wrong)
	refused(t, "wrong secret", err, authz.Unauthenticated, "invalid_token")
	_, err = h.keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, key.ID)
	h.check(err)
	for range 50 {
		_, _, err := h.keys.Authenticate(ctx, text)
		refused(t, "revoked", err, authz.Unauthenticated, "invalid_token")
	}
	entries := h.entries(h.ws.ID, "api_key.refused")
	if len(entries) != 10 {
		t.Fatalf("%d entries of 51 refusals within a minute, want 10", len(entries))
	}
	first, last := entries[0], entries[9]
	if first.Reason != "wrong_secret" || last.Reason != "revoked" || last.Result != authz.Refused || last.Target != string(key.ID) || last.IP != origin.IP {
		t.Errorf("entries from %+v to %+v", first, last)
	}
	h.clock.Advance(time.Minute)
	_, _, _ = h.keys.Authenticate(ctx, text)
	if n := len(h.entries(h.ws.ID, "api_key.refused")); n != 11 {
		t.Errorf("%d entries a minute later, want 11", n)
	}
}

func TestAK_07_TenWrongSecretsCloseTheKeyForAMinuteAndNoOther(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint()
	_, bystander := h.mint()
	wrong := h.forge(text, same)
	for range 10 {
		_, _, err := h.keys.Authenticate(t.Context(), wrong)
		refused(t, "wrong secret", err, authz.Unauthenticated, "invalid_token")
	}
	_, _, err := h.keys.Authenticate(t.Context(), wrong)
	refused(t, "the eleventh", err, authz.RateLimited, "rate_limited")
	if e, _ := errors.AsType[*authz.Error](err); e.RetryAfter <= 0 || e.RetryAfter > time.Minute {
		t.Errorf("retry after %v", e.RetryAfter)
	}
	_, _, err = h.keys.Authenticate(t.Context(), bystander)
	h.check(err)
	h.clock.Advance(time.Minute)
	_, _, err = h.keys.Authenticate(t.Context(), text)
	h.check(err)
}

func TestADatabaseThatIsAwayIsNoRefusal(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint()
	h.check(h.store.Close())
	_, _, err := h.keys.Authenticate(t.Context(), text)
	refused(t, "closed", err, authz.Unavailable, "temporarily_unavailable")
	_, _, err = h.keys.Authenticate(t.Context(), "up_live_no_key")
	refused(t, "closed, and no key", err, authz.Unauthenticated, "invalid_token")
}

func TestS3_AHashOfOldCostsIsRenewedByUse(t *testing.T) {
	h := newHouse(t)
	key, text := h.mint()
	cfg := h.config(up, "up")
	cfg.Hasher = h.hasher(secret.Params{MemoryKiB: 128, Passes: 1, Threads: 1})
	costlier := must(apikey.New(cfg))(t)
	hash := func() string {
		stored, err := h.store.GetAPIKey(t.Context(), up, h.ws.ID, key.ID)
		h.check(err)
		return stored.Hash
	}
	before := hash()
	for range 2 {
		_, _, err := costlier.Authenticate(t.Context(), text)
		h.check(err)
	}
	renewed := hash()
	if renewed == before {
		t.Fatal("the hash is the old one")
	}
	_, _, err := costlier.Authenticate(t.Context(), text)
	h.check(err)
	if hash() != renewed {
		t.Error("a hash of today's costs was renewed")
	}
}

func TestATagKeyBeforeTheLastStillOpens(t *testing.T) {
	h := newHouse(t)
	_, text := h.mint()
	cfg := h.config(up, "up")
	cfg.TagKeys = append([][]byte{[]byte("a newer tag key of thirty-two bytes")}, cfg.TagKeys...)
	_, _, err := must(apikey.New(cfg))(t).Authenticate(t.Context(), text)
	h.check(err)
	cfg.TagKeys = cfg.TagKeys[:1]
	_, _, err = must(apikey.New(cfg))(t).Authenticate(t.Context(), text)
	refused(t, "its tag key is gone", err, authz.Unauthenticated, "invalid_token")
}
