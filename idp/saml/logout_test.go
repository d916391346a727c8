package saml_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// logoutText is a LogoutRequest of the provider.
func logoutText(r *rig, change func(string) string) string {
	text := `<samlp:LogoutRequest xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="` + slo + `" ID="_l` + time.Now().Format("150405.000000000") +
		`" IssueInstant="` + time.Now().UTC().Format(time.RFC3339) + `" Version="2.0"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">` + r.idp.EntityID() +
		`</saml:Issuer><saml:NameID xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" Format="f">u-ada</saml:NameID><samlp:SessionIndex>_s1</samlp:SessionIndex></samlp:LogoutRequest>`
	if change != nil {
		text = change(text)
	}
	return text
}

// byRedirect encodes a message as another implementation might: lower-case
// hex, which re-encoding would not bring back.
func byRedirect(r *rig, name, text, relayState string) string {
	var packed bytes.Buffer
	w := must(flate.NewWriter(&packed, 6))
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	lower := func(s string) string {
		return strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d").Replace(url.QueryEscape(s))
	}
	query := name + "=" + lower(base64.StdEncoding.EncodeToString(packed.Bytes()))
	if relayState != "" {
		query += "&RelayState=" + lower(relayState)
	}
	return r.idp.SignQuery(query)
}

func TestALogoutRequestByRedirectIsVerifiedAsItCame(t *testing.T) {
	r := newRig(t, nil, nil)
	query := byRedirect(r, "SAMLRequest", logoutText(r, nil), "rs/+=")
	got, err := r.conn.LogoutByRedirect(t.Context(), query)
	if err != nil || !got.Request || got.NameID.Value != "u-ada" || got.NameID.Format != "f" || strings.Join(got.SessionIndexes, " ") != "_s1" || got.RelayState != "rs/+=" {
		t.Fatalf("%+v %v", got, err)
	}
	if _, err := r.conn.LogoutByRedirect(t.Context(), query); err != nil {
		t.Errorf("before it was carried out: %v", err)
	}
	if err := r.conn.UseLogout(t.Context(), got); err != nil {
		t.Errorf("carried out: %v", err)
	}
	if err := r.conn.UseLogout(t.Context(), got); reason(err) != saml.ReasonReplay {
		t.Errorf("again: %v", err)
	}
	// Parameters of others, in any order, are not part of the signature.
	query = byRedirect(r, "SAMLRequest", logoutText(r, nil), "")
	parts := strings.Split(query, "&")
	if _, err := r.conn.LogoutByRedirect(t.Context(), parts[2]+"&utm=x&"+parts[1]+"&"+parts[0]); err != nil {
		t.Errorf("in another order: %v", err)
	}
}

func Test38_LogoutRequestsThatAreNotTheProvidersAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	other := newRig(t, func(c *idptest.SAMLConfig) { c.Key = otherKey() }, nil)
	good := byRedirect(r, "SAMLRequest", logoutText(r, nil), "rs")
	parts := strings.Split(good, "&") // message, RelayState, SigAlg, Signature
	changed := byRedirect(r, "SAMLRequest", logoutText(r, func(s string) string { return strings.Replace(s, "u-ada", "u-bob", 1) }), "rs")
	with := func(old, new string) string {
		return byRedirect(r, "SAMLRequest", logoutText(r, swap(t, old, new)), "")
	}
	for name, c := range map[string]struct{ query, want string }{
		"unsigned":               {strings.Join(parts[:2], "&"), saml.ReasonUnsigned},
		"no algorithm":           {parts[0] + "&" + parts[1] + "&" + parts[3], saml.ReasonUnsigned},
		"re-encoded":             {must(url.ParseQuery(good)).Encode(), saml.ReasonSignature},
		"RelayState changed":     {strings.Replace(good, "RelayState=rs", "RelayState=rt", 1), saml.ReasonSignature},
		"RelayState dropped":     {strings.Replace(good, "&RelayState=rs", "", 1), saml.ReasonSignature},
		"another's signature":    {strings.Split(changed, "&")[0] + "&" + strings.Join(parts[1:], "&"), saml.ReasonSignature},
		"another key":            {byRedirect(other, "SAMLRequest", logoutText(r, nil), ""), saml.ReasonSignature},
		"sha1":                   {strings.Replace(good, parts[2], "SigAlg="+url.QueryEscape("http://www.w3.org/2000/09/xmldsig#rsa-sha1"), 1), saml.ReasonAlgorithm},
		"message twice":          {good + "&" + parts[0], saml.ReasonForm},
		"signature twice":        {good + "&Signature=x", saml.ReasonForm},
		"request and response":   {good + "&SAMLResponse=x", saml.ReasonForm},
		"a name in disguise":     {good + "&SAML%52equest=x", saml.ReasonForm},
		"no message":             {"RelayState=x", saml.ReasonForm},
		"bad escape":             {"SAMLRequest=%zz&SigAlg=x&Signature=x", saml.ReasonEncoding},
		"long":                   {"SAMLRequest=" + strings.Repeat("A", 70000), saml.ReasonTooLarge},
		"as a response":          {byRedirect(r, "SAMLResponse", logoutText(r, nil), ""), saml.ReasonRoot},
		"other issuer":           {with(r.idp.EntityID(), "https://evil.example"), saml.ReasonIssuer},
		"other destination":      {with(slo, slo+"x"), saml.ReasonDestination},
		"no destination":         {with(`Destination="`+slo+`"`, ""), saml.ReasonDestination},
		"version":                {with(`Version="2.0"`, `Version="1.1"`), saml.ReasonVersion},
		"old":                    {with(`IssueInstant="20`, `IssueInstant="19`), saml.ReasonIssueInstant},
		"over":                   {with(`Version=`, `NotOnOrAfter="2020-01-01T00:00:00Z" Version=`), saml.ReasonExpired},
		"nobody":                 {with(`Format="f">u-ada`, `Format="f">`), saml.ReasonNameID},
		"an empty session index": {with(`_s1`, ` `), saml.ReasonLogout},
		"an assertion inside":    {with(`<samlp:SessionIndex>`, `<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/><samlp:SessionIndex>`), saml.ReasonAssertions},
		"a comment":              {with(`u-ada`, `u-ada<!-- -->x`), saml.ReasonComment},
	} {
		t.Run(name, func(t *testing.T) {
			before := r.used.count()
			got, err := r.conn.LogoutByRedirect(t.Context(), c.query)
			if reason(err) != c.want || got.NameID.Value != "" {
				t.Errorf("%v, want %s: %+v", err, c.want, got)
			}
			if r.used.count() != before {
				t.Error("a refusal used it up")
			}
		})
	}
}

func TestALogoutRequestByPOSTHasItsSignatureInside(t *testing.T) {
	r := newRig(t, nil, nil)
	text := logoutText(r, nil)
	id := text[strings.Index(text, `ID="`)+4:]
	id = id[:strings.Index(id, `"`)]
	signed := r.idp.SignElement(text, id)
	encoded := func(s string) url.Values {
		return url.Values{"SAMLRequest": {base64.StdEncoding.EncodeToString([]byte(s))}, "RelayState": {"rs"}}
	}
	for body, want := range map[string]string{text: saml.ReasonUnsigned, strings.Replace(signed, "u-ada", "u-bob", 1): saml.ReasonSignature} {
		if _, err := r.conn.LogoutByPOST(t.Context(), encoded(body)); reason(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	got, err := r.conn.LogoutByPOST(t.Context(), encoded(signed))
	if err != nil || got.NameID.Value != "u-ada" || got.RelayState != "rs" {
		t.Errorf("%+v %v", got, err)
	}
	if first, again := r.conn.UseLogout(t.Context(), got), r.conn.UseLogout(t.Context(), got); first != nil || reason(again) != saml.ReasonReplay {
		t.Errorf("carried out: %v, again: %v", first, again)
	}
	if _, err := r.conn.LogoutByPOST(t.Context(), nil); reason(err) != saml.ReasonForm {
		t.Errorf("nothing: %v", err)
	}
	twice := encoded(signed)
	twice.Add("RelayState", "rs")
	if _, err := r.conn.LogoutByPOST(t.Context(), twice); reason(err) != saml.ReasonForm {
		t.Errorf("two RelayStates: %v", err)
	}
}

// A logout names sessions in bounds, and is a message of its own.
func TestSM_38_ALogoutRequestIsBounded(t *testing.T) {
	r := newRig(t, nil, nil)
	const index = "<samlp:SessionIndex>_s1</samlp:SessionIndex>"
	for name, c := range map[string]struct {
		change func(string) string
		want   string
	}{
		"a hundred sessions":          {swap(t, index, strings.Repeat(index, 100)), ""},
		"a hundred and one":           {swap(t, index, strings.Repeat(index, 101)), saml.ReasonLogout},
		"a session of a long name":    {swap(t, "_s1", strings.Repeat("s", 1<<10)), saml.ReasonLogout},
		"without an ID":               {func(text string) string { return withoutID(t, text) }, saml.ReasonID},
		"with an ID without end":      {swap(t, `ID="_l`, `ID="_l`+strings.Repeat("l", 1<<10)), saml.ReasonID},
		"with another message within": {swap(t, index, `<samlp:LogoutRequest ID="_in"></samlp:LogoutRequest>`), saml.ReasonRoot},
	} {
		_, err := r.conn.LogoutByRedirect(t.Context(), byRedirect(r, "SAMLRequest", logoutText(r, c.change), ""))
		if got := reason(err); got != c.want {
			t.Errorf("%s: %q, want %q: %v", name, got, c.want, err)
		}
	}
}

// An answer to no request ends nothing of ours.
func TestSM_38_ALogoutResponseAnswersARequest(t *testing.T) {
	r := newRig(t, nil, nil)
	answer := func(to string) string {
		return `<samlp:LogoutResponse xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" Destination="` + slo + `" ID="_r1"` + to + ` IssueInstant="` + time.Now().UTC().Format(time.RFC3339) +
			`" Version="2.0"><saml:Issuer xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion">` + r.idp.EntityID() +
			`</saml:Issuer><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode></samlp:Status></samlp:LogoutResponse>`
	}
	for to, want := range map[string]string{` InResponseTo="_q1"`: "", ` InResponseTo=""`: saml.ReasonUnsolicited, "": saml.ReasonUnsolicited} {
		if _, err := r.conn.LogoutByRedirect(t.Context(), byRedirect(r, "SAMLResponse", answer(to), "")); reason(err) != want {
			t.Errorf("%q: %v, want %q", to, err, want)
		}
	}
}

// withoutID cuts the ID out of a message.
func withoutID(t *testing.T, text string) string {
	t.Helper()
	before, rest, found := strings.Cut(text, ` ID="`)
	_, after, ends := strings.Cut(rest, `"`)
	if !found || !ends {
		t.Fatalf("no ID in %s", text)
	}
	return before + after
}

func TestOurLogoutMessagesAreWhatWeWouldAccept(t *testing.T) {
	// The other side is a connection too, with the parts exchanged.
	r := newRig(t, nil, nil)
	for name, bindings := range map[string]map[string]string{"redirect": {saml.BindingRedirect: slo, saml.BindingPOST: slo}, "post": {saml.BindingPOST: slo}} {
		t.Run(name, func(t *testing.T) {
			us := newRig(t, nil, func(c *saml.Config) { c.IDP.SLO = bindings })
			them := newRig(t, nil, func(c *saml.Config) { c.IDP.EntityID, c.IDP.Certificates = entityID, ourCertificates() })
			deliver := func(m idp.Message) (idp.Logout, error) {
				if m.URL != "" {
					return them.conn.LogoutByRedirect(t.Context(), must(url.Parse(m.URL)).RawQuery)
				}
				params := url.Values{}
				for k, v := range m.Form.Fields {
					params.Set(k, v)
				}
				return them.conn.LogoutByPOST(t.Context(), params)
			}
			m, err := us.conn.LogoutRequest(idp.NameID{Value: "u-ada", Format: "f", NameQualifier: "q"}, "_s1", "rs")
			if err != nil {
				t.Fatal(err)
			}
			got, err := deliver(m)
			if err != nil || got.ID != m.ID || got.NameID != (idp.NameID{Value: "u-ada", Format: "f", NameQualifier: "q"}) || got.SessionIndexes[0] != "_s1" || got.RelayState != "rs" {
				t.Fatalf("%+v %v", got, err)
			}
			for outcome, done := range map[saml.Outcome]bool{saml.LoggedOut: true, saml.PartialLogout: false} {
				answer, err := us.conn.LogoutResponse(got, outcome)
				if err != nil {
					t.Fatal(err)
				}
				back, err := deliver(answer)
				if err != nil || back.Request || back.InResponseTo != m.ID || back.Done != done {
					t.Errorf("%+v %v", back, err)
				}
			}
		})
	}
	if _, err := r.conn.LogoutResponse(idp.Logout{}, saml.LoggedOut); err == nil {
		t.Error("an answer is answered")
	}
}
