package demo

import (
	"context"
	"strings"
	"time"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/registration"
)

// plan is a configuration of the suite: what a test plan, or some that share
// their clients, is told of the server.
type plan struct {
	file string
	// auth, bind and kind are the variants of a FAPI plan.
	auth, bind string
	kind       fapiKind
	members    func(context.Context, *suite, plan) (map[string]any, error)
}

type fapiKind string

const (
	fapiConnect     fapiKind = ""             // openid=openid_connect
	fapiPlain       fapiKind = "-plain"       // openid=plain_oauth
	fapiCredentials fapiKind = "-credentials" // fapi_profile=fapi_client_credentials_grant
	fapiSigning     fapiKind = "-signing"     // message signing
)

// discovery is where a plan looks for the metadata.
func (p plan) discovery() string {
	if p.kind == fapiPlain || p.kind == fapiCredentials {
		return "/.well-known/oauth-authorization-server"
	}
	return "/.well-known/openid-configuration"
}

const everyClaim = "openid profile email phone address"

// connectPlans are those of OpenID Connect. A client that is told of logouts has
// a plan of its own: the others expect no such call.
func connectPlans() []plan {
	return []plan{
		{file: "oidcc", members: connectMembers},
		{file: "oidcc-backchannel", members: connectMembers},
		{file: "oidcc-frontchannel", members: connectMembers},
		{file: "oidcc-dynamic", members: dynamicMembers},
	}
}

// dynamicMembers let the suite register its clients itself, for a day.
func dynamicMembers(ctx context.Context, s *suite, _ plan) (map[string]any, error) {
	i := s.app.Issuers[s.ws.Issuer]
	_, token, err := i.Registrar.MintToken(ctx, operator(i, s.ws), registration.TokenRequest{
		WorkspaceID: s.ws.ID, ExpiresIn: 24 * time.Hour, Uses: registration.MaxTokenUses,
	})
	client := map[string]any{"client_name": "the suite", "initial_access_token": token.Reveal()}
	return map[string]any{"client": client, "client2": client}, err
}

func connectMembers(ctx context.Context, s *suite, p plan) (map[string]any, error) {
	all := map[string]any{}
	for member, method := range map[string]string{
		"client": authz.AuthClientSecretBasic, "client2": authz.AuthClientSecretBasic, "client_secret_post": authz.AuthClientSecretPost,
	} {
		in := admin.ClientSettings{
			Name: p.file + " " + member, AuthMethod: method, RedirectURIs: s.callbacks(), Scopes: strings.Fields(everyClaim + " offline_access"),
			Metadata: authz.ClientMetadata{PostLogoutRedirectURIs: []string{s.at("/post_logout_redirect")}},
		}
		switch p.file {
		case "oidcc-backchannel":
			in.Metadata.BackchannelLogoutURI, in.Metadata.BackchannelLogoutSession = s.at("/backchannel_logout"), true
		case "oidcc-frontchannel":
			in.Metadata.FrontchannelLogoutURI, in.Metadata.FrontchannelLogoutSession = s.at("/frontchannel_logout"), true
		}
		id, secret, err := s.register(ctx, in)
		if err != nil {
			return nil, err
		}
		all[member] = map[string]any{"client_id": id, "client_secret": secret}
	}
	return all, nil
}

// callbacks are the redirect URIs of the suite; that of its second client has a
// query.
func (s *suite) callbacks() []string {
	return []string{s.at("/callback"), s.at("/callback?dummy1=lorem&dummy2=ipsum")}
}

// register makes a client of the workspace.
func (s *suite) register(ctx context.Context, in admin.ClientSettings) (id, secret string, err error) {
	i := s.app.Issuers[s.ws.Issuer]
	in.WorkspaceID, in.Environment = s.ws.ID, authz.Live
	client, text, err := i.Admin.CreateClient(ctx, operator(i, s.ws), in)
	return string(client.ID), text.Reveal(), err
}

// fapiPlans are those of FAPI 2.0, in every variant that is not of a market.
func fapiPlans() []plan {
	var plans []plan
	for _, kind := range []fapiKind{fapiConnect, fapiPlain, fapiCredentials, fapiSigning} {
		for _, auth := range []string{"private_key_jwt", "mtls"} {
			for _, bind := range []string{"dpop", "mtls"} {
				plans = append(plans, plan{
					file: "fapi2" + string(kind) + "-" + auth + "-" + bind, auth: auth, bind: bind, kind: kind, members: fapiMembers,
				})
			}
		}
	}
	return plans
}

func fapiMembers(ctx context.Context, s *suite, p plan) (map[string]any, error) {
	resource := map[string]any{"resourceUrl": s.issuer + "/oauth2/userinfo", "resourceMethod": "GET"}
	scope := everyClaim
	switch p.kind {
	case fapiPlain:
		resource["resourceUrl"], scope = s.issuer+"/v1/workspaces", resourceScope+" offline_access"
	case fapiCredentials:
		resource["resourceUrl"], scope = s.issuer+"/v1/workspaces", resourceScope
	case fapiConnect, fapiSigning:
	}
	resource["richAuthorizationRequest"] = []any{map[string]any{"type": detailType, "actions": []string{"initiate"}}}
	all := map[string]any{"resource": resource}
	for n, algorithm := range p.algorithms() {
		client, certificate, err := s.fapiClient(ctx, p, scope, algorithm)
		if err != nil {
			return nil, err
		}
		all["client"+n] = client
		if certificate != nil {
			all["mtls"+n] = certificate
		}
	}
	return all, nil
}

// algorithms are those of the keys of the plan's two clients. That of the first
// is RSA where the plan signs: only then does the suite try RS256.
func (p plan) algorithms() map[string]string {
	first := "ES256"
	if p.auth == "private_key_jwt" || p.kind == fapiSigning {
		first = "PS256"
	}
	return map[string]string{"": first, "2": "ES256"}
}

// fapiClient registers a client with a key of its own, and with a certificate
// where the plan needs one.
func (s *suite) fapiClient(ctx context.Context, p plan, scope, algorithm string) (client map[string]any, certificate map[string]string, err error) {
	key, err := newClientKey(algorithm)
	if err != nil {
		return nil, nil, err
	}
	in := admin.Bundle(authz.ProfileFAPI2)
	in.Name, in.Scopes, in.RedirectURIs = p.file, strings.Fields(scope), s.callbacks()
	m := &in.Metadata
	m.JWKS, m.DPoPBound, m.CertificateBound = key.public, p.bind == "dpop", p.bind == "mtls"
	m.RequireSigned = p.kind == fapiSigning
	m.AuthorizationDetailsTypes = []string{detailType}
	if p.kind == fapiCredentials {
		in.GrantTypes, in.RedirectURIs = []string{authz.GrantClientCredentials}, nil
	}
	if p.auth == "mtls" || p.bind == "mtls" {
		name := strings.ToLower(strings.TrimPrefix(string(authz.NewClientID()), "cl_")) + ".example"
		if certificate, err = s.clients.issue(name); err != nil {
			return nil, nil, err
		}
		if p.auth == "mtls" {
			in.AuthMethod, m.TLSSANDNS = authz.AuthTLS, name
		}
	}
	id, _, err := s.register(ctx, in)
	return map[string]any{"client_id": id, "scope": scope, "jwks": key.private}, certificate, err
}
