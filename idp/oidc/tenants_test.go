package oidc_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-auth/gatehouse/idp"
	"github.com/gatehouse-auth/gatehouse/idp/idptest"
	"github.com/gatehouse-auth/gatehouse/idp/oidc"
)

const (
	tenantA = "0a0a0a0a-1111-4222-8333-0123456789ab"
	tenantB = "0b0b0b0b-1111-4222-8333-0123456789ab"
	tenantC = "0c0c0c0c-1111-4222-8333-0123456789ab"
)

// manyRig is an upstream that stands for many tenants, each of which has an
// issuer of its own. Tenant B signs with other keys.
type manyRig struct {
	*rig
	base  string
	mu    sync.Mutex
	asked map[string]int
}

func (r *manyRig) askedOf(tenant string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asked[tenant]
}

func newManyRig(t *testing.T) *manyRig {
	t.Helper()
	r := &manyRig{asked: map[string]int{}}
	other := newRig(t, nil, nil)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{tenant}/v2.0"+discoveryPath, func(w http.ResponseWriter, req *http.Request) {
		tenant := req.PathValue("tenant")
		r.mu.Lock()
		r.asked[tenant]++
		r.mu.Unlock()
		doc := maps.Clone(r.op.Metadata())
		doc["authorization_response_iss_parameter_supported"] = false
		if doc["issuer"] = r.base + tenant + "/v2.0"; tenant == "organizations" {
			doc["issuer"] = r.base + "{tenantid}/v2.0"
		}
		if tenant == tenantB {
			doc["jwks_uri"] = other.op.Issuer() + "/jwks"
		}
		idptest.JSON(doc).ServeHTTP(w, req)
	})
	front := httptest.NewServer(mux)
	t.Cleanup(front.Close)
	r.base = front.URL + "/"
	r.rig = newRig(t, nil, func(c *oidc.Config) {
		c.Issuer, c.ManyTenants, c.Tenants = r.base+"organizations/v2.0", true, []string{strings.ToUpper(tenantA), tenantB}
		c.Mapping.Subject = []string{"tid", "oid"}
	})
	return r
}

// told signs somebody in whose token says so.
func (r *manyRig) told(t *testing.T, claims map[string]any) (idp.Identity, error) {
	t.Helper()
	r.op.SetFaults(idptest.Faults{IDToken: func(c map[string]any) { maps.Copy(c, claims) }})
	login := newLogin()
	target, err := r.conn.Begin(t.Context(), login)
	if err != nil {
		return idp.Identity{}, err
	}
	params := visit(t, target)
	params.Del("iss") // Entra sends none
	return r.conn.Finish(t.Context(), remembered(login, params))
}

func TestAttack_2_3_OfAnIssuerThatStandsForManyOnlyListedTenantsSignIn(t *testing.T) {
	r := newManyRig(t)
	of := func(tenant string) string { return r.base + tenant + "/v2.0" }
	for what, c := range map[string]struct {
		claims map[string]any
		want   string
	}{
		"a tenant on the list":           {map[string]any{"iss": of(tenantA), "tid": tenantA, "oid": "o"}, ""},
		"another tenant":                 {map[string]any{"iss": of(tenantC), "tid": tenantC, "oid": "o"}, idp.ReasonTenant},
		"no tenant":                      {map[string]any{"iss": of(tenantA), "oid": "o"}, idp.ReasonTenant},
		"the issuer of another":          {map[string]any{"iss": of(tenantC), "tid": tenantA, "oid": "o"}, idp.ReasonIssuerMismatch},
		"the issuer of another listed":   {map[string]any{"iss": of(tenantB), "tid": tenantA, "oid": "o"}, idp.ReasonIssuerMismatch},
		"the template":                   {map[string]any{"iss": of("{tenantid}"), "tid": tenantA, "oid": "o"}, idp.ReasonIssuerMismatch},
		"the issuer of many":             {map[string]any{"iss": of("organizations"), "tid": tenantA, "oid": "o"}, idp.ReasonIssuerMismatch},
		"a listed tenant, another's key": {map[string]any{"iss": of(tenantB), "tid": tenantB, "oid": "o"}, idp.ReasonSignature},
		"nobody of the tenant":           {map[string]any{"iss": of(tenantA), "tid": tenantA}, idp.ReasonSubjectRule},
	} {
		identity, err := r.told(t, c.claims)
		if reason(err) != c.want {
			t.Errorf("%s: %v, want %q", what, err, c.want)
		}
		if c.want == "" && (identity.Issuer != of(tenantA) || identity.Subject != tenantA+" o") {
			t.Errorf("%s: %+v", what, identity)
		}
	}
	if r.askedOf(tenantC) != 0 {
		t.Error("a token leads us to a tenant that is not listed")
	}
	if idp.Explain(idp.ReasonTenant) == "" || idp.Explain(idp.ReasonManyTenants) == "" {
		t.Error("a refusal without words")
	}
}

func TestALogoutTokenIsOfAListedTenantToo(t *testing.T) {
	r := newManyRig(t)
	for what, c := range map[string]struct {
		iss, tid, want string
	}{"listed": {tenantA, tenantA, ""}, "not listed": {tenantC, tenantC, idp.ReasonTenant}, "another's issuer": {tenantB, tenantA, idp.ReasonIssuerMismatch}} {
		raw, err := r.op.LogoutToken("rp", func(claims map[string]any) {
			claims["iss"], claims["tid"], claims["sub"] = r.base+c.iss+"/v2.0", c.tid, "s-ada"
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.conn.LogoutToken(t.Context(), raw); reason(err) != c.want {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAnIssuerThatStandsForManyNeedsItsTenants(t *testing.T) {
	for what, c := range map[string]struct {
		change func(*oidc.Config)
		want   string
	}{
		"no tenants":          {func(c *oidc.Config) { c.Tenants = nil }, "oidc.settings.tenants"},
		"no id":               {func(c *oidc.Config) { c.Tenants = []string{"acme.onmicrosoft.com"} }, "acme.onmicrosoft.com"},
		"a name beside an id": {func(c *oidc.Config) { c.Tenants = []string{tenantA, tenantB + "\n"} }, "tenants"},
		"too many":            {func(c *oidc.Config) { c.Tenants = make([]string, 51) }, "at most 50"},
		"a subject of no one": {func(c *oidc.Config) { c.Mapping.Subject = []string{"oid"} }, "tid"},
		"a link that another tenant may tell too": {func(c *oidc.Config) {
			c.Tenants, c.Mapping.Link = []string{tenantA, tenantB}, []string{"employeeid"}
		}, "link_key must name tid"},
		"a link of one tenant": {func(c *oidc.Config) { c.Mapping.Link = []string{"employeeid"} }, ""},
		"a link of two, with the tenant": {func(c *oidc.Config) {
			c.Tenants, c.Mapping.Link = []string{tenantA, tenantB}, []string{"tid", "employeeid"}
		}, ""},
		"an issuer that is one": {func(c *oidc.Config) {
			c.Issuer, c.ManyTenants = "https://login.microsoftonline.com/"+tenantA+"/v2.0", false
		}, "stands for many"},
		"version 1":  {func(c *oidc.Config) { c.Issuer = "https://login.microsoftonline.com/common" }, "stand for many"},
		"what works": {func(*oidc.Config) {}, ""},
	} {
		config := oidc.Config{
			ID: "c", Issuer: "https://login.microsoftonline.com/common/v2.0", ClientID: "rp", RedirectURI: callbackURI, HTTP: client(0),
			ManyTenants: true, Tenants: []string{tenantA}, Mapping: idp.Mapping{Subject: []string{"tid", "oid"}},
		}
		c.change(&config)
		if _, err := oidc.New(config); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for issuer, want := range map[string]bool{
		"https://login.microsoftonline.com/common/v2.0": true, "https://login.microsoftonline.us/organizations/v2.0": true,
		"https://idp.example/common/v2.0": false, "https://login.microsoftonline.com/" + tenantA + "/v2.0": false, "https://login.microsoftonline.com.evil.example/common/v2.0": false,
	} {
		if got := oidc.ManyTenants(issuer, "generic"); got != want {
			t.Errorf("%s: %v", issuer, got)
		}
	}
	if !oidc.ManyTenants("https://login.sovereign.example/organizations/v2.0", "entra") {
		t.Error("a cloud that is not known")
	}
}

func TestALookAtManyTenantsLooksAtEach(t *testing.T) {
	r := newManyRig(t)
	if _, err := r.conn.Look(t.Context()); err != nil || r.askedOf(tenantA) != 1 || r.askedOf(tenantB) != 1 {
		t.Errorf("%v", err)
	}
	if _, err := oidc.IssuerAt(t.Context(), client(0), r.base+"organizations/v2.0"); reason(err) != idp.ReasonManyTenants {
		t.Errorf("found %v", err)
	}
}
