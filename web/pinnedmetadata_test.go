package web_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

var emptyElement = regexp.MustCompile(`<(md:[A-Za-z]+)([^<>]*)/>`)

// signedBy is the metadata of one directory in canonical form, signed with the
// key of another.
func (d *directory) signedBy(signer *directory) []byte {
	_, text, _ := strings.Cut(string(d.Metadata()), "?>")
	text = strings.Replace(text, ` entityID="`, ` ID="_m" entityID="`, 1)
	return []byte(signer.SignElement(emptyElement.ReplaceAllString(text, "<$1$2></$1>"), "_m"))
}

// Metadata that an administrator's certificate has signed is believed without
// one; where there is such a certificate, nothing else is read.
func TestSM_29_MetadataSignedByAPinnedKeyIsBelievedAndNoOther(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, p := h.renewing()
	key := func() *idptest.SAMLKey {
		return made(idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(9000*time.Hour)))(t)
	}
	federation, next := key(), d.withKey(key())
	operator := d.withKey(federation)
	id := string(d.connection.ID)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: federation.Certificate.Raw}))
	for what, bad := range map[string]string{"no certificate": "-----BEGIN", "a key": string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")}))} {
		w := h.atConnections("PATCH", "/"+id, asJSON(map[string]any{"saml": map[string]any{"settings": map[string]any{"metadata_certificates": []string{bad}}}}))
		if w.Code != http.StatusBadRequest && w.Code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", what, w.Code, w.Body)
		}
	}
	w := h.atConnections("PATCH", "/"+id, asJSON(map[string]any{"saml": map[string]any{"settings": map[string]any{"metadata_certificates": []string{text}}}}))
	var told struct {
		SAML struct {
			Pinned [][]byte `json:"metadata_certificates"`
		}
	}
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &told) != nil || len(told.SAML.Pinned) != 1 || string(told.SAML.Pinned[0]) != string(federation.Certificate.Raw) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	look := func(what string, document []byte, fails bool) {
		t.Helper()
		p.put(document, http.StatusOK)
		h.clock.Advance(25 * time.Hour)
		h.ok(h.connections.LookDue(t.Context()))
		if v := h.metadataOf(d, "GET", "/metadata", ""); v.Proposal != nil || (v.Problem != "") != fails {
			t.Errorf("%s: %+v", what, v)
		}
	}
	signsIn := func(what string, d *directory, reason string) {
		t.Helper()
		b := h.browser()
		w := d.signIn(b, nil)
		if reason != "" {
			d.refused(what, b, w, reason)
		} else if w.Code != http.StatusSeeOther || b.cookies[cookie] == "" {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
	}
	look("unsigned", next.Metadata(), true)
	look("signed by the key that signs its answers", next.signedBy(d), true)
	look("changed after it was signed", []byte(strings.ReplaceAll(string(next.signedBy(operator)), entitySSO, "https://evil.example/sso")), true)
	signsIn("by what was believed before", d, "")
	signsIn("by a certificate that nobody vouched for", next, saml.ReasonSignature)
	look("signed", next.signedBy(operator), false)
	signsIn("by the new certificate", next, "")
	signsIn("by the old one", d, saml.ReasonSignature)
	if e := h.entries("connection.metadata_changed"); len(e) != 1 || e[0].Target != id {
		t.Errorf("audited %+v", e)
	}
	if e := h.entries("connection.metadata_proposed"); len(e) != 0 {
		t.Errorf("proposed %+v", e)
	}
}
