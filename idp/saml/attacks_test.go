package saml_test

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"crypto/x509"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

type change = func(*idptest.SAMLAnswer)

// ways are the three ways an assertion travels: a rule must hold in each.
var ways = map[string]change{
	"assertion signed": nil,
	"response signed":  func(a *idptest.SAMLAnswer) { a.SignResponse, a.SignAssertion = true, false },
	"encrypted": func(a *idptest.SAMLAnswer) {
		a.SignResponse, a.Encrypt = true, "http://www.w3.org/2009/xmlenc11#aes256-gcm"
	},
}

// everyWay demands the same refusal whichever way the assertion travels.
func (r *rig) everyWay(t *testing.T, name string, attack change, want string) {
	t.Helper()
	for way, travel := range ways {
		t.Run(name+", "+way, func(t *testing.T) {
			t.Helper()
			r.refused(t, func(a *idptest.SAMLAnswer) {
				if travel != nil {
					travel(a)
				}
				attack(a)
			}, want)
		})
	}
}

func TestSM_01_UnsignedIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	r.refused(t, func(a *idptest.SAMLAnswer) { a.SignAssertion = false }, saml.ReasonUnsigned)
	c := pending()
	text := r.idp.Write(r.answer(c))
	head, rest, _ := strings.Cut(text, "<ds:Signature")
	_, tail, _ := strings.Cut(rest, "</ds:Signature>")
	r.refusedText(t, c, head+tail, saml.ReasonUnsigned)
	r.refusedText(t, c, swap(t, "u-ada", "u-bob")(text), saml.ReasonSignature)
}

// parts cuts a response into what is around its assertion, the assertion and
// the assertion's signature.
func parts(t *testing.T, text string) (before, assertion, after, signature string) {
	t.Helper()
	i, j := strings.Index(text, "<saml:Assertion"), strings.Index(text, "</saml:Assertion>")+len("</saml:Assertion>")
	if i < 0 || j < i {
		t.Fatalf("no assertion in %s", text)
	}
	assertion = text[i:j]
	s, e := strings.Index(assertion, "<ds:Signature"), strings.Index(assertion, "</ds:Signature>")+len("</ds:Signature>")
	return text[:i], assertion, text[j:], assertion[s:e]
}

func TestSM_02_SignatureWrappingIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	before, good, after, signature := parts(t, r.idp.Write(r.answer(c)))
	bare := strings.Replace(good, signature, "", 1)
	evil := strings.Replace(bare, "u-ada", "u-eve", 1)
	evilID := swap(t, `ID="_a`, `ID="_evil`)(evil)
	inside := func(outer, inner string) string {
		return strings.Replace(outer, "</saml:Issuer>", "</saml:Issuer>"+inner, 1)
	}
	for name, body := range map[string]string{
		"1: the original in the signature of the response":   `<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#">` + good + `</ds:Signature>` + evilID,
		"2: detached signature beside a new assertion":       signature + evilID + bare,
		"3: evil before the original":                        evilID + good,
		"4: the original inside evil":                        inside(evilID, good),
		"5: evil with the signature, the original after":     inside(evilID, signature) + bare,
		"6: the original inside the signature of evil":       inside(evilID, strings.Replace(signature, "</ds:Signature>", bare+"</ds:Signature>", 1)),
		"7: evil in Extensions":                              `<samlp:Extensions>` + evil + `</samlp:Extensions>` + good,
		"8: the original in an Object":                       inside(evilID, strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+bare+"</ds:Object></ds:Signature>", 1)),
		"same ID":                                            evil + good,
		"same ID, evil last":                                 good + evil,
		"the original in Advice":                             strings.Replace(evilID, "</saml:Conditions>", "</saml:Conditions><saml:Advice>"+good+"</saml:Advice>", 1),
		"signature of evil refers to the original elsewhere": inside(evilID, signature) + `<samlp:Extensions>` + bare + `</samlp:Extensions>`,
		"evil by itself with the signature":                  inside(evilID, signature),
		"evil with the same ID and the signature":            inside(evil, signature),
		"evil encrypted beside":                              good + `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"></saml:EncryptedAssertion>`,
		"evil in another namespace":                          strings.ReplaceAll(evilID, "urn:oasis:names:tc:SAML:2.0:assertion", "urn:x") + good,
	} {
		t.Run(name, func(t *testing.T) {
			in, err := r.conn.SignIn(t.Context(), post(c, base64.StdEncoding.EncodeToString([]byte(before+body+after))))
			if err == nil || in.Identity.Subject != "" {
				t.Fatalf("accepted as %q", in.Identity.Subject)
			}
			switch got := reason(err); got {
			case saml.ReasonAssertions, saml.ReasonSignatureShape, saml.ReasonReference, saml.ReasonSignature, saml.ReasonID, saml.ReasonNamespace:
			default:
				t.Errorf("reason %q: %v", got, err)
			}
		})
	}
	r.refusedText(t, c, before+good+after, "")
}

func TestSM_03_ASecondAssertionIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	a, b := r.answer(c), r.answer(c)
	b.NameID = "u-bob"
	before, first, after, signature := parts(t, r.idp.Write(a))
	_, second, _, _ := parts(t, r.idp.Write(b))
	unsigned := strings.Replace(swap(t, `ID="_a`, `ID="_u`)(first), signature, "", 1)
	for name, body := range map[string]string{
		"two signed": first + second, "unsigned before": unsigned + first, "unsigned after": first + unsigned,
		"none": "",
	} {
		t.Run(name, func(t *testing.T) { r.refusedText(t, c, before+body+after, saml.ReasonAssertions) })
	}
	twice := r.answer(c)
	twice.SignResponse = true
	twice.EditResponse = swap(t, "</samlp:Response>", unsigned+"</samlp:Response>")
	r.refusedText(t, c, r.idp.Write(twice), saml.ReasonAssertions)
}

func TestSM_04_TwoReferencesOrSignedInfosAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	text := r.idp.Write(r.answer(c))
	_, _, _, signature := parts(t, text)
	cut := func(tag string) string {
		i, j := strings.Index(signature, "<ds:"+tag), strings.Index(signature, "</ds:"+tag+">")+len("</ds:"+tag+">")
		return signature[i:j]
	}
	for _, tag := range []string{"Reference", "SignedInfo", "SignatureValue", "DigestValue", "DigestMethod", "SignatureMethod", "CanonicalizationMethod", "KeyInfo", "Transforms"} {
		t.Run("two "+tag, func(t *testing.T) {
			r.refusedText(t, c, swap(t, cut(tag), cut(tag)+cut(tag))(text), saml.ReasonSignatureShape)
		})
		if tag == "KeyInfo" {
			continue
		}
		t.Run("no "+tag, func(t *testing.T) { r.refusedText(t, c, swap(t, cut(tag), "")(text), saml.ReasonSignatureShape) })
	}
	r.refusedText(t, c, swap(t, "<ds:DigestValue>", "<ds:DigestValue><!--x-->")(text), saml.ReasonComment)
	r.refusedText(t, c, swap(t, `URI="#`, `URI="#x`)(text), saml.ReasonReference)
	from, to := strings.Index(text, `URI="#`), strings.Index(text, `"><ds:Transforms>`)
	r.refusedText(t, c, text[:from]+`URI="`+text[to:], saml.ReasonReference)
	r.refusedText(t, c, swap(t, "</ds:Signature>", "<ds:Object></ds:Object></ds:Signature>")(text), saml.ReasonSignatureShape)
	r.refusedText(t, c, swap(t, signature, signature+signature)(text), saml.ReasonSignatureShape)
}

func TestSM_05_ACommentCutsNoNameShort(t *testing.T) {
	r := newRig(t, nil, nil)
	r.refused(t, func(a *idptest.SAMLAnswer) {
		a.NameID = "admin@a.evil"
		a.Edit = swap(t, "admin@a.evil", "admin@a<!---->.evil")
	}, saml.ReasonComment)
	r.everyWay(t, "nested element in NameID", func(a *idptest.SAMLAnswer) {
		a.EditAssertion = swap(t, "u-ada<", "u-<saml:x></saml:x>ada<")
	}, saml.ReasonNameID)
	// CDATA is text like any other: the whole of it, or a broken signature.
	c := pending()
	a := r.answer(c)
	a.Edit = swap(t, "u-ada", "<![CDATA[u-]]>ada")
	in, err := r.conn.SignIn(t.Context(), post(c, r.idp.Respond(a)))
	if err != nil || in.Identity.Subject != "u-ada" {
		t.Errorf("%q %v", in.Identity.Subject, err)
	}
}

func TestSM_06_DoctypesAndInstructionsAreRefusedUnread(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	text := r.idp.Write(r.answer(c))
	for prefix, want := range map[string]string{
		`<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>`:              saml.ReasonDoctype,
		`<!DOCTYPE samlp:Response>`:                                           saml.ReasonDoctype,
		`<?xml version="1.0"?><?xml-stylesheet href="https://evil.example"?>`: saml.ReasonProcInst,
		`<?php x ?>`: saml.ReasonProcInst,
		`<!-- x -->`: saml.ReasonComment,
		`<?xml version="1.0" encoding="UTF-16"?>`: saml.ReasonXML,
		`<?xml version="1.1"?>`:                   saml.ReasonXML,
		`text`:                                    saml.ReasonXML,
		`<?xml version="1.0" encoding="UTF-8"?>` + "\n": "",
	} {
		r.refusedText(t, c, prefix+text, want)
		c = pending()
		text = r.idp.Write(r.answer(c))
	}
	r.refusedText(t, c, swap(t, "u-ada", "&x;")(text), saml.ReasonXML)
	r.refusedText(t, c, text+text, saml.ReasonXML)
	r.refusedText(t, c, text[:len(text)-3], saml.ReasonXML)
	r.refusedText(t, c, text+"\xff", saml.ReasonXML)
	r.refusedText(t, c, "", saml.ReasonXML)
}

func TestSM_07_SM_08_NamespacesThatReadersDisagreeAboutAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	text := r.idp.Write(r.answer(c))
	for name, edit := range map[string]struct{ old, with, want string }{
		"two colons":                  {"<samlp:Status>", "<samlp:Status><a:b:c></a:b:c>", saml.ReasonXML + saml.ReasonNamespace},
		"leading colon":               {"<samlp:Status>", "<samlp:Status><:a></:a>", saml.ReasonNamespace},
		"leading colon, attribute":    {"<samlp:Status>", `<samlp:Status :a="1">`, saml.ReasonNamespace},
		"attribute twice":             {` Destination=`, ` Destination="x" Destination=`, saml.ReasonNamespace},
		"ID by prefix":                {` Destination=`, ` samlp:ID="x" Destination=`, saml.ReasonNamespace},
		"relative namespace":          {"<samlp:Status>", `<samlp:Status xmlns:r="rel">`, saml.ReasonNamespace},
		"relative default namespace":  {"<samlp:Status>", `<samlp:Status xmlns="1">`, saml.ReasonNamespace},
		"xml prefix rebound":          {"<samlp:Status>", `<samlp:Status xmlns:xml="urn:x:y">`, saml.ReasonNamespace},
		"Issuer in another namespace": {"<samlp:Status>", `<saml:Issuer xmlns:saml="urn:x">a</saml:Issuer><samlp:Status>`, saml.ReasonNamespace},
		"ID twice":                    {"<samlp:Status>", `<samlp:Status ID="_dup" ><x id="_dup"/>`, saml.ReasonID},
		"two IDs that differ in case": {"<samlp:Status>", `<samlp:Status Id="_dup"><x ID="_dup"></x>`, saml.ReasonID},
	} {
		t.Run(name, func(t *testing.T) {
			edited := swap(t, edit.old, edit.with)(text)
			_, err := r.conn.SignIn(t.Context(), post(c, base64.StdEncoding.EncodeToString([]byte(edited))))
			if got := reason(err); got == "" || !strings.Contains(edit.want, got) {
				t.Errorf("reason %q, want %q: %v", got, edit.want, err)
			}
		})
	}
}

func TestSM_09_ReplayIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	answer := post(c, r.idp.Respond(r.answer(c)))
	// Another node has a connector of its own; what was used is shared.
	other := must(saml.New(r.config))
	if _, err := r.conn.Finish(t.Context(), answer); err != nil {
		t.Fatal(err)
	}
	for _, conn := range []*saml.Connector{r.conn, other} {
		if _, err := conn.Finish(t.Context(), answer); reason(err) != saml.ReasonReplay {
			t.Errorf("again: %v", err)
		}
	}
	until := r.used.seen[r.idp.EntityID()+" "+onlyID(r.used, r.idp.EntityID())]
	if left := time.Until(until); left < 5*time.Minute || left > 7*time.Minute {
		t.Errorf("remembered for %s", left)
	}

	// 28: fifty at once, one success.
	c = pending()
	answer = post(c, r.idp.Respond(r.answer(c)))
	var wg sync.WaitGroup
	var won atomic.Int32
	for range 50 {
		wg.Go(func() {
			if _, err := r.conn.Finish(t.Context(), answer); err == nil {
				won.Add(1)
			} else if reason(err) != saml.ReasonReplay {
				t.Errorf("%v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d successes", won.Load())
	}

	r.used.fails = errStore
	if _, err := r.finish(t, nil); reason(err) != idp.ReasonUnavailable {
		t.Errorf("a store that is away: %v", err)
	}
}

func onlyID(u *used, issuer string) string {
	for k := range u.seen {
		return strings.TrimPrefix(k, issuer+" ")
	}
	return ""
}

func TestSM_10_TheAudienceMustBeUsEveryTime(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, audiences := range map[string][][]string{
		"absent": nil, "other": {{"other"}}, "other and us": {{"other"}, {entityID}}, "us and other": {{entityID}, {"other"}},
		"empty restriction": {{}}, "case": {{strings.ToUpper(entityID)}}, "slash": {{entityID + "/"}}, "another connection's": {{"https://gate.example/saml/up_2"}},
	} {
		r.everyWay(t, name, func(a *idptest.SAMLAnswer) { a.Audiences = audiences }, saml.ReasonAudience)
	}
}

func TestSM_11_OnlyABearerConfirmationForThisRequestCounts(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, c := range map[string]struct {
		attack change
		want   string
	}{
		"absent":           {func(a *idptest.SAMLAnswer) { a.Confirmation = "" }, saml.ReasonConfirmation},
		"holder of key":    {func(a *idptest.SAMLAnswer) { a.Confirmation = "urn:oasis:names:tc:SAML:2.0:cm:holder-of-key" }, saml.ReasonConfirmation},
		"sender vouches":   {func(a *idptest.SAMLAnswer) { a.Confirmation = "urn:oasis:names:tc:SAML:2.0:cm:sender-vouches" }, saml.ReasonConfirmation},
		"recipient absent": {func(a *idptest.SAMLAnswer) { a.Recipient = "" }, saml.ReasonRecipient},
		"recipient other":  {func(a *idptest.SAMLAnswer) { a.Recipient = "https://gate.example/saml/up_2/acs" }, saml.ReasonRecipient},
		"no end":           {func(a *idptest.SAMLAnswer) { a.ConfirmationEnds = time.Time{} }, saml.ReasonExpired},
		"expired":          {func(a *idptest.SAMLAnswer) { a.ConfirmationEnds = time.Now().Add(-61 * time.Second) }, saml.ReasonExpired},
		"a beginning":      {func(a *idptest.SAMLAnswer) { a.ConfirmationBegins = time.Now().Add(-time.Minute) }, saml.ReasonConfirmation},
		"other request":    {func(a *idptest.SAMLAnswer) { a.AssertionInResponseTo = "_other" }, saml.ReasonInResponseTo},
		"no request":       {func(a *idptest.SAMLAnswer) { a.AssertionInResponseTo = "" }, saml.ReasonInResponseTo},
	} {
		r.everyWay(t, name, c.attack, c.want)
	}
	r.refused(t, func(a *idptest.SAMLAnswer) { a.ConfirmationEnds = time.Now().Add(-50 * time.Second) }, "")
}

func TestSM_12_WhatMakesTheLibraryPanicIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	r.everyWay(t, "no Conditions", func(a *idptest.SAMLAnswer) { a.NoConditions = true }, saml.ReasonConditions)
	r.everyWay(t, "no Subject", func(a *idptest.SAMLAnswer) { a.NoSubject = true }, saml.ReasonConfirmation)
	r.everyWay(t, "no SubjectConfirmationData", func(a *idptest.SAMLAnswer) { a.NoConfirmationData = true }, saml.ReasonConfirmation)
	r.everyWay(t, "no AuthnStatement", func(a *idptest.SAMLAnswer) { a.NoStatement = true }, saml.ReasonStatement)
	r.everyWay(t, "an unknown condition", func(a *idptest.SAMLAnswer) {
		a.EditAssertion = swap(t, "</saml:Conditions>", `<saml:Condition></saml:Condition></saml:Conditions>`)
	}, saml.ReasonConditions)
	r.everyWay(t, "two Conditions", func(a *idptest.SAMLAnswer) {
		a.EditAssertion = swap(t, "<saml:AuthnStatement", `<saml:Conditions></saml:Conditions><saml:AuthnStatement`)
	}, saml.ReasonConditions)
	r.everyWay(t, "an empty NameID", func(a *idptest.SAMLAnswer) { a.NameID = "" }, saml.ReasonNameID)
	r.everyWay(t, "a long NameID", func(a *idptest.SAMLAnswer) { a.NameID = strings.Repeat("x", 300) }, saml.ReasonNameID)
	r.everyWay(t, "a transient NameID", func(a *idptest.SAMLAnswer) { a.NameIDFormat = saml.NameIDTransient }, saml.ReasonNameID)
	r.everyWay(t, "an address for a NameID", func(a *idptest.SAMLAnswer) { a.NameIDFormat = saml.NameIDEmail }, saml.ReasonNameID)
}

func TestSM_13_TimesOutOfRangeAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	at := func(d time.Duration) time.Time { return time.Now().Add(d) }
	for name, c := range map[string]struct {
		attack change
		want   string
	}{
		"issued a year ahead":      {func(a *idptest.SAMLAnswer) { a.Issued = at(365 * 24 * time.Hour) }, saml.ReasonIssueInstant},
		"issued two minutes ahead": {func(a *idptest.SAMLAnswer) { a.Issued = at(2 * time.Minute) }, saml.ReasonIssueInstant},
		"issued long ago":          {func(a *idptest.SAMLAnswer) { a.Issued = at(-7 * time.Minute) }, saml.ReasonIssueInstant},
		"issued never":             {func(a *idptest.SAMLAnswer) { a.Issued = time.Time{} }, saml.ReasonIssueInstant},
		"not yet":                  {func(a *idptest.SAMLAnswer) { a.NotBefore = at(2 * time.Minute) }, saml.ReasonNotBefore},
		"no longer":                {func(a *idptest.SAMLAnswer) { a.NotOnOrAfter = at(-2 * time.Minute) }, saml.ReasonExpired},
		"authenticated ahead":      {func(a *idptest.SAMLAnswer) { a.AuthnInstant = at(2 * time.Minute) }, saml.ReasonAuthnInstant},
		"authenticated never":      {func(a *idptest.SAMLAnswer) { a.AuthnInstant = time.Time{} }, saml.ReasonAuthnInstant},
		"session over":             {func(a *idptest.SAMLAnswer) { a.SessionEnds = at(-2 * time.Minute) }, saml.ReasonSessionOver},
		"version 1.1":              {func(a *idptest.SAMLAnswer) { a.Version = "1.1" }, saml.ReasonVersion},
		"issued two minutes ago":   {func(a *idptest.SAMLAnswer) { a.Issued = at(-2 * time.Minute) }, ""},
		"authenticated yesterday":  {func(a *idptest.SAMLAnswer) { a.AuthnInstant = at(-24 * time.Hour) }, ""},
		"clocks differ by 50 s": {func(a *idptest.SAMLAnswer) {
			a.Issued, a.NotBefore, a.AuthnInstant = at(50*time.Second), at(50*time.Second), at(50*time.Second)
		}, ""},
		"no end in Conditions": {func(a *idptest.SAMLAnswer) { a.NotOnOrAfter = time.Time{} }, saml.ReasonExpired},
		"no beginning":         {func(a *idptest.SAMLAnswer) { a.NotBefore = time.Time{} }, ""},
	} {
		r.everyWay(t, name, c.attack, c.want)
	}
	c := pending()
	zero := time.Duration(0)
	c.MaxAge = &zero
	a := r.answer(c)
	a.AuthnInstant = at(-2 * time.Minute)
	if _, err := r.conn.Finish(t.Context(), post(c, r.idp.Respond(a))); reason(err) != idp.ReasonStaleAuth {
		t.Errorf("stale: %v", err)
	}
}

func TestSM_14_AnswersToNobodyOrAnotherAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	r.everyWay(t, "other", func(a *idptest.SAMLAnswer) { a.InResponseTo = "_other" }, saml.ReasonInResponseTo)
	r.everyWay(t, "absent", func(a *idptest.SAMLAnswer) { a.InResponseTo = "" }, saml.ReasonUnsolicited)
	c := pending()
	answer := post(c, r.idp.Respond(r.answer(c)))
	// Another browser's sign-in has its own request and RelayState.
	for name, theirs := range map[string]idp.Callback{
		"other browser": {State: c.State, Nonce: pending().Nonce}, "nothing remembered": {State: c.State},
	} {
		theirs.Params = answer.Params
		_, err := r.conn.Finish(t.Context(), theirs)
		if got := reason(err); got != saml.ReasonInResponseTo && got != saml.ReasonUnsolicited {
			t.Errorf("%s: %v", name, err)
		}
	}
	if r.used.count() != 0 {
		t.Error("an assertion was used up")
	}
	if r.conn.Unsolicited(answer.Params) {
		t.Error("an answer is called unsolicited")
	}
	a := r.answer(c)
	a.InResponseTo, a.AssertionInResponseTo = "", ""
	if !r.conn.Unsolicited(post(c, r.idp.Respond(a)).Params) {
		t.Error("a sign-in that began at the provider is not seen")
	}
	for _, params := range []url.Values{nil, {"SAMLResponse": {"x"}}, {"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte("<a/>"))}}} {
		if r.conn.Unsolicited(params) {
			t.Errorf("%v is called unsolicited", params)
		}
	}
}

func TestSM_15_WeakAlgorithmsAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, attack := range map[string]change{
		"rsa-sha1":    func(a *idptest.SAMLAnswer) { a.Signature = "http://www.w3.org/2000/09/xmldsig#rsa-sha1" },
		"sha1 digest": func(a *idptest.SAMLAnswer) { a.Digest = "http://www.w3.org/2000/09/xmldsig#sha1" },
		"hmac":        func(a *idptest.SAMLAnswer) { a.Signature = "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256" },
		"md5":         func(a *idptest.SAMLAnswer) { a.Digest = "http://www.w3.org/2001/04/xmldsig-more#md5" },
		"none":        func(a *idptest.SAMLAnswer) { a.Signature = "" },
	} {
		r.everyWay(t, name, attack, saml.ReasonAlgorithm)
	}
	c := pending()
	text := r.idp.Write(r.answer(c))
	for _, algorithm := range []string{"http://www.w3.org/TR/1999/REC-xpath-19991116", "http://www.w3.org/TR/1999/REC-xslt-19991116", "http://www.w3.org/TR/2001/REC-xml-c14n-20010315", "http://www.w3.org/2001/10/xml-exc-c14n#WithComments"} {
		r.refusedText(t, c, swap(t, `<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `<ds:Transform Algorithm="`+algorithm+`"`)(text), saml.ReasonAlgorithm)
		r.refusedText(t, c, swap(t, `<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"`, `<ds:CanonicalizationMethod Algorithm="`+algorithm+`"`)(text), saml.ReasonAlgorithm)
	}
}

func TestSM_16_OnlyACertificateOfTheConnectionCounts(t *testing.T) {
	r := newRig(t, nil, nil)
	r.everyWay(t, "a certificate in KeyInfo", func(a *idptest.SAMLAnswer) { a.Key = otherKey() }, saml.ReasonSignature)
	r.everyWay(t, "our own certificate", func(a *idptest.SAMLAnswer) { a.Key = ourKey() }, saml.ReasonSignature)
	// Whatever KeyInfo says, the pinned certificate verifies.
	r.refused(t, func(a *idptest.SAMLAnswer) {
		a.EditSigned = func(text string) string {
			i, j := strings.Index(text, "<ds:KeyInfo>"), strings.Index(text, "</ds:KeyInfo>")
			return text[:i] + "<ds:KeyInfo><ds:KeyName>x</ds:KeyName>" + text[j:]
		}
	}, "")
	// 42: two certificates while the provider changes over; one that expired.
	expired := must(idptest.Certify(idpKey().Signer, time.Now().Add(-48*time.Hour), time.Now().Add(-time.Hour)))
	for name, c := range map[string]struct {
		certificates []*x509.Certificate
		until        time.Time
		want         string
	}{
		"current second":       {[]*x509.Certificate{otherKey().Certificate, idpKey().Certificate}, time.Time{}, ""},
		"current first":        {[]*x509.Certificate{idpKey().Certificate, otherKey().Certificate}, time.Time{}, ""},
		"other alone":          {[]*x509.Certificate{otherKey().Certificate}, time.Time{}, saml.ReasonSignature},
		"expired":              {[]*x509.Certificate{expired.Certificate}, time.Time{}, saml.ReasonCertificate},
		"expired, put off":     {[]*x509.Certificate{expired.Certificate}, time.Now().Add(time.Hour), ""},
		"expired, put off ran": {[]*x509.Certificate{expired.Certificate}, time.Now().Add(-time.Hour), saml.ReasonCertificate},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, nil, func(config *saml.Config) { config.IDP.Certificates, config.ExpiredUntil = c.certificates, c.until })
			r.refused(t, nil, c.want)
		})
	}
}

func TestSM_17_EncryptionAroundUnsignedContentIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	open := newRig(t, nil, func(c *saml.Config) { c.OpenCipher = true })
	for _, algorithm := range []string{"http://www.w3.org/2001/04/xmlenc#aes256-cbc", "http://www.w3.org/2009/xmlenc11#aes256-gcm"} {
		sealed := func(a *idptest.SAMLAnswer) { a.Encrypt = algorithm }
		r.refused(t, sealed, saml.ReasonOpenCipher)
		open.refused(t, sealed, "")
		open.refused(t, func(a *idptest.SAMLAnswer) { sealed(a); a.SignAssertion = false }, saml.ReasonUnsigned)
		// Lengths and padding that made the library panic, or an oracle.
		for name, cipher := range map[string]string{
			"odd length": base64.StdEncoding.EncodeToString(make([]byte, 33)), "one block": base64.StdEncoding.EncodeToString(make([]byte, 16)),
			"two blocks": base64.StdEncoding.EncodeToString(make([]byte, 32)), "short": "AAAA", "none": "", "no base64": "%%%%",
		} {
			t.Run(name, func(t *testing.T) {
				open.refused(t, func(a *idptest.SAMLAnswer) { sealed(a); a.Edit = lastCipher(cipher) }, saml.ReasonDecrypt)
				r.refused(t, func(a *idptest.SAMLAnswer) {
					sealed(a)
					a.SignResponse, a.EditResponse = true, lastCipher(cipher)
				}, saml.ReasonDecrypt)
			})
		}
		// What was encrypted need not be an assertion, or anything.
		for text, want := range map[string]string{
			"": saml.ReasonDecrypt, "x": saml.ReasonDecrypt, "<a/>": saml.ReasonRoot, "<!-- -->": saml.ReasonComment, "<!DOCTYPE a><a/>": saml.ReasonDoctype,
			`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"/>`: saml.ReasonUnsigned,
		} {
			open.refused(t, func(a *idptest.SAMLAnswer) { sealed(a); a.EditSigned = func(string) string { return text } }, want)
		}
	}
	for name, attack := range map[string]change{
		"3DES":    func(a *idptest.SAMLAnswer) { a.Encrypt = "http://www.w3.org/2001/04/xmlenc#tripledes-cbc" },
		"rsa-1_5": func(a *idptest.SAMLAnswer) { a.KeyTransport = "http://www.w3.org/2001/04/xmlenc#rsa-1_5" },
	} {
		t.Run(name, func(t *testing.T) {
			r.refused(t, func(a *idptest.SAMLAnswer) {
				a.SignResponse, a.Encrypt = true, "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
				attack(a)
			}, saml.ReasonAlgorithm)
		})
	}
	blind := newRig(t, nil, func(c *saml.Config) { c.Keys = nil })
	blind.refused(t, ways["encrypted"], saml.ReasonDecrypt)
	// Our own keys change over: the old one still decrypts.
	rolled := newRig(t, nil, func(c *saml.Config) { c.Keys = []saml.Key{key(ourNext()), key(ourKey())} })
	rolled.refused(t, ways["encrypted"], "")
}

// lastCipher replaces what was encrypted.
func lastCipher(with string) func(string) string {
	return func(text string) string {
		i, j := strings.LastIndex(text, "<xenc:CipherValue>"), strings.LastIndex(text, "</xenc:CipherValue>")
		return text[:i] + "<xenc:CipherValue>" + with + text[j:]
	}
}

func Test31_PaddingProbesAllLookTheSame(t *testing.T) {
	open := newRig(t, nil, func(c *saml.Config) { c.OpenCipher = true })
	c := pending()
	a := open.answer(c)
	a.Encrypt, a.NameID = "http://www.w3.org/2001/04/xmlenc#aes256-cbc", "u"
	text := open.idp.Write(a)
	i, j := strings.LastIndex(text, "<xenc:CipherValue>")+len("<xenc:CipherValue>"), strings.LastIndex(text, "</xenc:CipherValue>")
	sealed := must(base64.StdEncoding.DecodeString(text[i:j]))
	var said string
	for b := range 256 {
		probe := bytes.Clone(sealed)
		probe[len(probe)-17] ^= byte(b)
		if b == 0 {
			continue
		}
		_, err := open.conn.SignIn(t.Context(), post(c, base64.StdEncoding.EncodeToString([]byte(text[:i]+base64.StdEncoding.EncodeToString(probe)+text[j:]))))
		if err == nil {
			t.Fatal("a probe is accepted")
		}
		if reason(err) == saml.ReasonDecrypt {
			if said == "" {
				said = err.Error()
			}
			if err.Error() != said {
				t.Errorf("%q, before %q", err, said)
			}
		}
	}
	if said == "" {
		t.Error("no probe failed to decrypt")
	}
}

func TestSM_18_BombsAreRefusedByTheirSize(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	for name, encoded := range map[string]string{
		"20 MB": strings.Repeat("A", 20<<20), "just over": strings.Repeat("A", idp.MaxForm+4), "decoded": strings.Repeat("A", 350<<10),
	} {
		if _, err := r.conn.Finish(t.Context(), post(c, encoded)); reason(err) != saml.ReasonTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	var packed bytes.Buffer
	w := must(flate.NewWriter(&packed, 9))
	for range 10 {
		_, _ = w.Write(bytes.Repeat([]byte(" "), 1<<20))
	}
	_ = w.Close()
	query := "SAMLRequest=" + url.QueryEscape(base64.StdEncoding.EncodeToString(packed.Bytes())) + "&SigAlg=x&Signature=x"
	if _, err := r.conn.LogoutByRedirect(t.Context(), query); reason(err) != saml.ReasonAlgorithm && reason(err) != saml.ReasonTooLarge {
		t.Errorf("deflate bomb: %v", err)
	}
	for name, bomb := range bombs() {
		t.Run(name, func(t *testing.T) { r.refusedText(t, c, bomb.text, bomb.want) })
	}
}

type bomb struct{ text, want string }

// bombs are the documents that cost the library seconds (federation spec 3.1).
func bombs() map[string]bomb {
	const open, end = `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol">`, `</samlp:Response>`
	var namespaces strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&namespaces, ` xmlns:n%d="urn:%d:x"`, i, i)
	}
	return map[string]bomb{
		"20,000 nested, 137 KB":    {open + strings.Repeat("<a>", 20000) + strings.Repeat("</a>", 20000) + end, saml.ReasonDepth},
		"flat, 1.2 MB":             {open + strings.Repeat("<a/>", 300000) + end, saml.ReasonTooLarge},
		"flat, 200 KB":             {open + strings.Repeat("<a/>", 50000) + end, saml.ReasonElements},
		"many namespaces":          {open + "<a" + namespaces.String() + "/>" + end, saml.ReasonElements},
		"namespaces over elements": {open + strings.Repeat(`<a xmlns:a="urn:a" xmlns:b="urn:b"/>`, 500) + end, saml.ReasonNamespace},
		"one long text":            {open + "<a>" + strings.Repeat("x", 200<<10) + "</a>" + end, saml.ReasonID},
		"one long attribute":       {open + `<a b="` + strings.Repeat("x", 200<<10) + `"/>` + end, saml.ReasonID},
	}
}

func TestSM_19_FormsAreTakenLiterally(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	good := r.idp.Respond(r.answer(c))
	for name, p := range map[string]struct {
		params url.Values
		want   string
	}{
		"two responses":      {url.Values{"SAMLResponse": {good, good}, "RelayState": {c.State}}, saml.ReasonForm},
		"no response":        {url.Values{"RelayState": {c.State}}, saml.ReasonForm},
		"request beside":     {url.Values{"SAMLResponse": {good}, "SAMLRequest": {good}, "RelayState": {c.State}}, saml.ReasonForm},
		"two RelayStates":    {url.Values{"SAMLResponse": {good}, "RelayState": {c.State, c.State}}, saml.ReasonForm},
		"RelayState a URL":   {url.Values{"SAMLResponse": {good}, "RelayState": {"https://evil.example"}}, saml.ReasonRelayState},
		"RelayState //":      {url.Values{"SAMLResponse": {good}, "RelayState": {"//evil.example"}}, saml.ReasonRelayState},
		"RelayState script":  {url.Values{"SAMLResponse": {good}, "RelayState": {"javascript:alert(1)"}}, saml.ReasonRelayState},
		"RelayState long":    {url.Values{"SAMLResponse": {good}, "RelayState": {strings.Repeat("x", 4096)}}, saml.ReasonRelayState},
		"RelayState absent":  {url.Values{"SAMLResponse": {good}}, saml.ReasonRelayState},
		"not base64":         {url.Values{"SAMLResponse": {"%%%"}, "RelayState": {c.State}}, saml.ReasonEncoding},
		"base64 with a tail": {url.Values{"SAMLResponse": {good + "A"}, "RelayState": {c.State}}, saml.ReasonEncoding},
		"an artifact":        {url.Values{"SAMLart": {"x"}, "SAMLResponse": {good}, "RelayState": {c.State}}, saml.ReasonArtifact},
		"an artifact alone":  {url.Values{"SAMLart": {"x"}, "RelayState": {c.State}}, saml.ReasonArtifact},
	} {
		t.Run(name, func(t *testing.T) {
			c := c
			c.Params = p.params
			in, err := r.conn.SignIn(t.Context(), c)
			r.judge(t, in, err, p.want, 0)
		})
	}
	broken := good[:76] + "\r\n" + good[76:]
	if _, err := r.conn.Finish(t.Context(), post(c, broken)); err != nil {
		t.Errorf("broken lines: %v", err)
	}
}

func TestSM_20_AnotherTenantsProviderCountsNothing(t *testing.T) {
	// 22: the same provider, another connection: its ACS and entity id differ.
	r := newRig(t, nil, nil)
	other := newRig(t, nil, func(c *saml.Config) {
		c.ID, c.EntityID, c.ACS = "up_2", "https://gate.example/saml/up_2", "https://gate.example/saml/up_2/acs"
	})
	c := pending()
	for name, attack := range map[string]struct {
		change change
		want   string
	}{
		"as it is":                          {func(*idptest.SAMLAnswer) {}, saml.ReasonRecipient},
		"with the destination put right":    {func(a *idptest.SAMLAnswer) { a.Destination = "https://gate.example/saml/up_2/acs" }, saml.ReasonRecipient},
		"signed, with its old destination":  {func(a *idptest.SAMLAnswer) { a.SignResponse = true }, saml.ReasonDestination},
		"with no destination":               {func(a *idptest.SAMLAnswer) { a.Destination = "" }, saml.ReasonRecipient},
		"with the recipient put right":      {func(a *idptest.SAMLAnswer) { a.Destination, a.Recipient = "", "https://gate.example/saml/up_2/acs" }, saml.ReasonAudience},
		"signed without destination at all": {func(a *idptest.SAMLAnswer) { a.SignResponse, a.Destination = true, "" }, saml.ReasonDestination},
	} {
		a := r.answer(c)
		attack.change(&a)
		_, err := other.conn.SignIn(t.Context(), post(c, r.idp.Respond(a)))
		if got := reason(err); got != attack.want && (name != "as it is" || got != saml.ReasonDestination) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// 23: a provider that says it is another: its key is not.
	impostor := newRig(t, func(u *idptest.SAMLConfig) { u.Key = otherKey() }, nil)
	if _, err := r.conn.SignIn(t.Context(), post(c, impostor.idp.Respond(impostor.answer(c)))); reason(err) != saml.ReasonSignature {
		t.Errorf("impostor: %v", err)
	}
	r.everyWay(t, "issuer of both", func(a *idptest.SAMLAnswer) {
		a.Issuer, a.ResponseIssuer = "https://evil.example", "https://evil.example"
	}, saml.ReasonIssuer)
	r.everyWay(t, "issuer of the assertion", func(a *idptest.SAMLAnswer) { a.Issuer = "https://evil.example" }, saml.ReasonIssuer)
	r.everyWay(t, "issuer of the response", func(a *idptest.SAMLAnswer) { a.ResponseIssuer = "https://evil.example" }, saml.ReasonIssuer)
	r.refused(t, func(a *idptest.SAMLAnswer) { a.ResponseIssuer = "" }, "")
	entra := newRig(t, func(u *idptest.SAMLConfig) { u.Vendor = "entra" }, asVendor(t, "entra"))
	entra.everyWay(t, "another tenant", func(a *idptest.SAMLAnswer) { a.Attributes[1].Values = []string{"99999999-2222-3333-4444-555555555555"} }, saml.ReasonRequire)
	entra.everyWay(t, "two tenants", func(a *idptest.SAMLAnswer) { a.Attributes[1].Values = []string{idptest.SAMLTenant, "other"} }, saml.ReasonRequire)
	entra.everyWay(t, "no object id", func(a *idptest.SAMLAnswer) { a.Attributes = a.Attributes[1:] }, saml.ReasonSubjectRule)
	entra.everyWay(t, "two object ids", func(a *idptest.SAMLAnswer) { a.Attributes = append(a.Attributes, a.Attributes[0]) }, saml.ReasonSubjectRule)
}

func TestStatusesOtherThanSuccessAreRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	const status = "urn:oasis:names:tc:SAML:2.0:status:"
	for sub, want := range map[string]string{
		"": saml.ReasonStatus, "AuthnFailed": saml.ReasonStatus, "RequestDenied": idp.ReasonDenied,
		"NoPassive": idp.ReasonLoginRequired, "NoAuthnContext": idp.ReasonUnmetAuth,
	} {
		r.refused(t, func(a *idptest.SAMLAnswer) {
			if a.Status = status + "Responder"; sub != "" {
				a.SubStatus = status + sub
			}
		}, want)
		// A failure comes without an assertion, and need not be signed.
		c := pending()
		a := r.answer(c)
		if a.Status = status + "Responder"; sub != "" {
			a.SubStatus = status + sub
		}
		before, _, after, _ := parts(t, r.idp.Write(a))
		r.refusedText(t, c, before+after, want)
	}
}
