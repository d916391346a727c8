package saml_test

import (
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/outbound"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

func certificateOf(k *idptest.SAMLKey) string {
	return base64.StdEncoding.EncodeToString(k.Certificate.Raw)
}

func keyElement(use string, k *idptest.SAMLKey) string {
	if use != "" {
		use = ` use="` + use + `"`
	}
	return `<md:KeyDescriptor` + use + `><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>` + certificateOf(k) + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`
}

func TestMetadataOfAProviderIsReadWhole(t *testing.T) {
	r := newRig(t, nil, nil)
	m, err := saml.ParseMetadata(r.idp.Metadata(), "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	p := m.Provider
	if p.EntityID != r.idp.EntityID() || len(p.Certificates) != 1 || !p.Certificates[0].Equal(r.idp.Certificate()) ||
		p.SSO[saml.BindingRedirect] != idpSSO || p.SSO[saml.BindingPOST] != idpSSO || p.SLO[saml.BindingRedirect] != idpSLO {
		t.Errorf("%+v", p)
	}
	// What was read makes a connection.
	c := r.config
	c.IDP = p
	if _, err := saml.New(c); err != nil {
		t.Error(err)
	}
}

func TestSM_16_KeysForEncryptionVerifyNothing(t *testing.T) {
	r := newRig(t, nil, nil)
	text := string(r.idp.Metadata())
	start, end := strings.Index(text, "<md:KeyDescriptor"), strings.Index(text, "</md:KeyDescriptor>")+len("</md:KeyDescriptor>")
	with := func(keys string) []byte { return []byte(text[:start] + keys + text[end:]) }
	for name, c := range map[string]struct {
		keys, want string
		n          int
	}{
		"signing and encryption": {keyElement("signing", idpKey()) + keyElement("encryption", otherKey()), "", 1},
		"without use":            {keyElement("", idpKey()), "", 1},
		"two, changing over":     {keyElement("signing", idpKey()) + keyElement("signing", otherKey()), "", 2},
		"the same twice":         {keyElement("signing", idpKey()) + keyElement("signing", idpKey()), "", 1},
		"encryption alone":       {keyElement("encryption", idpKey()), saml.ReasonMetadataKeys, 0},
		"none":                   {"", saml.ReasonMetadataKeys, 0},
		"no certificate":         {strings.Replace(keyElement("signing", idpKey()), certificateOf(idpKey()), "AAAA", 1), saml.ReasonMetadataKeys, 0},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := saml.ParseMetadata(with(c.keys), "", time.Now())
			if reason(err) != c.want || (err == nil && len(m.Provider.Certificates) != c.n) {
				t.Errorf("%v, %d certificates", err, len(m.Provider.Certificates))
			}
		})
	}
}

func TestSM_22_30_MetadataThatCannotBeTrustedIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	good := string(r.idp.Metadata())
	body := good[strings.Index(good, "<md:EntityDescriptor"):]
	second := strings.Replace(body, "https://idp.example/entity", "https://two.example", 1)
	both := `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + body + second + `</md:EntitiesDescriptor>`
	nested := strings.Replace(both, body, `<md:EntitiesDescriptor validUntil="2020-01-01T00:00:00Z">`+body+`</md:EntitiesDescriptor>`, 1)
	for name, c := range map[string]struct{ text, entity, want string }{
		"as it is":           {good, "", ""},
		"comments":           {strings.Replace(good, "<md:IDP", "<!-- x --><md:IDP", 1), "", ""},
		"asked for":          {good, r.idp.EntityID(), ""},
		"another":            {good, "https://other.example", saml.ReasonMetadataEntity},
		"two, none chosen":   {both, "", saml.ReasonMetadataEntity},
		"two, one chosen":    {both, "https://two.example", ""},
		"the same twice":     {strings.Replace(both, "https://two.example", r.idp.EntityID(), 1), r.idp.EntityID(), saml.ReasonMetadataEntity},
		"expired around it":  {nested, r.idp.EntityID(), saml.ReasonMetadataExpired},
		"the other is not":   {nested, "https://two.example", ""},
		"expired":            {strings.Replace(good, " entityID=", ` validUntil="2020-01-01T00:00:00Z" entityID=`, 1), "", saml.ReasonMetadataExpired},
		"ends some time":     {strings.Replace(good, " entityID=", ` validUntil="soon" entityID=`, 1), "", saml.ReasonMetadataExpired},
		"XXE":                {`<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + body, "", saml.ReasonDoctype},
		"instruction":        {strings.Replace(good, "<md:IDP", "<?x y?><md:IDP", 1), "", saml.ReasonProcInst},
		"javascript":         {strings.Replace(good, idpSSO, "javascript:alert(1)", 1), "", saml.ReasonMetadataURL},
		"data":               {strings.Replace(good, idpSLO, "data:text/html,x", 1), "", saml.ReasonMetadataURL},
		"http":               {strings.Replace(good, idpSSO, "http://idp.example/sso", 1), "", saml.ReasonMetadataURL},
		"credentials":        {strings.Replace(good, idpSSO, "https://a:b@idp.example/sso", 1), "", saml.ReasonMetadataURL},
		"a service provider": {strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor"), "", saml.ReasonMetadata},
		"SAML 1.1":           {strings.Replace(good, `Enumeration="urn:oasis:names:tc:SAML:2.0:protocol"`, `Enumeration="urn:oasis:names:tc:SAML:1.1:protocol"`, 1), "", saml.ReasonMetadata},
		"artifact alone":     {strings.NewReplacer("HTTP-POST", "HTTP-Artifact", "HTTP-Redirect", "SOAP").Replace(good), "", saml.ReasonMetadata},
		"no entity id":       {strings.Replace(good, r.idp.EntityID(), "", 1), "", saml.ReasonMetadata},
		"blanks around":      {strings.Replace(good, `entityID="`, `entityID=" `, 1), "", saml.ReasonMetadata},
		"a page":             {"<html></html>", "", saml.ReasonMetadata},
		"JSON":               {`{"issuer":"x"}`, "", saml.ReasonXML},
		"nothing":            {"", "", saml.ReasonXML},
		"an attribute twice": {strings.Replace(good, " entityID=", ` entityID="x" entityID=`, 1), "", saml.ReasonNamespace},
		"50 MB":              {strings.Repeat(" ", 50<<20), "", saml.ReasonTooLarge},
		"a flat bomb":        {strings.Replace(good, "<md:IDP", strings.Repeat("<a/>", 100000)+"<md:IDP", 1), "", saml.ReasonElements},
		"a deep bomb":        {strings.Replace(good, "<md:IDP", strings.Repeat("<a>", 1000)+"<md:IDP", 1), "", saml.ReasonDepth},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := saml.ParseMetadata([]byte(c.text), c.entity, time.Now())
			if reason(err) != c.want {
				t.Errorf("%v, want %q", err, c.want)
			}
			if err != nil && m.Provider.EntityID != "" && saml.Explain(c.want) == "" {
				t.Errorf("%+v", m)
			}
		})
	}
}

func TestMetadataIsKeptAsLongAsItSays(t *testing.T) {
	r := newRig(t, nil, nil)
	for said, want := range map[string]time.Duration{
		"PT6H": 6 * time.Hour, "P1DT30M": 24*time.Hour + 30*time.Minute, "P1Y": 0, "x": 0, "PT": 0, "PT99999999H": 30 * 24 * time.Hour, "PT604800S": 7 * 24 * time.Hour, "-PT1H": 0, "PT1.5S": 0,
	} {
		m, err := saml.ParseMetadata([]byte(strings.Replace(string(r.idp.Metadata()), " entityID=", ` cacheDuration="`+said+`" entityID=`, 1)), "", time.Now())
		if err != nil || m.CacheFor != want {
			t.Errorf("%s: %s, want %s: %v", said, m.CacheFor, want, err)
		}
	}
}

func Test29_ANewCertificateNeedsApproval(t *testing.T) {
	r := newRig(t, nil, nil)
	held := r.config.IDP
	for name, c := range map[string]struct {
		change  func(*saml.Provider)
		none    bool
		approve bool
		added   int
		removed int
	}{
		"nothing":       {func(*saml.Provider) {}, true, false, 0, 0},
		"one more":      {func(p *saml.Provider) { p.Certificates = append(p.Certificates, otherKey().Certificate) }, false, true, 1, 0},
		"swapped":       {func(p *saml.Provider) { p.Certificates = []*x509.Certificate{otherKey().Certificate} }, false, true, 1, 1},
		"one less":      {func(p *saml.Provider) { p.Certificates = nil }, false, false, 0, 1},
		"sign-in moved": {func(p *saml.Provider) { p.SSO = map[string]string{saml.BindingRedirect: "https://evil.example"} }, false, true, 0, 0},
		"logout moved":  {func(p *saml.Provider) { p.SLO = nil }, false, true, 0, 0},
	} {
		newer := held
		newer.Certificates = append([]*x509.Certificate{}, held.Certificates...)
		c.change(&newer)
		got, err := saml.Compare(held, newer)
		if err != nil || got.None() != c.none || got.NeedApproval() != c.approve || len(got.Added) != c.added || len(got.Removed) != c.removed {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if _, err := saml.Compare(held, saml.Provider{EntityID: "other"}); reason(err) != saml.ReasonMetadataEntity {
		t.Errorf("another entity: %v", err)
	}
}

func TestSignedMetadataCountsByAPinnedCertificateAlone(t *testing.T) {
	r := newRig(t, nil, nil)
	text := `<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" ID="_m" entityID="e"></md:EntityDescriptor>`
	signed := r.idp.SignElement(text, "_m")
	ours, theirs := []*x509.Certificate{r.idp.Certificate()}, []*x509.Certificate{otherKey().Certificate}
	for name, c := range map[string]struct {
		text string
		pins []*x509.Certificate
		want string
	}{
		"signed":      {signed, ours, ""},
		"other key":   {signed, theirs, saml.ReasonSignature},
		"changed":     {strings.Replace(signed, `entityID="e"`, `entityID="x"`, 1), ours, saml.ReasonSignature},
		"unsigned":    {text, ours, saml.ReasonUnsigned},
		"sha1":        {strings.Replace(signed, "xmldsig-more#rsa-sha256", "xmldsig#rsa-sha1", 1), ours, saml.ReasonAlgorithm},
		"not at all":  {"<a/>", ours, saml.ReasonMetadata},
		"nobody pins": {signed, nil, saml.ReasonSignature},
	} {
		raw, err := saml.VerifyMetadata([]byte(c.text), c.pins, time.Now())
		if reason(err) != c.want || (err == nil) != (len(raw) > 0) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSM_22_MetadataIsFetchedFromOutsideOnly(t *testing.T) {
	r := newRig(t, nil, nil)
	var asked atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		asked.Add(1)
		switch req.URL.Path {
		case "/good":
			_, _ = w.Write(r.idp.Metadata())
		case "/moved":
			http.Redirect(w, req, "/good", http.StatusFound)
		case "/large":
			_, _ = w.Write([]byte(strings.Repeat(" ", 2<<20)))
		default:
			http.NotFound(w, req)
		}
	}))
	defer server.Close()
	inside := outbound.NewClient(outbound.Config{AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	defer inside.CloseIdleConnections()
	for path, want := range map[string]string{"/good": "", "/moved": idp.ReasonBlocked, "/large": idp.ReasonTooLarge, "/none": idp.ReasonUnavailable} {
		if _, err := saml.FetchMetadata(t.Context(), inside, server.URL+path); reason(err) != want {
			t.Errorf("%s: %v", path, err)
		}
	}
	before := asked.Load()
	outside := outbound.NewClient(outbound.Config{})
	for address, want := range map[string]string{
		server.URL + "/good": idp.ReasonBlocked, "https://169.254.169.254/": idp.ReasonBlocked, "https://[::1]/": idp.ReasonBlocked,
		"http://example.com/": saml.ReasonMetadataURL, "file:///etc/passwd": saml.ReasonMetadataURL, "javascript:x": saml.ReasonMetadataURL, "": saml.ReasonMetadataURL,
	} {
		if _, err := saml.FetchMetadata(t.Context(), outside, address); reason(err) != want {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	if asked.Load() != before {
		t.Error("an inside address was reached")
	}
}

func TestCertificatesAreWarnedOfBeforeTheyEnd(t *testing.T) {
	now := time.Now()
	at := func(days float64) *x509.Certificate {
		return must(idptest.Certify(idpKey().Signer, now.Add(-time.Hour), now.Add(time.Duration(days*24*float64(time.Hour))))).Certificate
	}
	for days, want := range map[float64]int{-0.01: 0, 0.5: 1, 6.5: 7, 13: 14, 29: 30} {
		certificate := at(days)
		got := saml.Expiries([]*x509.Certificate{certificate}, now)
		if len(got) != 1 || got[0].Days != want || !got[0].Last || got[0].Fingerprint != saml.Fingerprint(certificate) || got[0].String() == "" {
			t.Errorf("%v days: %+v", days, got)
		}
	}
	if got := saml.Expiries([]*x509.Certificate{at(5), at(400)}, now); len(got) != 1 || got[0].Last {
		t.Errorf("with a successor: %+v", got)
	}
}

func TestOurMetadataHoldsEveryKeyAndNoArtifact(t *testing.T) {
	r := newRig(t, nil, func(c *saml.Config) { c.Keys = []saml.Key{key(ourKey()), key(ourNext())} })
	raw, err := r.conn.Metadata()
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, want := range []string{entityID, acs, slo, certificateOf(ourKey()), certificateOf(ourNext()), `WantAssertionsSigned="true"`, `use="signing"`, `use="encryption"`} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Count(text, "<md:KeyDescriptor") != 4 || strings.Contains(strings.ToLower(text), "artifact") || strings.Contains(text, "rsa-1_5") || strings.Contains(text, "tripledes") {
		t.Error(text)
	}
	if gcm, cbc := strings.Index(text, "aes256-gcm"), strings.Index(text, "aes256-cbc"); gcm < 0 || cbc < gcm {
		t.Error("AES-GCM does not come first")
	}
	if _, err := saml.ParseMetadata(raw, "", time.Now()); reason(err) != saml.ReasonMetadata {
		t.Errorf("taken for an identity provider: %v", err)
	}
}
