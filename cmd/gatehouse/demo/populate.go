package demo

import (
	"context"
	"fmt"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/admin"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/web/login"
)

// populate makes what there is to try: for each issuer an operator, a
// workspace with a connection, clients and keys.
func populate(ctx context.Context, a *app.App, up *upstream, p *ports, sample *sample) (*summary, error) {
	s := &summary{OperatorURL: "http://" + p.operator.Addr().String()}
	var callbacks, origins []string
	for _, name := range []authz.IssuerName{"uptimepulse", "statuspulse"} {
		i := a.Issuers[name]
		made, err := populateIssuer(ctx, a, i, up, sample)
		if err != nil {
			return nil, fmt.Errorf("issuer %s: %w", name, err)
		}
		s.Issuers = append(s.Issuers, made)
		callbacks = append(callbacks, app.CallbackURI(i.Config.URL, connectionID(name)))
		origins = append(origins, i.Config.URL)
		up.legacy.AddServiceProvider(app.SAMLEntityID(i.Config.URL, connectionID(name)), app.SAMLEntityID(i.Config.URL, connectionID(name))+"/acs")
	}
	s.Upstream.OIDCIssuer, s.Upstream.SAMLMetadata = up.provider.Issuer(), up.legacy.MetadataURL()
	for _, u := range up.users {
		s.Upstream.Users = append(s.Upstream.Users, summaryUser{Login: u.Login, Password: u.Password, MFA: u.MFA, Via: "oidc"})
	}
	for _, u := range up.legacies {
		s.Upstream.Users = append(s.Upstream.Users, summaryUser{Login: u.Login, Password: u.Password, MFA: u.MFA, Via: "saml"})
	}
	return s, up.register(callbacks, append(origins, sample.url(), "http://127.0.0.1:*"))
}

func populateIssuer(ctx context.Context, a *app.App, i *app.Issuer, up *upstream, sample *sample) (summaryIssuer, error) {
	name := authz.IssuerName(i.Config.Name)
	out := summaryIssuer{Name: i.Config.Name, Issuer: i.Config.URL, API: apiOf(i), Console: i.Config.URL, KeysPath: i.Config.Keys.Path}
	_, operatorKey, err := i.Keys.MintOperator(ctx, authz.Origin{}, apikey.OperatorRequest{Name: "demo operator"})
	if err != nil {
		return out, err
	}
	out.OperatorKey = operatorKey.Reveal()
	_, token, err := i.Accounts.Invite(ctx, "", authz.OperatorAccount, "operator", "demo", nil)
	if err != nil {
		return out, err
	}
	out.EnrolURL = login.EnrolmentURL(i.Config.URL, token)
	ws, err := a.EnsureWorkspace(ctx, name, "Example Corp")
	if err != nil {
		return out, err
	}
	out.WorkspaceID, out.AccountID = string(ws.ID), string(ws.AccountID)
	old, err := a.SAMLUpstream(up.legacy.Metadata(), "")
	if err != nil {
		return out, err
	}
	if err := a.PutConnection(ctx, up.connection(name, ws.ID, old), authz.Secret(up.secret)); err != nil {
		return out, err
	}
	by := operator(i, ws)
	if err := makeClients(ctx, i, by, ws, sample, &out); err != nil {
		return out, err
	}
	err = makeKeys(ctx, i, by, ws, &out)
	return out, err
}

// operator speaks for whoever runs the demo.
func operator(i *app.Issuer, ws authz.Workspace) authz.Principal {
	scopes := make([]string, 0, len(i.Config.OAuth.KeyScopes))
	for _, s := range i.Config.OAuth.KeyScopes {
		scopes = append(scopes, s.Name)
	}
	return authz.Principal{
		Issuer: ws.Issuer, Subject: "demo", Scopes: scopes,
		Delegation: &authz.Delegation{ID: "del_demo", Issuer: ws.Issuer, Scopes: []string{"*"}, MadeBy: "demo"},
	}
}

func makeClients(ctx context.Context, i *app.Issuer, by authz.Principal, ws authz.Workspace, sample *sample, out *summaryIssuer) error {
	scopes := make([]string, 0, len(i.Config.OAuth.Scopes))
	var service []string
	for _, s := range i.Config.OAuth.Scopes {
		scopes = append(scopes, s.Name)
		if !personal[s.Name] {
			service = append(service, s.Name)
		}
	}
	callback := sample.callback(i.Config.Name)
	web := admin.ClientSettings{
		Name: i.Config.DisplayName + " sample app", WorkspaceID: ws.ID, RedirectURIs: []string{callback}, Scopes: scopes, Environment: authz.Live,
	}
	spa := web
	spa.Name, spa.AuthMethod = i.Config.DisplayName+" sample single-page app", authz.AuthNone
	introspector := admin.ClientSettings{
		Name: i.Config.DisplayName + " API gateway", GrantTypes: []string{authz.GrantClientCredentials}, Introspect: true,
		Environments: []authz.Environment{authz.Live, authz.Test},
	}
	robot := admin.ClientSettings{
		Name: i.Config.DisplayName + " batch job", WorkspaceID: ws.ID, GrantTypes: []string{authz.GrantClientCredentials}, Scopes: service, Environment: authz.Live,
	}
	for _, c := range []struct {
		settings admin.ClientSettings
		to       *summaryClient
	}{{web, &out.Clients.Web}, {spa, &out.Clients.SPA}, {introspector, &out.Clients.Introspector}, {robot, &out.Clients.Service}} {
		client, secret, err := i.Admin.CreateClient(ctx, by, c.settings)
		if err != nil {
			return fmt.Errorf("client %s: %w", c.settings.Name, err)
		}
		*c.to = summaryClient{ClientID: string(client.ID), ClientSecret: secret.Reveal()}
		if len(client.RedirectURIs) > 0 {
			c.to.RedirectURI = client.RedirectURIs[0]
		}
	}
	out.Clients.Service.Scope = first(service)
	return sample.register(i.Config.Name, i.Config.DisplayName, i.Config.URL, out.Clients.Web, scopes)
}

// personal scopes are about a person; a program has none of them.
var personal = map[string]bool{"openid": true, "profile": true, "email": true, "offline_access": true}

func makeKeys(ctx context.Context, i *app.Issuer, by authz.Principal, ws authz.Workspace, out *summaryIssuer) error {
	var scopes []string
	for _, s := range i.Config.OAuth.KeyScopes {
		if !s.PeopleOnly && !s.ExplicitOnly {
			scopes = append(scopes, s.Name)
		}
	}
	for _, k := range []struct {
		environment authz.Environment
		to          *string
	}{{authz.Live, &out.Keys.Live}, {authz.Test, &out.Keys.Test}} {
		_, text, err := i.Keys.Mint(ctx, by, authz.Origin{}, apikey.Request{
			Name: "demo " + string(k.environment), WorkspaceID: ws.ID, Environment: k.environment, Scopes: scopes,
		})
		if err != nil {
			return fmt.Errorf("%s key: %w", k.environment, err)
		}
		*k.to = text.Reveal()
	}
	return nil
}

func apiOf(i *app.Issuer) string {
	if i.Config.APIURL != "" {
		return i.Config.APIURL
	}
	return i.Config.URL
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}
