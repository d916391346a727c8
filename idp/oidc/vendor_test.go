package oidc_test

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

const tenant = "9122040d-6c67-4c5b-b112-36a304b66dad"

// vendorShape is what one vendor's ID token looks like, and what is made of it.
type vendorShape struct {
	name, vendor string
	set          func(*oidc.Config)
	claims       map[string]any // nil takes one away
	subject      string
	evidence     idp.Evidence
	verified     bool
	groups       int
	overage      bool
	reason       string
}

func vendorShapes() []vendorShape {
	entra := func(more map[string]any) map[string]any {
		out := map[string]any{"tid": tenant, "oid": "o-ada", "email_verified": nil, "amr": nil, "acr": nil, "ver": "2.0"}
		for name, value := range more {
			out[name] = value
		}
		return out
	}
	require := func(c *oidc.Config) { c.Mapping.Require = map[string]string{"tid": tenant} }
	mapped := func(c *oidc.Config) { require(c); c.MFA.ACR = []string{"c1"} }
	return []vendorShape{
		{name: "okta-org", vendor: "okta", claims: map[string]any{"amr": []string{"pwd", "mfa", "otp"}, "acr": "urn:okta:loa:2fa:any"}, subject: "s-ada", evidence: idp.EvidenceProven, verified: true, groups: 2},
		{name: "okta without a second factor", vendor: "okta", claims: map[string]any{"amr": []string{"pwd", "swk"}, "acr": "urn:okta:loa:1fa:any"}, subject: "s-ada", verified: true, groups: 2},
		{name: "entra-v2-single", vendor: "entra", set: require, claims: entra(nil), subject: tenant + " o-ada", groups: 2},
		{name: "entra with a context that was mapped", vendor: "entra", set: mapped, claims: entra(map[string]any{"acrs": []string{"c1"}}), subject: tenant + " o-ada", evidence: idp.EvidenceProven, groups: 2},
		{name: "entra with a context that was not", vendor: "entra", set: mapped, claims: entra(map[string]any{"acrs": []string{"c2"}}), subject: tenant + " o-ada", groups: 2},
		{name: "entra-v1", vendor: "entra", set: require, claims: entra(map[string]any{"amr": []string{"pwd", "mfa"}, "ver": "1.0"}), subject: tenant + " o-ada", evidence: idp.EvidenceProven, groups: 2},
		{name: "entra-guest", vendor: "entra", set: require, claims: entra(map[string]any{"idp": "https://sts.windows.net/x/", "upn": "ada_example.com#EXT#@corp.example"}), subject: tenant + " o-ada", groups: 2},
		{name: "entra-overage", vendor: "entra", set: require, claims: entra(map[string]any{"groups": nil, "_claim_names": map[string]any{"groups": "src1"},
			"_claim_sources": map[string]any{"src1": map[string]any{"endpoint": "http://127.0.0.1:1/groups"}}}), subject: tenant + " o-ada", overage: true},
		{name: "entra of another tenant", vendor: "entra", set: require, claims: entra(map[string]any{"tid": "another"}), reason: idp.ReasonRequire},
		{name: "entra without a tenant", vendor: "entra", claims: entra(map[string]any{"tid": nil}), reason: idp.ReasonSubjectRule},
		{name: "entra with two names", vendor: "entra", claims: entra(map[string]any{"oid": []string{"a", "b"}}), reason: idp.ReasonSubjectRule},
		{name: "auth0", vendor: "auth0", set: func(c *oidc.Config) { c.Mapping.Groups = []string{"https://corp.example/roles"} },
			claims: map[string]any{"sub": "auth0|1", "groups": nil, "https://corp.example/roles": []string{"admin"}, "amr": []string{"mfa"}}, subject: "auth0|1", evidence: idp.EvidenceProven, verified: true, groups: 1},
		{name: "auth0, remembered", vendor: "auth0", claims: map[string]any{"sub": "auth0|1", "groups": nil, "amr": nil, "acr": nil}, subject: "auth0|1", verified: true},
		{name: "onelogin", vendor: "onelogin", claims: map[string]any{"email_verified": nil, "amr": nil, "acr": "onelogin:nist:level:1:re-auth"}, subject: "s-ada", groups: 2},
		{name: "pingone", vendor: "pingone", set: func(c *oidc.Config) { c.MFA.ACR = []string{"Multi_Factor"} },
			claims: map[string]any{"acr": "Multi_Factor", "amr": nil}, subject: "s-ada", evidence: idp.EvidenceProven, verified: true, groups: 2},
		{name: "pingone by another policy", vendor: "pingone", set: func(c *oidc.Config) { c.MFA.ACR = []string{"Multi_Factor"} },
			claims: map[string]any{"acr": "Single_Factor", "amr": nil}, subject: "s-ada", verified: true, groups: 2},
		{name: "pingfederate", vendor: "pingfederate", claims: map[string]any{"amr": nil, "acr": nil, "email_verified": nil}, subject: "s-ada", groups: 2},
		{name: "a declared second factor", vendor: "generic", set: func(c *oidc.Config) { c.MFA.Declared = true }, claims: map[string]any{"amr": nil, "acr": nil}, subject: "s-ada", evidence: idp.EvidenceDeclared, verified: true, groups: 2},
	}
}

func TestS20_EveryVendorSignsInAsItsTokensAre(t *testing.T) {
	for _, v := range vendorShapes() {
		t.Run(v.name, func(t *testing.T) {
			r := newRig(t, nil, func(c *oidc.Config) {
				p, ok := oidc.Vendor(v.vendor)
				if !ok {
					t.Fatalf("no profile %q", v.vendor)
				}
				c.Mapping, c.MFA = p.Mapping, p.MFA
				c.Scopes = []string{"openid", "profile", "email", "groups"}
				if v.set != nil {
					v.set(c)
				}
			})
			tell := func(c map[string]any) {
				for name, value := range v.claims {
					if c[name] = value; value == nil {
						delete(c, name)
					}
				}
			}
			r.op.SetFaults(idptest.Faults{IDToken: tell, UserInfo: func(c map[string]any) {
				if v.claims["sub"] != nil {
					c["sub"] = v.claims["sub"]
				}
				if groups, told := v.claims["groups"]; told && groups == nil {
					delete(c, "groups")
				}
			}})
			got, err := r.signIn(t, newLogin())
			if reason(err) != v.reason {
				t.Fatalf("%v, want reason %q", err, v.reason)
			}
			if v.reason != "" {
				return
			}
			if got.Subject != v.subject || got.Evidence != v.evidence || got.EmailVerified != v.verified || len(got.Groups) != v.groups || got.GroupsOverage != v.overage {
				t.Errorf("%+v", got)
			}
		})
	}
	if _, ok := oidc.Vendor("nobody"); ok {
		t.Error("an unknown vendor has a profile")
	}
}

func TestTheConnectionsParametersReplaceNoneOfTheProtocols(t *testing.T) {
	r := newRig(t, nil, func(c *oidc.Config) {
		c.Request = map[string]string{"claims": `{"id_token":{"acrs":null}}`, "state": "fixed", "nonce": "fixed", "redirect_uri": "https://evil.example", "code_challenge": "x", "prompt": "consent", "acr_values": "theirs"}
	})
	login := newLogin()
	login.Prompt = "login"
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		t.Fatal(err)
	}
	u, _ := url.Parse(target)
	q := u.Query()
	if q.Get("claims") == "" || q.Get("acr_values") != "theirs" || q.Get("state") != login.State || q.Get("nonce") != login.Nonce || q.Get("redirect_uri") != callbackURI ||
		q.Get("prompt") != "login" || q.Get("code_challenge") == "x" {
		t.Errorf("%v", q)
	}
	for name, values := range q {
		if len(values) != 1 {
			t.Errorf("%s appears %d times", name, len(values))
		}
	}
}

func TestFB_ExchangesAreObservedAndOurOwnRefusalsAreNot(t *testing.T) {
	var answered, failed atomic.Int32
	observe := func(_ context.Context, ok bool) {
		if ok {
			answered.Add(1)
		} else {
			failed.Add(1)
		}
	}
	r := newRig(t, nil, func(c *oidc.Config) { c.Observe = observe })
	if err := r.conn.Probe(t.Context()); err != nil || answered.Load() != 3 || failed.Load() != 0 {
		t.Errorf("%v: %d answered, %d failed", err, answered.Load(), failed.Load())
	}
	for what, faults := range map[string]idptest.Faults{
		"5xx": {Serve: map[string]http.Handler{"/token": idptest.Status(http.StatusServiceUnavailable)}},
	} {
		r.op.SetFaults(faults)
		if err := r.conn.Probe(t.Context()); reason(err) != idp.ReasonUnavailable || failed.Load() != 1 {
			t.Errorf("%s: %v, %d failed", what, err, failed.Load())
		}
	}
	_ = r.op.Close()
	if err := r.conn.Probe(t.Context()); reason(err) != idp.ReasonUnavailable || failed.Load() != 2 {
		t.Errorf("nobody listens: %v, %d failed", err, failed.Load())
	}
	r.config.Issuer, r.config.HTTP = "https://169.254.169.254", client(0)
	blocked := r.connect(t)
	if err := blocked.Probe(t.Context()); reason(err) != idp.ReasonBlocked || failed.Load() != 2 {
		t.Errorf("a blocked address: %v, %d failed", err, failed.Load())
	}
}
