package saml_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"crypto/x509"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

const (
	acs      = "https://gate.example/saml/up_1/acs"
	slo      = "https://gate.example/saml/up_1/slo"
	entityID = "https://gate.example/saml/up_1"
	idpSSO   = "https://idp.example/sso?app=1"
	idpSLO   = "https://idp.example/slo"
)

// Keys take a while to make: the tests share them.
var (
	idpKey = sync.OnceValue(func() *idptest.SAMLKey {
		return must(idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(900*time.Hour)))
	})
	otherKey = sync.OnceValue(func() *idptest.SAMLKey {
		return must(idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(900*time.Hour)))
	})
	ourKey = sync.OnceValue(func() *idptest.SAMLKey {
		return must(idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(900*time.Hour)))
	})
	ourNext = sync.OnceValue(func() *idptest.SAMLKey {
		return must(idptest.NewSAMLKey(time.Now().Add(-time.Hour), time.Now().Add(900*time.Hour)))
	})
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// used is a Replays in memory.
type used struct {
	mu    sync.Mutex
	seen  map[string]time.Time
	fails error
}

func (u *used) UseOnce(_ context.Context, issuer, id string, until time.Time) (bool, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.fails != nil {
		return false, u.fails
	}
	if _, again := u.seen[issuer+" "+id]; again {
		return false, nil
	}
	u.seen[issuer+" "+id] = until
	return true, nil
}

func (u *used) count() int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.seen)
}

type rig struct {
	idp    *idptest.SAML
	conn   *saml.Connector
	config saml.Config
	used   *used
}

func person() idptest.User {
	return idptest.User{
		Login: "ada@corp.example", Subject: "u-ada", Email: "ada@example.com", MFA: true, Groups: []string{"ops", "dev"},
		Profile: idp.Profile{Name: "Ada Lovelace", GivenName: "Ada", FamilyName: "Lovelace"},
	}
}

func newRig(t testing.TB, upstream func(*idptest.SAMLConfig), connection func(*saml.Config)) *rig {
	t.Helper()
	c := idptest.SAMLConfig{EntityID: "https://idp.example/entity", SSO: idpSSO, SLO: idpSLO, User: person(), Key: idpKey(), Encrypt: ourKey().Certificate}
	if upstream != nil {
		upstream(&c)
	}
	r := &rig{idp: must(idptest.NewSAML(c)), used: &used{seen: map[string]time.Time{}}}
	r.config = saml.Config{
		ID: "up_1", EntityID: entityID, ACS: acs, SLO: slo, Keys: []saml.Key{key(ourKey())}, Replays: r.used,
		IDP: saml.Provider{
			EntityID: c.EntityID, Certificates: []*x509.Certificate{r.idp.Certificate()},
			SSO: map[string]string{saml.BindingRedirect: idpSSO, saml.BindingPOST: idpSSO},
			SLO: map[string]string{saml.BindingRedirect: idpSLO, saml.BindingPOST: idpSLO},
		},
	}
	if connection != nil {
		connection(&r.config)
	}
	var err error
	if r.conn, err = saml.New(r.config); err != nil {
		t.Fatal(err)
	}
	return r
}

func key(k *idptest.SAMLKey) saml.Key { return saml.Key{Signer: k.Signer, Certificate: k.Certificate} }

// pending is a sign-in that is remembered.
func pending() idp.Callback { return idp.Callback{State: rand.Text(), Nonce: rand.Text()} }

// answer is the provider's ordinary answer to a sign-in.
func (r *rig) answer(c idp.Callback) idptest.SAMLAnswer {
	return r.idp.Answer(idptest.SAMLRequest{ID: "_" + c.Nonce, ACS: acs, SP: entityID})
}

// post is what the browser posts.
func post(c idp.Callback, encoded string) idp.Callback {
	c.Params = url.Values{"SAMLResponse": {encoded}, "RelayState": {c.State}}
	return c
}

// finish answers a new sign-in with an answer that was changed.
func (r *rig) finish(t testing.TB, change func(*idptest.SAMLAnswer)) (saml.SignedIn, error) {
	t.Helper()
	c := pending()
	a := r.answer(c)
	if change != nil {
		change(&a)
	}
	return r.conn.SignIn(t.Context(), post(c, r.idp.Respond(a)))
}

// refused demands a refusal with the reason, without a trace left behind; ""
// means that the sign-in succeeds.
func (r *rig) refused(t *testing.T, change func(*idptest.SAMLAnswer), want string) {
	t.Helper()
	before := r.used.count()
	in, err := r.finish(t, change)
	r.judge(t, in, err, want, before)
}

// refusedText is refused for a response as text.
func (r *rig) refusedText(t *testing.T, c idp.Callback, text, want string) {
	t.Helper()
	before := r.used.count()
	in, err := r.conn.SignIn(t.Context(), post(c, base64.StdEncoding.EncodeToString([]byte(text))))
	r.judge(t, in, err, want, before)
}

func (r *rig) judge(t *testing.T, in saml.SignedIn, err error, want string, before int) {
	t.Helper()
	if got := reason(err); got != want {
		t.Errorf("reason %q, want %q: %v", got, want, err)
	}
	if want == "" {
		return
	}
	if in.Identity.Subject != "" || in.Values != nil {
		t.Errorf("a refusal brings an identity: %+v", in)
	}
	if r.used.count() != before {
		t.Error("a refusal used an assertion up")
	}
	if saml.Explain(want) == "" && idp.ReasonOf(err) != idp.ReasonDenied && idp.ReasonOf(err) != idp.ReasonUnmetAuth && idp.ReasonOf(err) != idp.ReasonLoginRequired {
		t.Errorf("nobody explains %q", want)
	}
	for _, secret := range []string{"u-ada", "ada@", "PD94", "Lovelace"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error repeats the message: %v", err)
		}
	}
}

// reason is "" for success alone.
func reason(err error) string {
	if got := idp.ReasonOf(err); err == nil || got != "" {
		return got
	}
	return "an error without a reason"
}

// swap replaces a text that must be there.
func swap(t *testing.T, old, with string) func(string) string {
	return func(text string) string {
		t.Helper()
		if !strings.Contains(text, old) {
			t.Fatalf("no %q in %s", old, text)
		}
		return strings.Replace(text, old, with, 1)
	}
}

var errStore = errors.New("store away")

func ourCertificates() []*x509.Certificate { return []*x509.Certificate{ourKey().Certificate} }
