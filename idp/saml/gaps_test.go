package saml_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

const dsig = ` xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`

// extended puts something into a response beside its assertion, before the
// response is signed.
func extended(t *testing.T, what string) change {
	t.Helper()
	return func(a *idptest.SAMLAnswer) {
		a.EditResponse = swap(t, "<samlp:Status>", "<samlp:Extensions>"+what+"</samlp:Extensions><samlp:Status>")
	}
}

// Each of these a later step may refuse too, or not: the rule that names it is
// held by itself, however well the message is signed.
func TestAttack_21_EveryRuleOfAMessageIsHeldByItself(t *testing.T) {
	r := newRig(t, nil, nil)
	for name, c := range map[string]struct{ within, want string }{
		"SM-08: a response within":   {`<samlp:Response ID="_in"></samlp:Response>`, saml.ReasonRoot},
		"a logout within":            {`<samlp:LogoutRequest ID="_in"></samlp:LogoutRequest>`, saml.ReasonRoot},
		"a cipher elsewhere":         {`<xenc:CipherReference xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" URI="https://evil.example/"></xenc:CipherReference>`, saml.ReasonShape},
		"something else encrypted":   {`<xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"></xenc:EncryptedData>`, saml.ReasonShape},
		"SM-04: a manifest":          {`<ds:Manifest` + dsig + `></ds:Manifest>`, saml.ReasonSignatureShape},
		"an empty ID":                {`<samlp:Anything ID=""></samlp:Anything>`, saml.ReasonID},
		"SM-07: a declared xmlns":    {`<samlp:Anything xmlns:xmlns="urn:x"></samlp:Anything>`, saml.ReasonNamespace},
		"SM-06: a late declaration":  {`<?xml version="1.0"?>`, saml.ReasonProcInst},
		"SM-06: another instruction": {`<?php x?>`, saml.ReasonProcInst},
	} {
		r.everyWay(t, name, extended(t, c.within), c.want)
	}
}

// A signature that is whole, and of something else than response and assertion.
func TestSM_02_ASignatureOfSomethingElseIsRefused(t *testing.T) {
	r := newRig(t, nil, nil)
	c := pending()
	a := r.answer(c)
	_, _, _, signature := parts(t, r.idp.Write(a))
	other := strings.Replace(signature, `URI="#`+a.AssertionID+`"`, `URI="#_e"`, 1)
	if other == signature {
		t.Fatalf("the signature is of nothing: %s", signature)
	}
	r.everyWay(t, "in Extensions", func(a *idptest.SAMLAnswer) {
		a.EditResponse = swap(t, "<samlp:Status>", `<samlp:Extensions ID="_e">`+other+`</samlp:Extensions><samlp:Status>`)
	}, saml.ReasonSignatureShape)
	r.refusedText(t, c, `<ds:Signature`+dsig+`></ds:Signature>`, saml.ReasonRoot)
	// A part where none belongs is outside of what is signed.
	r.refused(t, func(a *idptest.SAMLAnswer) {
		a.EditSigned = swap(t, "</ds:SignedInfo>", "</ds:SignedInfo><ds:Transforms></ds:Transforms>")
	}, saml.ReasonSignatureShape)
}

func TestAttack_21_AnAssertionHasAVersionAndAnIDOfItsOwn(t *testing.T) {
	r := newRig(t, nil, nil)
	r.everyWay(t, "version 1.1", func(a *idptest.SAMLAnswer) {
		a.EditAssertion = swap(t, `Version="2.0"`, `Version="1.1"`)
	}, saml.ReasonVersion)
	r.everyWay(t, "an ID without end", func(a *idptest.SAMLAnswer) { a.AssertionID = "_" + strings.Repeat("a", 1<<10) }, saml.ReasonID)
	// What has none is remembered as none: the next one would be a replay.
	for way, travel := range ways {
		if way == "assertion signed" {
			continue
		}
		r.refused(t, func(a *idptest.SAMLAnswer) {
			travel(a)
			a.SignAssertion, a.AssertionID = false, ""
		}, saml.ReasonID)
	}
}

func TestSM_10_AnAudienceRestrictionThatSaysMoreIsNotMet(t *testing.T) {
	newRig(t, nil, nil).everyWay(t, "more than audiences", func(a *idptest.SAMLAnswer) {
		a.EditAssertion = swap(t, "</saml:AudienceRestriction>", "<saml:Unless>x</saml:Unless></saml:AudienceRestriction>")
	}, saml.ReasonAudience)
}

func TestAttack_42_ACertificateOfTomorrowVerifiesNothing(t *testing.T) {
	soon := must(idptest.Certify(idpKey().Signer, time.Now().Add(time.Hour), time.Now().Add(100*time.Hour)))
	r := newRig(t, func(c *idptest.SAMLConfig) { c.Key = soon }, nil)
	r.everyWay(t, "not valid yet", func(*idptest.SAMLAnswer) {}, saml.ReasonCertificate)
}

// A response is a message of its own, whatever its assertion says.
func TestAttack_21_AResponseHasAVersionAnIDAndOneStatus(t *testing.T) {
	r := newRig(t, nil, nil)
	const code = `<samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></samlp:StatusCode>`
	for name, c := range map[string]struct {
		edit func(string) string
		want string
	}{
		"version 1.1":           {swap(t, `Version="2.0"`, `Version="1.1"`), saml.ReasonVersion},
		"a status of no code":   {swap(t, code, ""), saml.ReasonStatus},
		"a status of two codes": {swap(t, code, code+code), saml.ReasonStatus},
		"two statuses":          {swap(t, "<samlp:Status>", "<samlp:Status>"+code+"</samlp:Status><samlp:Status>"), saml.ReasonStatus},
	} {
		r.everyWay(t, name, func(a *idptest.SAMLAnswer) { a.EditResponse = c.edit }, c.want)
	}
	r.everyWay(t, "an ID without end", func(a *idptest.SAMLAnswer) { a.ResponseID = "_" + strings.Repeat("r", 1<<10) }, saml.ReasonID)
}
