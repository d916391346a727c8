package apikey_test

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
)

// counting counts the hashes that are verified.
type counting struct {
	apikey.Hasher
	verified atomic.Int64
}

func (c *counting) VerifyMachine(ctx context.Context, stored string, text authz.Secret) (bool, bool, error) {
	c.verified.Add(1)
	return c.Hasher.VerifyMachine(ctx, stored, text)
}

// importing makes the keys of up that take those of "acme_sk_".
func (h *house) importing() (*apikey.Keys, *counting) {
	h.t.Helper()
	cfg := h.config(up, "up")
	hasher := &counting{Hasher: cfg.Hasher}
	cfg.Hasher = hasher
	cfg.Layouts = []apikey.Layout{
		{Pattern: regexp.MustCompile(`^acme_sk_[a-z0-9]{24}$`), Lookup: 14}, {Pattern: regexp.MustCompile(`^acme_tok_[a-z0-9]{32}$`)},
	}
	return must(apikey.New(cfg))(h.t), hasher
}

const (
	acmeKey   = "acme_sk_abcdef0123456789abcdefgh"
	acmeToken = "acme_tok_0123456789abcdefghijklmnopqrstuv"
)

func bcrypted(t *testing.T, text string) string {
	t.Helper()
	return string(must(bcrypt.GenerateFromPassword([]byte(text), bcrypt.MinCost))(t))
}

func (h *house) importOf(text string, change ...func(*apikey.ImportRequest)) apikey.ImportRequest {
	r := apikey.ImportRequest{
		Request: h.request(), Lookup: text[:14], Last4: text[len(text)-4:],
		Digest: apikey.ForeignDigest{Kind: "bcrypt", Value: bcrypted(h.t, text)},
	}
	for _, c := range change {
		c(&r)
	}
	return r
}

func TestAnImportedKeyIsVerifiedByItsOwnDigestOnceAndThenAsOurs(t *testing.T) {
	h := newHouse(t)
	keys, hasher := h.importing()
	short, long := sha256.Sum256([]byte(acmeToken)), sha512.Sum512([]byte("acme_tok_"+strings.Repeat("x", 32)))
	byDigest := func(kind, value string) func(*apikey.ImportRequest) {
		return func(r *apikey.ImportRequest) { r.Lookup, r.Digest = "", apikey.ForeignDigest{Kind: kind, Value: value} }
	}
	for text, r := range map[authz.Secret]apikey.ImportRequest{
		acmeKey:   h.importOf(acmeKey),
		acmeToken: h.importOf(acmeToken, byDigest("sha256", hex.EncodeToString(short[:]))),
		authz.Secret("acme_tok_" + strings.Repeat("x", 32)): h.importOf(acmeToken, byDigest("sha512", hex.EncodeToString(long[:]))),
	} {
		if !keys.IsKey(text) {
			t.Error("it is not looked at as a key")
		}
		key := must(keys.Import(t.Context(), h.operator, origin, r))(t)
		stored := must(h.store.GetAPIKey(t.Context(), up, h.ws.ID, key.ID))(t)
		if !strings.HasPrefix(stored.Hash, "foreign$"+r.Digest.Kind) || key.Hash != "" {
			t.Errorf("%s: stored as %q", r.Digest.Kind, stored.Hash)
		}
		for use := range 3 {
			got, lineage, err := keys.Authenticate(t.Context(), text)
			if err != nil || got.ID != key.ID || !lineage.Usable() || got.Scopes[0] != "monitor:read" {
				t.Fatalf("%s, use %d: %+v, %v", r.Digest.Kind, use, got, err)
			}
			again := must(h.store.GetAPIKey(t.Context(), up, h.ws.ID, key.ID))(t)
			if !strings.HasPrefix(again.Hash, "$argon2id$v=19$m=64,t=1,p=1,keyid=r1$") {
				t.Errorf("S3: %s after use %d: %q", r.Digest.Kind, use, again.Hash)
			}
		}
		if e := h.entries(h.ws.ID, "api_key.imported"); len(e) == 0 || e[len(e)-1].Target != string(key.ID) {
			t.Errorf("audited %+v", e)
		}
	}
	// Once it was used, a wrong secret costs no hash at all.
	before := hasher.verified.Load()
	for n := range 50 {
		_, _, err := keys.Authenticate(t.Context(), authz.Secret(acmeKey[:28]+string(rune('a'+n%26))+"xyz"))
		refused(t, "a wrong secret", err, authz.Unauthenticated, "invalid_token")
	}
	if n := hasher.verified.Load() - before; n != 0 {
		t.Errorf("AK-07: %d hashes were computed for a stranger", n)
	}
}

func TestAK07_AStrangerBuysFewRunsOfADearDigest(t *testing.T) {
	h := newHouse(t)
	keys, hasher := h.importing()
	must(keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey)))(t)
	limited := 0
	for range 100 {
		_, _, err := keys.Authenticate(t.Context(), authz.Secret(acmeKey[:28]+"wxyz"))
		if e, ok := errors.AsType[*authz.Error](err); ok && e.Kind == authz.RateLimited {
			limited++
		}
	}
	if n := hasher.verified.Load(); n != 10 || limited != 90 {
		t.Errorf("%d hashes were computed, %d tries refused before", n, limited)
	}
	_, _, err := keys.Authenticate(t.Context(), authz.Secret("acme_sk_"+strings.Repeat("z", 24)))
	refused(t, "an unknown key", err, authz.Unauthenticated, "invalid_token")
	if n := hasher.verified.Load(); n != 10 {
		t.Error("an unknown key was hashed")
	}
	h.clock.Advance(2 * time.Minute)
	if _, _, err := keys.Authenticate(t.Context(), acmeKey); err != nil {
		t.Errorf("its owner: %v", err)
	}
}

func TestOnlyTheOperatorImportsAndOnlyWhatIsWhole(t *testing.T) {
	h := newHouse(t)
	keys, _ := h.importing()
	for name, c := range map[string]struct {
		change func(*apikey.ImportRequest)
		member string
	}{
		"no lookup":            {func(r *apikey.ImportRequest) { r.Lookup = "" }, "lookup"},
		"a longer lookup":      {func(r *apikey.ImportRequest) { r.Lookup = acmeKey[:20] }, "lookup"},
		"a lookup of controls": {func(r *apikey.ImportRequest) { r.Lookup = "acme_sk_\x00abcde" }, "lookup"},
		"kind":                 {func(r *apikey.ImportRequest) { r.Digest.Kind = "md5" }, "digest.kind"},
		"value":                {func(r *apikey.ImportRequest) { r.Digest.Value = "x" }, "digest.value"},
		"last4":                {func(r *apikey.ImportRequest) { r.Last4 = "12345" }, "last4"},
		"scope":                {func(r *apikey.ImportRequest) { r.Scopes = []string{"*"} }, "scopes"},
		"name":                 {func(r *apikey.ImportRequest) { r.Name = "" }, "name"},
	} {
		_, err := keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey, c.change))
		if e, ok := errors.AsType[*authz.Error](err); !ok || e.Kind != authz.Invalid || !strings.HasPrefix(e.Description, c.member) {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, err := keys.Import(t.Context(), h.issuing("monitor:read"), origin, h.importOf(acmeKey))
	refused(t, "somebody of a workspace", err, authz.Forbidden, "operator_required")
	_, err = keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey, func(r *apikey.ImportRequest) { r.WorkspaceID = h.foreign.ID }))
	if !errors.Is(err, authz.ErrNotFound) {
		t.Errorf("TN-01: another issuer's workspace: %v", err)
	}
	must(keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey)))(t)
	_, err = keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey))
	refused(t, "twice", err, authz.Conflict, "already_imported")
	all := must(keys.List(t.Context(), h.operator, h.ws.ID, authz.KeyFilter{}, authz.Page{}))(t)
	if len(all) != 2 || all[1].Prefix != acmeKey[:14] || all[1].Last4 != acmeKey[28:] {
		t.Errorf("%d keys: %+v", len(all), all) // the other one issues
	}
}

func TestAnImportedKeyIsRevokedReportedAndEndsAsAnyOther(t *testing.T) {
	h := newHouse(t)
	keys, _ := h.importing()
	key := must(keys.Import(t.Context(), h.operator, origin, h.importOf(acmeKey)))(t)
	if known := must(keys.ReportLeak(t.Context(), origin, acmeKey, apikey.LeakSource{Kind: "report"}))(t); !known {
		t.Error("its leak is not known")
	}
	if known := must(keys.ReportLeak(t.Context(), origin, authz.Secret(acmeKey[:28]+"wxyz"), apikey.LeakSource{Kind: "report"}))(t); known {
		t.Error("whoever knows its beginning may report it")
	}
	must(keys.Revoke(t.Context(), h.operator, origin, h.ws.ID, key.ID))(t)
	_, _, err := keys.Authenticate(t.Context(), acmeKey)
	refused(t, "revoked", err, authz.Unauthenticated, "invalid_token")
}
