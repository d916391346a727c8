package mfa_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp/mfa"
	"github.com/gatehouse-auth/gatehouse/idp/mfa/mfatest"
)

const origin = "https://auth.example"

func keys(t testing.TB) *mfa.Passkeys {
	t.Helper()
	p, err := mfa.NewPasskeys(origin, "Acme")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func ada() mfa.User {
	return mfa.User{Handle: []byte("handle of ada"), Name: "ada", DisplayName: "Ada"}
}

// enrolled is an authenticator whose passkey the user has.
func enrolled(t testing.TB, p *mfa.Passkeys, a *mfatest.Authenticator, u mfa.User) (mfa.User, mfa.Passkey) {
	t.Helper()
	a.Origin, a.RPID = origin, "auth.example"
	options, ceremony, err := p.BeginCreate(u)
	if err != nil {
		t.Fatal(err)
	}
	response, err := a.Create(string(options))
	if err != nil {
		t.Fatal(err)
	}
	made, err := p.FinishCreate(u, ceremony, []byte(response))
	if err != nil {
		t.Fatal(err)
	}
	u.Records = append(u.Records, made.Record)
	return u, made
}

func reasonOf(err error) string {
	refusal := &mfa.Refusal{}
	if errors.As(err, &refusal) {
		return refusal.Reason()
	}
	if err != nil {
		return "error: " + err.Error()
	}
	return ""
}

func TestAPasskeyIsMadeAndUsed(t *testing.T) {
	p, a := keys(t), &mfatest.Authenticator{Counts: true, Counter: 3, Syncable: true, Synced: true}
	u, made := enrolled(t, p, a, ada())
	if made.Counter != 3 || !made.Synced || !made.Syncable || len(made.ID) != 32 {
		t.Errorf("made %+v", made)
	}
	for _, who := range []*mfa.User{&u, nil} { // by name, and discovered
		options, ceremony, err := p.BeginGet(who)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(options), `"userVerification":"required"`) || (who == nil) == strings.Contains(string(options), "allowCredentials") {
			t.Errorf("options %s", options)
		}
		response, err := a.Get(string(options))
		if err != nil {
			t.Fatal(err)
		}
		if id, err := p.CredentialID([]byte(response)); err != nil || string(id) != string(made.ID) {
			t.Errorf("id %x, %v", id, err)
		}
		used, err := p.FinishGet(u, ceremony, []byte(response))
		if err != nil || used.Counter != int64(a.Counter) || used.Copied {
			t.Fatalf("used %+v, %v", used, err)
		}
		u.Records = []json.RawMessage{used.Record}
	}
	options, _, err := p.BeginCreate(u)
	if err != nil || !strings.Contains(string(options), "excludeCredentials") || !strings.Contains(string(options), `"residentKey":"required"`) || !strings.Contains(string(options), `"attestation":"none"`) {
		t.Errorf("options %s, %v", options, err)
	}
	// A counter that does not go on is a copy; one that never counts is not.
	a.Counter--
	options, ceremony, _ := p.BeginGet(&u)
	response, _ := a.Get(string(options))
	if used, err := p.FinishGet(u, ceremony, []byte(response)); err != nil || !used.Copied {
		t.Errorf("a copy: %+v, %v", used, err)
	}
	still := &mfatest.Authenticator{}
	other, _ := enrolled(t, p, still, ada())
	for range 2 {
		options, ceremony, _ := p.BeginGet(&other)
		response, _ := still.Get(string(options))
		if used, err := p.FinishGet(other, ceremony, []byte(response)); err != nil || used.Copied || used.Counter != 0 {
			t.Errorf("one that does not count: %+v, %v", used, err)
		}
	}
}

func TestMF_08_AnAnswerFromElsewhereIsRefusedForItsReason(t *testing.T) {
	p := keys(t)
	for want, lie := range map[string]func(*mfatest.Authenticator){
		mfa.ReasonOrigin:       func(a *mfatest.Authenticator) { a.Origin = "https://auth.example.evil.example" },
		mfa.ReasonRelyingParty: func(a *mfatest.Authenticator) { a.RPID = "evil.example" },
		mfa.ReasonUnverified:   func(a *mfatest.Authenticator) { a.Unverified = true },
		mfa.ReasonChallenge:    func(a *mfatest.Authenticator) { a.Challenge = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		mfa.ReasonCeremony:     func(a *mfatest.Authenticator) { a.Type = "payment.get" },
	} {
		a := &mfatest.Authenticator{}
		u, _ := enrolled(t, p, a, ada())
		lie(a)
		options, ceremony, _ := p.BeginGet(&u)
		response, _ := a.Get(string(options))
		if _, err := p.FinishGet(u, ceremony, []byte(response)); reasonOf(err) != want {
			t.Errorf("used: %s, want %s", reasonOf(err), want)
		}
		options, ceremony, _ = p.BeginCreate(u)
		response, _ = a.Create(string(options))
		if _, err := p.FinishCreate(u, ceremony, []byte(response)); reasonOf(err) != want {
			t.Errorf("made: %s, want %s", reasonOf(err), want)
		}
	}
	// Other spellings of the origin are other origins.
	for _, elsewhere := range []string{"http://auth.example", "https://auth.example:8443", "https://www.auth.example", "https://example", "null", ""} {
		a := &mfatest.Authenticator{}
		u, _ := enrolled(t, p, a, ada())
		a.Origin = elsewhere
		options, ceremony, _ := p.BeginGet(&u)
		response, _ := a.Get(string(options))
		if _, err := p.FinishGet(u, ceremony, []byte(response)); err == nil {
			t.Errorf("%q is our origin", elsewhere)
		}
	}
	// A ceremony that asks for less does not make it enough.
	a := &mfatest.Authenticator{}
	u, _ := enrolled(t, p, a, ada())
	options, ceremony, _ := p.BeginGet(&u)
	a.Unverified = true
	response, _ := a.Get(string(options))
	weaker := strings.Replace(string(ceremony), `"userVerification":"required"`, `"userVerification":"preferred"`, 1)
	if _, err := p.FinishGet(u, []byte(weaker), []byte(response)); reasonOf(err) != mfa.ReasonUnverified {
		t.Errorf("weaker: %s", reasonOf(err))
	}
}

func TestMF_08_AnotherPersonsPasskeyIsNone(t *testing.T) {
	p, a, b := keys(t), &mfatest.Authenticator{}, &mfatest.Authenticator{}
	u, _ := enrolled(t, p, a, ada())
	other, _ := enrolled(t, p, b, mfa.User{Handle: []byte("handle of bob"), Name: "bob"})
	options, ceremony, _ := p.BeginGet(&u)
	response, _ := b.Get(string(options))
	if _, err := p.FinishGet(u, ceremony, []byte(response)); reasonOf(err) != mfa.ReasonUnknown {
		t.Errorf("bob's for ada: %s", reasonOf(err))
	}
	options, ceremony, _ = p.BeginGet(nil)
	response, _ = b.Get(string(options))
	if _, err := p.FinishGet(u, ceremony, []byte(response)); err == nil {
		t.Error("bob's, discovered, for ada")
	}
	if _, err := p.FinishGet(other, ceremony, []byte(response)); err != nil {
		t.Errorf("bob's for bob: %v", err)
	}
	// A signature of another key.
	var forged map[string]any
	_ = json.Unmarshal([]byte(response), &forged)
	options, ceremony, _ = p.BeginGet(&u)
	response, _ = a.Get(string(options))
	var mine map[string]any
	_ = json.Unmarshal([]byte(response), &mine)
	mine["response"].(map[string]any)["signature"] = forged["response"].(map[string]any)["signature"] //nolint:forcetypeassert // as made
	raw, _ := json.Marshal(mine)
	if _, err := p.FinishGet(u, ceremony, raw); reasonOf(err) != mfa.ReasonSignature {
		t.Errorf("forged: %s", reasonOf(err))
	}
}

func TestPasskeysNeedAName(t *testing.T) {
	for _, address := range []string{"http://127.0.0.1:8080", "https://[::1]"} {
		if _, err := mfa.NewPasskeys(address, "Acme"); !errors.Is(err, mfa.ErrNoDomain) {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, name := range []string{"http://localhost:8080", "https://auth.example:8443/sub"} {
		if _, err := mfa.NewPasskeys(name, "Acme"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPasskeyResponse(f *testing.F) {
	p, a := keys(f), &mfatest.Authenticator{}
	u, _ := enrolled(f, p, a, ada())
	asked, get, _ := p.BeginGet(&u)
	response, _ := a.Get(string(asked))
	f.Add([]byte(response))
	asked, create, _ := p.BeginCreate(u)
	response, _ = (&mfatest.Authenticator{Origin: origin, RPID: "auth.example"}).Create(string(asked))
	f.Add([]byte(response))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"e30","attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVkA"}}`))
	f.Add([]byte(strings.Repeat("[", 10000)))
	f.Fuzz(func(t *testing.T, response []byte) {
		if id, err := p.CredentialID(response); err == nil && len(id) == 0 {
			t.Error("an empty id")
		}
		for name, err := range map[string]error{
			"get":    func() error { _, err := p.FinishGet(u, get, response); return err }(),
			"create": func() error { _, err := p.FinishCreate(u, create, response); return err }(),
		} {
			if reason := reasonOf(err); strings.HasPrefix(reason, "error") {
				t.Errorf("%s: %s", name, reason)
			}
		}
	})
}
