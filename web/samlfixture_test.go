package web_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

const (
	entitySSO = "https://old.example/sso"
	entitySLO = "https://old.example/slo"
)

// samlKeys take a while to make: the tests share them.
var samlKeys = sync.OnceValues(func() (*idptest.SAMLKey, *idptest.SAMLKey) {
	now := time.Now()
	theirs, err := idptest.NewSAMLKey(now.Add(-time.Hour), now.Add(900*time.Hour))
	if err != nil {
		panic(err)
	}
	ours, err := idptest.NewSAMLKey(now.Add(-time.Hour), now.Add(900*time.Hour))
	if err != nil {
		panic(err)
	}
	return theirs, ours
})

// directory is the upstream of a connection's side of SAML.
type directory struct {
	*idptest.SAML
	h          *house
	connection authz.Connection
}

// oldUser is who the directory signs in.
func oldUser() idptest.User {
	return idptest.User{
		Login: "grace@acme.example", Subject: "u-grace", Email: "grace@acme.example", MFA: true, Groups: []string{"ops"},
		Profile: idp.Profile{Name: "Grace Hopper", GivenName: "Grace", FamilyName: "Hopper"},
	}
}

// directory gives the house's connection a side of SAML and takes away the
// other, in the shape of a vendor.
func (h *house) directory(vendor string, change ...func(*authz.Connection)) *directory {
	h.Helper()
	return h.directoryAt(h.connection, vendor, append([]func(*authz.Connection){func(c *authz.Connection) { c.UpstreamIssuer, c.ClientID = "", "" }}, change...)...)
}

func (h *house) directoryAt(c authz.Connection, vendor string, change ...func(*authz.Connection)) *directory {
	h.Helper()
	theirs, ours := samlKeys()
	d := &directory{h: h, SAML: made(idptest.NewSAML(idptest.SAMLConfig{
		EntityID: "https://old.example/", SSO: entitySSO, SLO: entitySLO, Vendor: strings.TrimPrefix(vendor, "generic"), User: oldUser(), Key: theirs,
		Encrypt: ours.Certificate, Now: h.clock.Now,
	}))(h)}
	m := made(saml.ParseMetadata(d.Metadata(), "", h.clock.Now()))(h)
	c.Vendor, c.UpdatedAt = vendor, h.clock.Now()
	c.SAML = &authz.SAMLUpstream{EntityID: m.Provider.EntityID, SSO: m.Provider.SSO, SLO: m.Provider.SLO, Certificates: [][]byte{d.Certificate().Raw}}
	for _, do := range change {
		do(&c)
	}
	h.ok(h.store.PutConnection(h.Context(), c))
	d.connection = c
	return d
}

// serviceProvider is what the product makes of a connection.
func (h *house) serviceProvider(c authz.Connection) (idp.Connector, error) {
	cfg, err := app.SAMLConfig(host, c)
	if err != nil {
		return nil, err
	}
	_, ours := samlKeys()
	cfg.Keys, cfg.Now = []saml.Key{{Signer: ours.Signer, Certificate: ours.Certificate}}, h.clock.Now
	if h.sealedKeys {
		cfg.Keys = made(app.OpenSAMLKeys(h.ring, c))(h)
	}
	cfg.Replays = app.Replays{Store: h.store, Issuer: issuer, Connection: c.ID}
	return saml.New(cfg)
}

func (d *directory) path(step string) string { return "/saml/" + string(d.connection.ID) + "/" + step }

// asked is a request on its way to the directory.
type asked struct{ id, relayState string }

// ask begins a sign-in and returns what the directory is asked.
func (d *directory) ask(b *browser, more ...string) asked {
	d.h.Helper()
	w := b.get(d.h.authorizeURL(append([]string{"login_hint", "grace@acme.example"}, more...)...))
	return d.read(w)
}

func (d *directory) read(w *httptest.ResponseRecorder) asked {
	d.h.Helper()
	u, err := url.Parse(w.Header().Get("Location"))
	d.h.ok(err)
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(u.String(), entitySSO) {
		d.h.Fatalf("no way to the directory: %d %s %.300s", w.Code, u, w.Body)
	}
	packed, err := base64.StdEncoding.DecodeString(u.Query().Get("SAMLRequest"))
	d.h.ok(err)
	raw, err := io.ReadAll(flate.NewReader(bytes.NewReader(packed)))
	d.h.ok(err)
	return asked{requestID(d.h, raw), u.Query().Get("RelayState")}
}

func requestID(h *house, raw []byte) string {
	h.Helper()
	var request struct {
		ID string `xml:"ID,attr"`
	}
	h.ok(xml.Unmarshal(raw, &request))
	return request.ID
}

// answer is the directory's ordinary answer, changed.
func (d *directory) answer(a asked, change func(*idptest.SAMLAnswer)) url.Values {
	at := host + d.path("acs")
	answer := d.Answer(idptest.SAMLRequest{ID: a.id, ACS: at, SP: host + "/saml/" + string(d.connection.ID)})
	if change != nil {
		change(&answer)
	}
	return url.Values{"SAMLResponse": {d.Respond(answer)}, "RelayState": {a.relayState}}
}

// post carries a form from another site: without cookies, as they are Lax.
func (d *directory) post(values url.Values) *httptest.ResponseRecorder {
	d.h.Helper()
	return d.h.send("POST", d.path("acs"), values.Encode(), "Content-Type", form, "Origin", "https://old.example", "Sec-Fetch-Site", "cross-site")
}

// signIn goes as far as our own cookie, and returns the last answer.
func (d *directory) signIn(b *browser, change func(*idptest.SAMLAnswer), more ...string) *httptest.ResponseRecorder {
	d.h.Helper()
	w := d.post(d.answer(d.ask(b, more...), change))
	if w.Code != http.StatusSeeOther {
		return w
	}
	return b.get(w.Header().Get("Location"))
}

const cookie = "__Host-sid-up"

// refused demands one generic page, one audit entry with the reason, and no
// session.
func (d *directory) refused(what string, b *browser, w *httptest.ResponseRecorder, reason string) {
	d.h.Helper()
	if w.Code/100 != 4 || b.cookies[cookie] != "" || w.Header().Get("Location") != "" {
		d.h.Errorf("%s: %d, cookie %q, sent to %q", what, w.Code, b.cookies[cookie], w.Header().Get("Location"))
	}
	if strings.Contains(w.Body.String(), "saml_") {
		d.h.Errorf("%s: the page tells the reason: %.900s", what, w.Body)
	}
	list := d.h.entries("login.refused")
	slices.SortStableFunc(list, func(a, b authz.AuditEntry) int { return a.Time.Compare(b.Time) })
	if len(list) == 0 || list[len(list)-1].Reason != reason {
		d.h.Errorf("%s: audited %+v, want %s", what, list, reason)
	}
}

// logoutRequest is the directory's, by redirect.
func (d *directory) logoutRequest(name, index string) string {
	if index != "" {
		index = `<samlp:SessionIndex>` + index + `</samlp:SessionIndex>`
	}
	const assertion = ` xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"`
	text := `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="` + host + d.path("slo") + `" ID="_l` + authz.NewToken("").Reveal() +
		`" IssueInstant="` + d.h.clock.Now().UTC().Format(time.RFC3339) + `" Version="2.0"><saml:Issuer` + assertion + `>` + d.EntityID() +
		`</saml:Issuer><saml:NameID` + assertion + `>` + name + `</saml:NameID>` + index + `</samlp:LogoutRequest>`
	var packed bytes.Buffer
	w := made(flate.NewWriter(&packed, 6))(d.h)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	return d.SignQuery("SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes())) + "&RelayState=rs")
}

func decoded(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// asBob signs in somebody else than was asked for.
func asBob() idptest.Faults {
	bob := func(c map[string]any) {
		c["sub"] = "s-bob"
		if c["email"] != nil {
			c["email"] = "bob@acme.example"
		}
	}
	return idptest.Faults{IDToken: bob, UserInfo: bob}
}
