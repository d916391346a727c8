package web_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/saml"
)

// published is a provider's metadata at an address, which a test replaces.
type published struct {
	mu       sync.Mutex
	document []byte
	status   int
	url      string
}

func (p *published) put(document []byte, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.document, p.status = document, status
}

func (h *house) published(document []byte) *published {
	p := &published{document: document, status: http.StatusOK}
	at := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		p.mu.Lock()
		defer p.mu.Unlock()
		w.WriteHeader(p.status)
		_, _ = w.Write(p.document)
	}))
	h.Cleanup(at.Close)
	p.url = at.URL
	return p
}

// withKey is the directory as it is once it signs with another key.
func (d *directory) withKey(key *idptest.SAMLKey) *directory {
	d.h.Helper()
	_, ours := samlKeys()
	next := *d
	next.SAML = made(idptest.NewSAML(idptest.SAMLConfig{
		EntityID: d.EntityID(), SSO: entitySSO, SLO: entitySLO, Vendor: d.connection.Vendor, User: oldUser(), Key: key, Encrypt: ours.Certificate, Now: d.h.clock.Now,
	}))(d.h)
	return &next
}

// renewing is a directory whose metadata is at an address, with a key of ours.
func (h *house) renewing() (*directory, *published) {
	h.Helper()
	d := h.directory("okta")
	p := h.published(d.Metadata())
	id := string(d.connection.ID)
	// By the API, so that our key is made.
	w := h.atConnections("PATCH", "/"+id, asJSON(map[string]any{"fallback": "ask", "jit": "domain", "saml": map[string]any{"metadata_url": p.url}}))
	if w.Code != http.StatusOK {
		h.Fatalf("%d %s", w.Code, w.Body)
	}
	return d, p
}

type metadataView struct {
	CheckedAt, Problem string
	Proposal           *struct {
		ID             string
		Added, Removed []struct{ Fingerprint string }
		Endpoints      []string
	}
	OurKeys  []struct{ Fingerprint string } `json:"our_keys"`
	Expiring []struct {
		Ours     bool
		DaysLeft int `json:"days_left"`
	}
}

func (h *house) metadataOf(d *directory, method, step, body string) metadataView {
	h.Helper()
	w := h.atConnections(method, "/"+string(d.connection.ID)+step, body)
	var v metadataView
	if w.Code != http.StatusOK || json.Unmarshal(w.Body.Bytes(), &v) != nil {
		h.Fatalf("%s %s: %d %s", method, step, w.Code, w.Body)
	}
	return v
}

func TestSM_29_ANewCertificateInMetadataWaitsForAnAdministrator(t *testing.T) {
	t.Parallel()
	onBoth(t, func(h *house) {
		t := h.T
		d, p := h.renewing()
		signsIn := func(what string, d *directory, reason string) {
			t.Helper()
			b := h.browser()
			w := d.signIn(b, nil)
			if reason == "" && (w.Code != http.StatusSeeOther || b.cookies[cookie] == "") {
				t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
			}
			if reason != "" {
				d.refused(what, b, w, reason)
			}
		}
		h.ok(h.connections.LookDue(t.Context()))
		if v := h.metadataOf(d, "GET", "/metadata", ""); v.Proposal != nil || v.Problem != "" || len(v.OurKeys) != 1 {
			t.Errorf("nothing changed, and there is %+v", v)
		}
		next := made(idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(900*time.Hour)))(t)
		rolled := d.withKey(next)
		p.put(rolled.Metadata(), http.StatusOK)
		h.clock.Advance(25 * time.Hour)
		h.ok(h.connections.LookDue(t.Context()))
		v := h.metadataOf(d, "GET", "/metadata", "")
		if v.Proposal == nil || len(v.Proposal.Added) != 1 || v.Proposal.Added[0].Fingerprint != saml.Fingerprint(next.Certificate) || len(v.Proposal.Removed) != 1 {
			t.Fatalf("proposed %+v", v.Proposal)
		}
		events := h.events("connection.metadata_proposed")
		if len(events) != 1 || !strings.Contains(events[0], `"P2"`) {
			t.Errorf("events %v", events)
		}
		// The old certificate works, the new one does not.
		signsIn("by the old certificate", d, "")
		signsIn("by the new certificate", rolled, saml.ReasonSignature)

		// What was looked at is what is approved.
		approve := func(id string) *httptest.ResponseRecorder {
			return h.atConnections("POST", "/"+string(d.connection.ID)+"/metadata/approve", asJSON(map[string]any{"proposal": id}))
		}
		h.wants("another proposal", approve("0000"), http.StatusConflict, "proposal_gone")
		h.clock.Advance(25 * time.Hour)
		h.ok(h.connections.LookDue(t.Context()))
		if n := len(h.entries("connection.metadata_proposed")); n != 1 {
			t.Errorf("told %d times", n)
		}
		if w := approve(v.Proposal.ID); w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		h.wants("twice", approve(v.Proposal.ID), http.StatusConflict, "proposal_gone")
		signsIn("by the new certificate, approved", rolled, "")
		signsIn("by the old certificate, withdrawn", d, saml.ReasonSignature)
		if list := h.entries("connection.metadata_approved"); len(list) != 1 || list[0].Actor == "" || list[0].Target != string(d.connection.ID) {
			t.Errorf("audited %+v", list)
		}
	})
}

func TestSM_29_MetadataThatCannotBeHadChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, p := h.renewing()
	expired := strings.Replace(string(d.Metadata()), "<md:EntityDescriptor ", `<md:EntityDescriptor validUntil="2001-01-01T00:00:00Z" `, 1)
	for what, document := range map[string]string{
		"another provider's": strings.ReplaceAll(string(d.Metadata()), d.EntityID(), "https://evil.example/"), "expired": expired, "no XML": "<", "HTML": "<html></html>",
		"an http address": strings.ReplaceAll(string(d.Metadata()), entitySSO, "http://old.example/sso"),
	} {
		p.put([]byte(document), http.StatusOK)
		h.clock.Advance(25 * time.Hour)
		h.ok(h.connections.LookDue(t.Context()))
		if v := h.metadataOf(d, "GET", "/metadata", ""); v.Problem == "" || v.Proposal != nil {
			t.Errorf("%s: %+v", what, v)
		}
	}
	p.put(nil, http.StatusBadGateway)
	if v := h.metadataOf(d, "POST", "/metadata/refresh", ""); v.Problem == "" {
		t.Errorf("%+v", v)
	}
	before := len(h.entries("connection.metadata_failed"))
	h.clock.Advance(2 * time.Hour)
	h.ok(h.connections.LookDue(t.Context()))
	if after := len(h.entries("connection.metadata_failed")); after != before {
		t.Errorf("the same problem was told again: %d, %d", before, after)
	}
	if w := d.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
	// A place that people are sent to is as good as a certificate.
	p.put([]byte(strings.ReplaceAll(string(d.Metadata()), entitySSO, "https://evil.example/sso")), http.StatusOK)
	v := h.metadataOf(d, "POST", "/metadata/refresh", "")
	if v.Problem != "" || v.Proposal == nil || len(v.Proposal.Endpoints) != 1 {
		t.Fatalf("%+v", v)
	}
	d.ask(h.browser()) // still at the old place
	reject := asJSON(map[string]any{"proposal": v.Proposal.ID})
	if w := h.atConnections("POST", "/"+string(d.connection.ID)+"/metadata/reject", reject); w.Code != http.StatusNoContent {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if v := h.metadataOf(d, "POST", "/metadata/refresh", ""); v.Proposal != nil {
		t.Errorf("what was rejected is proposed again: %+v", v)
	}
}

func TestSM_29_ACertificateThatIsWithdrawnIsBelievedNoMore(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, p := h.renewing()
	next := made(idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(900*time.Hour)))(t)
	rolled := d.withKey(next)
	both := strings.Replace(string(d.Metadata()), "<md:KeyDescriptor", keyDescriptor(t, string(rolled.Metadata()))+"<md:KeyDescriptor", 1)
	p.put([]byte(both), http.StatusOK)
	v := h.metadataOf(d, "POST", "/metadata/refresh", "")
	approved := asJSON(map[string]any{"proposal": v.Proposal.ID})
	if w := h.atConnections("POST", "/"+string(d.connection.ID)+"/metadata/approve", approved); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for what, at := range map[string]*directory{"old": d, "new": rolled} { // while it rolls
		if w := at.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
			t.Errorf("%s: %d %.300s", what, w.Code, w.Body)
		}
	}
	p.put(rolled.Metadata(), http.StatusOK)
	if v := h.metadataOf(d, "POST", "/metadata/refresh", ""); v.Proposal != nil {
		t.Errorf("less to trust waits for somebody: %+v", v)
	}
	b := h.browser()
	d.refused("withdrawn", b, d.signIn(b, nil), saml.ReasonSignature)
	if w := rolled.signIn(h.browser(), nil); w.Code != http.StatusSeeOther {
		t.Errorf("%d %.300s", w.Code, w.Body)
	}
}

// keyDescriptor is the key descriptor of metadata.
func keyDescriptor(t *testing.T, metadata string) string {
	t.Helper()
	_, rest, ok := strings.Cut(metadata, "<md:KeyDescriptor")
	descriptor, _, _ := strings.Cut(rest, "</md:KeyDescriptor>")
	if !ok {
		t.Fatal("no key descriptor")
	}
	return "<md:KeyDescriptor" + descriptor + "</md:KeyDescriptor>"
}

func TestSM_42_CertificatesThatEndAreWarnedOfOncePerStep(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d, p := h.renewing()
	short := made(idptest.NewSAMLKey(h.clock.Now().Add(-time.Hour), h.clock.Now().Add(31*24*time.Hour)))(t)
	rolled := d.withKey(short)
	p.put(rolled.Metadata(), http.StatusOK)
	v := h.metadataOf(d, "POST", "/metadata/refresh", "")
	if w := h.atConnections("POST", "/"+string(d.connection.ID)+"/metadata/approve", asJSON(map[string]any{"proposal": v.Proposal.ID})); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	for range 33 {
		h.clock.Advance(24 * time.Hour)
		h.ok(h.connections.LookDue(t.Context()))
	}
	list := h.entries("connection.certificate_expiring")
	slices.SortStableFunc(list, func(a, b authz.AuditEntry) int { return a.Time.Compare(b.Time) })
	var told []string
	for _, e := range list {
		told = append(told, fmt.Sprint(e.Details["days"]))
	}
	if got := strings.Join(told, " "); got != "30 14 7 1 0" {
		t.Errorf("warned of %s days", got)
	}
	if v := h.metadataOf(d, "GET", "/metadata", ""); len(v.Expiring) != 1 || v.Expiring[0].DaysLeft != 0 || v.Expiring[0].Ours {
		t.Errorf("%+v", v.Expiring)
	}
}

func TestOurKeyAtAProviderIsReplacedWhileBothArePublished(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.sealedKeys = true
	d, _ := h.renewing()
	id := string(d.connection.ID)
	published := func() []string {
		w := h.send("GET", "/saml/"+id+"/metadata", "")
		if w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		var found []string
		for _, part := range strings.Split(w.Body.String(), `use="signing"`)[1:] {
			_, rest, _ := strings.Cut(part, "X509Certificate>")
			text, _, _ := strings.Cut(rest, "<")
			certificate := made(saml.ParseCertificate(text))(t)
			found = append(found, saml.Fingerprint(certificate))
		}
		return found
	}
	step := func(step string, want int) *httptest.ResponseRecorder {
		t.Helper()
		w := h.atConnections("POST", "/"+id+"/saml-key", asJSON(map[string]any{"step": step}))
		if w.Code != want {
			t.Fatalf("%s: %d %s", step, w.Code, w.Body)
		}
		return w
	}
	first := published()
	if len(first) != 1 {
		t.Fatalf("published %v", first)
	}
	step("use", http.StatusConflict)
	step("retire", http.StatusConflict)
	step("publish", http.StatusOK)
	step("publish", http.StatusConflict)
	both := published()
	if len(both) != 2 || both[0] != first[0] {
		t.Errorf("published %v", both)
	}
	step("use", http.StatusOK)
	if now := published(); len(now) != 2 || now[0] != both[1] || now[1] != both[0] {
		t.Errorf("published %v", now)
	}
	step("retire", http.StatusOK)
	if now := published(); len(now) != 1 || now[0] != both[1] {
		t.Errorf("published %v", now)
	}
	for _, typ := range []string{"publish", "use", "retire"} {
		if list := h.entries("connection.saml_key_" + typ); len(list) != 1 {
			t.Errorf("%s: audited %+v", typ, list)
		}
	}
}

func TestSM_27_WhoComesUnaskedIsRefusedOrBeginsASignInOfTheirOwn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	d := h.directory("okta")
	unasked := func(relay string) url.Values {
		values := d.answer(asked{id: "", relayState: relay}, func(a *idptest.SAMLAnswer) { a.InResponseTo, a.AssertionInResponseTo = "", "" })
		return values
	}
	b := h.browser()
	d.refused("while off", b, d.post(unasked("https://evil.example/")), "state")
	hinted := h.directory("okta", func(c *authz.Connection) { c.SAML.InitiateLoginURI = "https://app.example/login?tenant=1" })
	for _, relay := range []string{"", "https://evil.example/", "javascript:alert(1)"} {
		w := hinted.post(unasked(relay))
		if to := w.Header().Get("Location"); w.Code != http.StatusSeeOther || to != "https://app.example/login?iss="+url.QueryEscape(host)+"&tenant=1" || len(w.Result().Cookies()) != 0 {
			t.Errorf("%q: %d %s", relay, w.Code, to)
		}
	}
	if len(h.entries("login.succeeded")) != 0 || len(h.entries("login.hinted")) != 3 {
		t.Error("somebody was signed in, or nothing was recorded")
	}
	// An answer to somebody's request is no hint, and the pending sign-in is left
	// alone by hints.
	a := hinted.ask(b)
	if w := hinted.post(unasked(a.relayState)); !strings.HasPrefix(w.Header().Get("Location"), "https://app.example/login") {
		t.Errorf("%d %s", w.Code, w.Header().Get("Location"))
	}
	other := hinted.ask(h.browser())
	stolen := hinted.answer(other, nil)
	stolen.Set("RelayState", a.relayState)
	if w := hinted.post(stolen); w.Code/100 != 4 {
		t.Errorf("another's answer: %d %s", w.Code, w.Header().Get("Location"))
	}
	hinted.connection.State = authz.Disabled
	if moved, err := h.store.KillNode(t.Context(), issuer, h.workspace.ID, authz.NodeRef{Kind: authz.ConnectionNode, ID: string(hinted.connection.ID)}, authz.Disabled); err != nil || !moved {
		t.Fatal(err)
	}
	if w := hinted.post(unasked("")); w.Code/100 != 4 {
		t.Errorf("switched off: %d %s", w.Code, w.Header().Get("Location"))
	}
}
