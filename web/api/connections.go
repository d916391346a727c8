package api

import (
	"context"
	"encoding/base64"
	"encoding/pem"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/connection"
)

// Connection is a connection as the API tells of it. The client secret is in no
// answer.
type Connection struct {
	ID          string          `json:"id"`
	WorkspaceID string          `json:"workspace_id"`
	Name        string          `json:"name"`
	Vendor      string          `json:"vendor"`
	Status      string          `json:"status" enum:"draft,testing,active,disabled"`
	OIDC        *OIDCSide       `json:"oidc,omitempty"`
	SAML        *SAMLSide       `json:"saml,omitempty"`
	Fallback    string          `json:"fallback" enum:"never,admin,ask,auto"`
	Routes      []authz.Route   `json:"routes"`
	LinkKey     authz.LinkKey   `json:"link_key"`
	JIT         string          `json:"jit" enum:"off,invited,domain"`
	Numbers     authz.Numbers   `json:"numbers" doc:"Those that were set."`
	Domains     []string        `json:"domains" doc:"Verified ones."`
	Tested      map[string]Test `json:"tested" doc:"Test sign-ins since the side was changed."`
	Untried     []authz.Side    `json:"untried" doc:"Sides that it was given while in use, by which nobody signs in before a test sign-in has gone well."`
	Revision    int64           `json:"revision"`
	CreatedAt   string          `json:"created_at"`
	UpdatedAt   string          `json:"updated_at"`
}

// Test is a test sign-in that went well.
type Test struct {
	At string `json:"at"`
	By string `json:"by"`
}

// OIDCSide is the side of OpenID Connect.
type OIDCSide struct {
	Issuer    string   `json:"issuer"`
	ClientID  string   `json:"client_id"`
	HasSecret bool     `json:"has_secret"`
	Scopes    []string `json:"scopes"`
	authz.OIDCUpstream
}

// SAMLSide is the side of SAML 2.0.
type SAMLSide struct {
	authz.SAMLUpstream
}

func viewConnection(c authz.Connection) Connection {
	v := Connection{
		ID: string(c.ID), WorkspaceID: string(c.WorkspaceID), Name: c.Name, Vendor: c.Vendor, Status: string(c.State),
		Fallback: string(c.Fallback.Mode), Routes: orEmpty(c.Fallback.Routes), LinkKey: c.Fallback.Link, JIT: string(c.JIT), Numbers: c.Numbers, Domains: orEmpty(c.Domains),
		Tested: map[string]Test{}, Untried: orEmpty(c.Untried), Revision: c.Revision, CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt),
	}
	if c.Has(authz.OIDCSide) {
		v.OIDC = &OIDCSide{Issuer: c.UpstreamIssuer, ClientID: c.ClientID, HasSecret: len(c.ClientSecret) > 0, Scopes: orEmpty(c.Scopes)}
		if c.OIDC != nil {
			v.OIDC.OIDCUpstream = *c.OIDC
		}
	}
	if c.Has(authz.SAMLSide) {
		v.SAML = &SAMLSide{*c.SAML}
	}
	for side, test := range c.Tested {
		v.Tested[string(side)] = Test{At: stamp(test.At), By: test.By}
	}
	return v
}

// ConnectionMembers are the members an administrator decides; absent ones stay
// as they are.
type ConnectionMembers struct {
	Name     *string        `json:"name,omitempty" maxLength:"200"`
	Vendor   *string        `json:"vendor,omitempty" enum:"okta,entra,auth0,onelogin,pingone,pingfederate,generic"`
	OIDC     *OIDCMembers   `json:"oidc,omitempty"`
	SAML     *SAMLMembers   `json:"saml,omitempty"`
	Fallback *string        `json:"fallback,omitempty" enum:"never,admin,ask,auto"`
	Routes   *[]authz.Route `json:"routes,omitempty" maxItems:"200"`
	LinkKey  *authz.LinkKey `json:"link_key,omitempty"`
	JIT      *string        `json:"jit,omitempty" enum:"off,invited,domain"`
	// Numbers replace those there are.
	Numbers *authz.Numbers `json:"numbers,omitempty"`
}

// OIDCMembers are of the side of OpenID Connect.
type OIDCMembers struct {
	Issuer       *string   `json:"issuer,omitempty" maxLength:"1024" doc:"Exactly as the provider tells it; empty takes the side away."`
	ClientID     *string   `json:"client_id,omitempty" maxLength:"255"`
	ClientSecret *string   `json:"client_secret,omitempty" maxLength:"1024"`
	Scopes       *[]string `json:"scopes,omitempty" maxItems:"50"`
	// Settings replace those there are.
	Settings *authz.OIDCUpstream `json:"settings,omitempty"`
}

// SAMLMembers are of the side of SAML 2.0.
type SAMLMembers struct {
	MetadataURL string `json:"metadata_url,omitempty" maxLength:"2048" doc:"Fetched now; its certificates are believed from then on."`
	MetadataXML string `json:"metadata_xml,omitempty" maxLength:"60000"`
	EntityID    string `json:"entity_id,omitempty" maxLength:"1024" doc:"Where the metadata describes several providers."`
	Remove      bool   `json:"remove,omitempty"`
	// Settings replace those there are.
	Settings *SAMLSettings `json:"settings,omitempty"`
}

// SAMLSettings are an administrator's words about a provider.
type SAMLSettings struct {
	SignRequests   bool              `json:"sign_requests,omitempty"`
	NameIDFormat   string            `json:"name_id_format,omitempty" maxLength:"255"`
	Subject        []string          `json:"subject,omitempty" maxItems:"4"`
	Require        map[string]string `json:"require,omitempty"`
	MFAContexts    []string          `json:"mfa_contexts,omitempty" maxItems:"20"`
	MFAMethods     []string          `json:"mfa_methods,omitempty" maxItems:"20"`
	MFADeclared    bool              `json:"mfa_declared,omitempty"`
	MutableSubject bool              `json:"mutable_subject,omitempty"`
	// MetadataCertificates believe newer metadata that they signed.
	MetadataCertificates []string `json:"metadata_certificates,omitempty" maxItems:"4" doc:"PEM, or base64 of DER; metadata they signed is believed without approval, and no other is read."`
	InitiateLoginURI     string   `json:"initiate_login_uri,omitempty" maxLength:"2048" doc:"Where an application begins its own sign-in: people who come from the provider unasked are sent there. Absent: they are refused."`
}

// change is what the members ask for, at a connection that has that fallback.
func (m ConnectionMembers) change(held authz.Fallback) connection.Change {
	c := connection.Change{Name: m.Name, Vendor: m.Vendor, Numbers: m.Numbers}
	if o := m.OIDC; o != nil {
		c.Issuer, c.ClientID, c.Scopes, c.OIDC = o.Issuer, o.ClientID, o.Scopes, o.Settings
		if o.ClientSecret != nil {
			secret := authz.Secret(*o.ClientSecret)
			c.Secret = &secret
		}
	}
	if s := m.SAML; s != nil {
		if s.Remove || s.MetadataURL != "" || s.MetadataXML != "" {
			c.Metadata = &connection.Metadata{URL: s.MetadataURL, XML: s.MetadataXML, EntityID: s.EntityID}
		}
		if s.Remove {
			c.Metadata = &connection.Metadata{}
		}
		if w := s.Settings; w != nil {
			c.SAML = &authz.SAMLUpstream{
				SignRequests: w.SignRequests, NameIDFormat: w.NameIDFormat, Subject: w.Subject, Require: w.Require, MFAContexts: w.MFAContexts,
				MFAMethods: w.MFAMethods, MFADeclared: w.MFADeclared, MutableSubject: w.MutableSubject, InitiateLoginURI: w.InitiateLoginURI,
			}
			for _, text := range w.MetadataCertificates {
				c.SAML.MetadataCertificates = append(c.SAML.MetadataCertificates, der(text))
			}
		}
	}
	if m.Fallback != nil || m.Routes != nil || m.LinkKey != nil {
		if m.Fallback != nil {
			held.Mode = authz.FallbackMode(*m.Fallback)
		}
		authz.Replace(&held.Routes, m.Routes)
		authz.Replace(&held.Link, m.LinkKey)
		c.Fallback = &held
	}
	if m.JIT != nil {
		jit := authz.JIT(*m.JIT)
		c.JIT = &jit
	}
	return c
}

// der is a certificate that was written as PEM or as base64; what is neither is
// refused where it is read.
func der(text string) []byte {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		return block.Bytes
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return []byte(text)
	}
	return raw
}

type createConnection struct {
	Body struct {
		WorkspaceID string `json:"workspace_id,omitempty" doc:"Absent: the caller's own."`
		ConnectionMembers
	}
}

// ConnectionPath names a connection.
type ConnectionPath struct {
	ID          string `path:"id" maxLength:"64"`
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
}

func (p ConnectionPath) id() authz.ConnectionID { return authz.ConnectionID(p.ID) }

type listConnections struct {
	WorkspaceID string `query:"workspace_id" maxLength:"64"`
}

type patchConnection struct {
	ConnectionPath
	IfMatch
	Body ConnectionMembers
}

type connectionDomain struct {
	ConnectionPath
	Body struct {
		Domain string `json:"domain" maxLength:"253"`
	}
}

type dropDomain struct {
	ConnectionPath
	Domain string `path:"domain" maxLength:"253"`
}

type forceFallback struct {
	ConnectionPath
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"500"`
		Until  string `json:"until,omitempty" format:"date-time" doc:"Within seven days; absent: a day from now."`
	}
}

func (a *api) connectionRoutes(h huma.API) {
	const path = "/v1/connections/{id}"
	register(a, h, http.MethodPost, "/v1/connections", "create-connection", "Begin a connection: a draft", http.StatusCreated, a.createConnection)
	register(a, h, http.MethodGet, "/v1/connections", "list-connections", "List the connections of a workspace", http.StatusOK, a.listConnections)
	register(a, h, http.MethodGet, path, "get-connection", "Get a connection", http.StatusOK, a.getConnection)
	register(a, h, http.MethodPatch, path, "update-connection", "Change a connection", http.StatusOK, a.patchConnection)
	register(a, h, http.MethodDelete, path, "delete-connection", "Delete a connection: everything below it is inactive at once", http.StatusNoContent, a.deleteConnection)
	register(a, h, http.MethodPost, path+"/test", "test-connection", "Look at the upstreams, and get links for test sign-ins", http.StatusOK, a.testConnection)
	register(a, h, http.MethodPost, path+"/activate", "activate-connection", "Put a tested connection into use", http.StatusOK, a.activateConnection)
	register(a, h, http.MethodPost, path+"/disable", "disable-connection", "Take a connection out of use: everything below it is inactive at once", http.StatusOK, a.disableConnection)
	register(a, h, http.MethodPost, path+"/domains", "claim-connection-domain", "Get the TXT record that proves a domain", http.StatusOK, a.claimDomain)
	register(a, h, http.MethodPost, path+"/domains/verify", "verify-connection-domain", "Look for the TXT record and take the domain", http.StatusOK, a.verifyDomain)
	register(a, h, http.MethodDelete, path+"/domains/{domain}", "drop-connection-domain", "Give a domain up", http.StatusNoContent, a.dropDomain)
	register(a, h, http.MethodPost, path+"/fallback", "force-connection-fallback", "Switch over to SAML for a while", http.StatusOK, a.forceFallback)
	register(a, h, http.MethodDelete, path+"/fallback", "end-connection-fallback", "Switch back before the time", http.StatusNoContent, a.endFallback)
	register(a, h, http.MethodGet, path+"/failures", "list-connection-failures", "The latest refused sign-ins, with what is wrong in plain words", http.StatusOK, a.failures)
}

func (a *api) createConnection(ctx context.Context, in *createConnection) (*answer[Connection], error) {
	change := in.Body.change(authz.Fallback{Mode: authz.FallbackAsk})
	return a.connection(a.cfg.Connections.Create(ctx, principal(ctx), workspaceOr(ctx, in.Body.WorkspaceID), change))
}

func (a *api) listConnections(ctx context.Context, in *listConnections) (*answer[list[Connection]], error) {
	rows, err := a.cfg.Connections.List(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID))
	if err != nil {
		return nil, err
	}
	out := list[Connection]{Items: make([]Connection, len(rows))}
	for i, c := range rows {
		out.Items[i] = viewConnection(c)
	}
	return answered(out), nil
}

func (a *api) getConnection(ctx context.Context, in *ConnectionPath) (*answer[Connection], error) {
	return a.connection(a.cfg.Connections.Get(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id()))
}

func (a *api) patchConnection(ctx context.Context, in *patchConnection) (*answer[Connection], error) {
	revision, err := in.revision()
	if err != nil {
		return nil, err
	}
	by, ws := principal(ctx), workspaceOr(ctx, in.WorkspaceID)
	held, err := a.cfg.Connections.Get(ctx, by, ws, in.id())
	if err != nil {
		return nil, err
	}
	if revision == 0 {
		revision = held.Revision // what the change was made from
	}
	return a.connection(a.cfg.Connections.Update(ctx, by, ws, in.id(), revision, in.Body.change(held.Fallback)))
}

func (a *api) deleteConnection(ctx context.Context, in *ConnectionPath) (*struct{}, error) {
	return nil, a.cfg.Connections.Delete(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
}

// CheckedSide is what a look at an upstream brought.
type CheckedSide struct {
	Side    string            `json:"side" enum:"oidc,saml"`
	Found   map[string]string `json:"found"`
	Missing []string          `json:"missing" doc:"What people will miss, in words."`
	Problem string            `json:"problem,omitempty" doc:"Why the upstream cannot be used, in words."`
	TestURL string            `json:"test_url,omitempty" doc:"A link for a test sign-in; good once, for 15 minutes."`
}

// Checks are what a look at a connection brought.
type Checks struct {
	Connection Connection    `json:"connection"`
	Sides      []CheckedSide `json:"sides"`
}

func (a *api) testConnection(ctx context.Context, in *ConnectionPath) (*answer[Checks], error) {
	c, checked, err := a.cfg.Connections.Check(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	out := Checks{Connection: viewConnection(c), Sides: make([]CheckedSide, len(checked))}
	for i, one := range checked {
		out.Sides[i] = CheckedSide{Side: string(one.Side), Found: one.Facts, Missing: orEmpty(one.Missing), Problem: one.Problem, TestURL: one.TestURL}
		if one.Facts == nil {
			out.Sides[i].Found = map[string]string{}
		}
	}
	return answered(out), nil
}

func (a *api) activateConnection(ctx context.Context, in *ConnectionPath) (*answer[Connection], error) {
	return a.connection(a.cfg.Connections.Activate(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id()))
}

func (a *api) disableConnection(ctx context.Context, in *ConnectionPath) (*answer[Connection], error) {
	return a.connection(a.cfg.Connections.Disable(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id()))
}

// Proof is the record that proves a domain.
type Proof struct {
	Domain string `json:"domain"`
	Type   string `json:"type" enum:"TXT"`
	Name   string `json:"name"`
	Value  string `json:"value"`
}

func (a *api) claimDomain(ctx context.Context, in *connectionDomain) (*answer[Proof], error) {
	p, err := a.cfg.Connections.Proof(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Body.Domain)
	if err != nil {
		return nil, err
	}
	return answered(Proof{Domain: p.Domain, Type: "TXT", Name: p.Name, Value: p.Value}), nil
}

func (a *api) verifyDomain(ctx context.Context, in *connectionDomain) (*answer[Connection], error) {
	return a.connection(a.cfg.Connections.ProveDomain(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Body.Domain))
}

func (a *api) dropDomain(ctx context.Context, in *dropDomain) (*struct{}, error) {
	_, err := a.cfg.Connections.DropDomain(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id(), in.Domain)
	return nil, err
}

// Override is a switch to SAML for a while.
type Override struct {
	ConnectionID string `json:"connection_id"`
	Reason       string `json:"reason"`
	MadeBy       string `json:"made_by"`
	Until        string `json:"until"`
}

func (a *api) forceFallback(ctx context.Context, in *forceFallback) (*answer[Override], error) {
	c, err := a.cfg.Connections.Get(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	var until time.Time
	if in.Body.Until != "" {
		if until, err = time.Parse(time.RFC3339, in.Body.Until); err != nil {
			return nil, authz.NewError(authz.Invalid, "invalid_until", "until: must be a time as RFC 3339 writes it.")
		}
	}
	o, err := a.cfg.Federation.Override(ctx, principal(ctx), c, in.Body.Reason, until)
	if err != nil {
		return nil, err
	}
	return answered(Override{ConnectionID: string(o.ConnectionID), Reason: o.Reason, MadeBy: o.MadeBy, Until: stamp(o.Until)}), nil
}

func (a *api) endFallback(ctx context.Context, in *ConnectionPath) (*struct{}, error) {
	c, err := a.cfg.Connections.Get(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	return nil, a.cfg.Federation.EndOverride(ctx, principal(ctx), c)
}

// Failure is a refused sign-in, explained.
type Failure struct {
	Time      string `json:"time"`
	Type      string `json:"type"`
	Reason    string `json:"reason"`
	Diagnosis string `json:"diagnosis" doc:"What is wrong and what to do, in plain words; for administrators."`
	RequestID string `json:"request_id"`
	IP        string `json:"ip"`
}

func (a *api) failures(ctx context.Context, in *ConnectionPath) (*answer[list[Failure]], error) {
	rows, err := a.cfg.Connections.Failures(ctx, principal(ctx), workspaceOr(ctx, in.WorkspaceID), in.id())
	if err != nil {
		return nil, err
	}
	out := list[Failure]{Items: make([]Failure, len(rows))}
	for i, f := range rows {
		out.Items[i] = Failure{Time: stamp(f.Time), Type: f.Type, Reason: f.Reason, Diagnosis: f.Diagnosis, RequestID: f.RequestID, IP: f.IP}
	}
	return answered(out), nil
}

func (a *api) connection(c authz.Connection, err error) (*answer[Connection], error) {
	if err != nil {
		return nil, err
	}
	return tagged(viewConnection(c), c.Revision), nil
}
