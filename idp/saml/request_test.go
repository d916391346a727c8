package saml_test

import (
	"compress/flate"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/url"
	"strings"
	"testing"
	"time"

	"crypto/rand"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

func newLogin() idp.Login { return idp.Login{State: rand.Text(), Nonce: rand.Text()} }

type authnRequest struct {
	XMLName                     xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:protocol AuthnRequest"`
	ID                          string   `xml:",attr"`
	Version                     string   `xml:",attr"`
	IssueInstant                string   `xml:",attr"`
	Destination                 string   `xml:",attr"`
	AssertionConsumerServiceURL string   `xml:",attr"`
	ProtocolBinding             string   `xml:",attr"`
	ForceAuthn                  string   `xml:",attr"`
	IsPassive                   string   `xml:",attr"`
	Issuer                      string   `xml:"urn:oasis:names:tc:SAML:2.0:assertion Issuer"`
	NameIDPolicy                struct {
		Format      string `xml:",attr"`
		AllowCreate string `xml:",attr"`
	}
	RequestedAuthnContext struct {
		Comparison           string   `xml:",attr"`
		AuthnContextClassRef []string `xml:"urn:oasis:names:tc:SAML:2.0:assertion AuthnContextClassRef"`
	}
}

func inflated(t *testing.T, encoded string) string {
	t.Helper()
	raw := must(base64.StdEncoding.DecodeString(encoded))
	return string(must(io.ReadAll(flate.NewReader(strings.NewReader(string(raw))))))
}

func begin(t *testing.T, r *rig, login idp.Login) (*url.URL, authnRequest) {
	t.Helper()
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	u := must(url.Parse(target))
	var req authnRequest
	if err := xml.Unmarshal([]byte(inflated(t, u.Query().Get("SAMLRequest"))), &req); err != nil {
		t.Fatal(err)
	}
	return u, req
}

func TestARequestSaysWhoAsksAndWhatFor(t *testing.T) {
	r := newRig(t, nil, nil)
	login := newLogin()
	u, req := begin(t, r, login)
	if !strings.HasPrefix(u.String(), idpSSO+"&") || u.Query().Get("RelayState") != login.State || u.Query().Has("Signature") {
		t.Errorf("sent to %s", u)
	}
	if req.ID != "_"+login.Nonce || req.Version != "2.0" || req.Destination != idpSSO || req.AssertionConsumerServiceURL != acs ||
		req.ProtocolBinding != saml.BindingPOST || req.Issuer != entityID || req.NameIDPolicy.Format != saml.NameIDUnspecified ||
		req.NameIDPolicy.AllowCreate != "true" || req.ForceAuthn != "" || req.IsPassive != "" || len(req.RequestedAuthnContext.AuthnContextClassRef) != 0 {
		t.Errorf("%+v", req)
	}
	if at, err := time.Parse(time.RFC3339, req.IssueInstant); err != nil || time.Since(at) > time.Minute {
		t.Errorf("issued %q", req.IssueInstant)
	}
}

func TestARequestAsksForFreshnessAndContexts(t *testing.T) {
	r := newRig(t, nil, func(c *saml.Config) { c.NameIDFormat, c.Contexts = saml.NameIDPersistent, []string{"a", "b"} })
	login := newLogin()
	login.Prompt = "login"
	_, req := begin(t, r, login)
	if req.ForceAuthn != "true" || req.NameIDPolicy.Format != saml.NameIDPersistent || req.RequestedAuthnContext.Comparison != "exact" || strings.Join(req.RequestedAuthnContext.AuthnContextClassRef, " ") != "a b" {
		t.Errorf("%+v", req)
	}
	zero := time.Duration(0)
	login = newLogin()
	login.MaxAge, login.ACRValues = &zero, []string{"c"}
	if _, req = begin(t, r, login); req.ForceAuthn != "true" || strings.Join(req.RequestedAuthnContext.AuthnContextClassRef, " ") != "c" {
		t.Errorf("%+v", req)
	}
	hour := time.Hour
	login = newLogin()
	login.MaxAge = &hour
	if _, req = begin(t, r, login); req.ForceAuthn != "true" {
		t.Errorf("max_age: %+v", req)
	}
	login = newLogin()
	login.Prompt, login.MaxAge = "none", &hour
	if _, req = begin(t, r, login); req.IsPassive != "true" || req.ForceAuthn != "" {
		t.Errorf("%+v", req)
	}
}

func TestASignedRedirectIsOverItsParametersAlone(t *testing.T) {
	r := newRig(t, nil, func(c *saml.Config) { c.SignRequests = true })
	u, _ := begin(t, r, newLogin())
	i, j := strings.Index(u.RawQuery, "SAMLRequest="), strings.Index(u.RawQuery, "&Signature=")
	if i < 0 || j < 0 || u.Query().Get("SigAlg") != "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" {
		t.Fatal(u)
	}
	digest := sha256.Sum256([]byte(u.RawQuery[i:j]))
	signature := must(base64.StdEncoding.DecodeString(u.Query().Get("Signature")))
	if err := rsa.VerifyPKCS1v15(ourKey().Certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, digest[:], signature); err != nil {
		t.Error(err)
	}
}

func TestAPostedRequestIsSignedInside(t *testing.T) {
	for _, signed := range []bool{true, false} {
		r := newRig(t, nil, func(c *saml.Config) { c.SignRequests = signed })
		login := newLogin()
		form, err := r.conn.BeginForm(login)
		if err != nil {
			t.Fatal(err)
		}
		text := string(must(base64.StdEncoding.DecodeString(form.Fields["SAMLRequest"])))
		if form.Action != idpSSO || form.Fields["RelayState"] != login.State || strings.Contains(text, "</saml:Issuer><ds:Signature") != signed {
			t.Errorf("%+v %s", form, text)
		}
	}
}

func TestStateAndNonceMustBePlain(t *testing.T) {
	r := newRig(t, nil, nil)
	for _, bad := range []string{"", "short", "https://evil.example/aaaaaaaaaaaaaa", "x&SAMLRequest=evilevilevil", strings.Repeat("x", 81), "aaaaaaaaaaaaaaaaaaaaaaaaé"} {
		for _, login := range []idp.Login{{State: bad, Nonce: rand.Text()}, {State: rand.Text(), Nonce: bad}} {
			if target, err := r.conn.Begin(t.Context(), login); err == nil {
				t.Errorf("%q goes out: %s", bad, target)
			}
			if _, err := r.conn.BeginForm(login); err == nil {
				t.Errorf("%q is posted", bad)
			}
		}
	}
}

func TestAProviderOfOneBindingIsAskedByThat(t *testing.T) {
	r := newRig(t, nil, func(c *saml.Config) { c.IDP.SSO = map[string]string{saml.BindingPOST: idpSSO} })
	if _, err := r.conn.Begin(t.Context(), newLogin()); err == nil {
		t.Error("sent by redirect")
	}
	r = newRig(t, nil, func(c *saml.Config) { c.IDP.SSO = map[string]string{saml.BindingRedirect: idpSSO} })
	if _, err := r.conn.BeginForm(newLogin()); err == nil {
		t.Error("sent by POST")
	}
}

func TestWhatCannotWorkIsNoConnection(t *testing.T) {
	good := newRig(t, nil, nil).config
	short := must(idptest.NewSAMLKeyEC(time.Now(), time.Now()))
	for name, spoil := range map[string]func(*saml.Config){
		"no id":            func(c *saml.Config) { c.ID = "" },
		"no entity id":     func(c *saml.Config) { c.EntityID = "" },
		"no provider":      func(c *saml.Config) { c.IDP.EntityID = "" },
		"no certificate":   func(c *saml.Config) { c.IDP.Certificates = nil },
		"no replays":       func(c *saml.Config) { c.Replays = nil },
		"no address":       func(c *saml.Config) { c.IDP.SSO = nil },
		"transient":        func(c *saml.Config) { c.NameIDFormat = saml.NameIDTransient },
		"e-mail NameID":    func(c *saml.Config) { c.NameIDFormat = saml.NameIDEmail },
		"e-mail attribute": func(c *saml.Config) { c.Mapping.Subject = []string{"User.email"} },
		"upn": func(c *saml.Config) {
			c.Mapping.Subject = []string{"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn"}
		},
		"http": func(c *saml.Config) { c.ACS = "http://gate.example/acs" },
		"http, theirs": func(c *saml.Config) {
			c.IDP.SSO = map[string]string{saml.BindingRedirect: "http://localhost:1/sso"}
		},
		"http, not localhost": func(c *saml.Config) { c.ACS = "http://localhost.example/acs" },
		"script":              func(c *saml.Config) { c.IDP.SSO = map[string]string{saml.BindingRedirect: "javascript:alert(1)"} },
		"artifact": func(c *saml.Config) {
			c.IDP.SSO = map[string]string{"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Artifact": idpSSO}
		},
		"an hour old":         func(c *saml.Config) { c.MaxAge = time.Hour },
		"clocks apart":        func(c *saml.Config) { c.Skew = time.Hour },
		"signed without keys": func(c *saml.Config) { c.SignRequests, c.Keys = true, nil },
		"half a key":          func(c *saml.Config) { c.Keys = []saml.Key{{Signer: ourKey().Signer}} },
		"another's half": func(c *saml.Config) {
			c.Keys = []saml.Key{{Signer: ourKey().Signer, Certificate: otherKey().Certificate}}
		},
		"an EC key of ours": func(c *saml.Config) { c.Keys = []saml.Key{key(short)} },
	} {
		c := good
		spoil(&c)
		if _, err := saml.New(c); err == nil {
			t.Errorf("%s: a connection", name)
		}
	}
	// A trial at home: our own address may be this machine's name.
	c := good
	c.ACS, c.SLO = "http://localhost:8080/acs", "http://localhost:8080/slo"
	if _, err := saml.New(c); err != nil {
		t.Errorf("at localhost: %v", err)
	}
	c = good
	c.NameIDFormat, c.MutableSubject = saml.NameIDEmail, true
	if _, err := saml.New(c); err != nil {
		t.Errorf("with an administrator's word: %v", err)
	}
}
