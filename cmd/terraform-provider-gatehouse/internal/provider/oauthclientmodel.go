package provider

import (
	"context"
	"encoding/json"
	"reflect"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type oauthClient struct {
	ID                     types.String `tfsdk:"id"`
	WorkspaceID            types.String `tfsdk:"workspace_id"`
	Name                   types.String `tfsdk:"name"`
	Profile                types.String `tfsdk:"profile"`
	AuthMethod             types.String `tfsdk:"token_endpoint_auth_method"`
	GrantTypes             types.Set    `tfsdk:"grant_types"`
	RedirectURIs           types.Set    `tfsdk:"redirect_uris"`
	PostLogoutRedirectURIs types.Set    `tfsdk:"post_logout_redirect_uris"`
	Scopes                 types.Set    `tfsdk:"scopes"`
	TokenFormat            types.String `tfsdk:"token_format"`
	IDTokenAlgorithm       types.String `tfsdk:"id_token_signed_response_alg"`
	Environment            types.String `tfsdk:"environment"`
	Environments           types.Set    `tfsdk:"environments"`
	Introspect             types.Bool   `tfsdk:"introspect"`
	SkipConsent            types.Bool   `tfsdk:"skip_consent"`
	RequirePKCE            types.Bool   `tfsdk:"require_pkce"`
	RequirePushed          types.Bool   `tfsdk:"require_pushed_authorization_requests"`
	DPoPBound              types.Bool   `tfsdk:"dpop_bound_access_tokens"`
	BackchannelLogoutURI   types.String `tfsdk:"backchannel_logout_uri"`
	JWKS                   types.String `tfsdk:"jwks"`
	JWKSURI                types.String `tfsdk:"jwks_uri"`
	RotateWhen             types.Map    `tfsdk:"rotate_when"`
	Overlap                types.String `tfsdk:"secret_overlap"`
	Secret                 types.String `tfsdk:"client_secret"`
	Status                 types.String `tfsdk:"status"`
}

func (r *clientResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replaced := stringplanmodifier.RequiresReplaceIfConfigured()
	resp.Schema = schema.Schema{
		MarkdownDescription: "An OAuth client. Its secret is in the state, marked sensitive; one that authenticates by `private_key_jwt` has none. Destroying it ends its tokens.",
		Attributes: map[string]schema.Attribute{
			"id":                         fixed("Its `client_id`."),
			"workspace_id":               workspaceAttribute(),
			"name":                       required("What people see when they are asked for consent."),
			"profile":                    defaulted("A safe bundle of settings: `web`, `spa`, `native`, `service`, `fapi2` or `mcp`.", replaced),
			"token_endpoint_auth_method": defaulted("`none`, `client_secret_basic`, `client_secret_post`, `private_key_jwt`, `tls_client_auth` or `self_signed_tls_client_auth`.", replaced),
			"grant_types":                defaultedSet("Such as `authorization_code`, `refresh_token`, `client_credentials` (the operator's to give)."),
			"redirect_uris":              optionalSet("Where people are sent back to, compared exactly."),
			"post_logout_redirect_uris":  optionalSet("Where people may be sent after they signed out."),
			"scopes":                     optionalSet("What it may ask for."),
			"token_format":               defaulted("`opaque` or `jwt`."),
			"id_token_signed_response_alg": defaulted(
				"`RS256`, `ES256`, `PS256` or `EdDSA`."),
			"environment":                           defaulted("`live` or `test`."),
			"environments":                          optionalSet("The environments a client that introspects serves; the operator's to give."),
			"introspect":                            defaultedBool("Whether it may introspect the tokens of others; the operator's to give."),
			"skip_consent":                          defaultedBool("Whether people are not asked for consent; the operator's to give."),
			"require_pkce":                          defaultedBool("Whether it must use PKCE."),
			"require_pushed_authorization_requests": defaultedBool("Whether it must push its authorization requests (RFC 9126)."),
			"dpop_bound_access_tokens":              defaultedBool("Whether its tokens are bound by DPoP (RFC 9449)."),
			"backchannel_logout_uri":                optional("Where it is told that a session ended."),
			"jwks":                                  optional("Its public keys: a JWK Set as JSON, for `private_key_jwt`."),
			"jwks_uri":                              optional("Where its public keys are."),
			"rotate_when":                           rotateWhen("the client gets a new secret. The old one works on for `secret_overlap`."),
			"secret_overlap":                        optional("How long the old secret works on, such as `24h`, at most `720h`; without it, it stops at once."),
			"client_secret":                         secretTold("Its secret. Null for a client that was imported, or has none."),
			"status":                                told("`active`, or what else it is."),
		},
	}
}

func (m *oauthClient) take(c *client.Client) {
	m.ID, m.WorkspaceID, m.Name, m.Status = types.StringValue(c.ClientID), textOf(c.WorkspaceID), types.StringValue(c.Name), types.StringValue(c.Status)
	m.Profile, m.AuthMethod, m.TokenFormat = textOf(c.Profile), types.StringValue(c.TokenEndpointAuthMethod), textOf(c.TokenFormat)
	m.GrantTypes, m.RedirectURIs, m.Scopes = setOf(c.GrantTypes, m.GrantTypes), setOf(c.RedirectUris, m.RedirectURIs), setOf(c.Scopes, m.Scopes)
	m.PostLogoutRedirectURIs, m.Environments = setOf(c.PostLogoutRedirectUris, m.PostLogoutRedirectURIs), setOf(c.Environments, m.Environments)
	m.IDTokenAlgorithm, m.Environment, m.JWKSURI = textOf(c.IDTokenSignedResponseAlg), textOf(c.Environment), textOf(c.JWKSURI)
	m.Introspect, m.SkipConsent, m.RequirePKCE = types.BoolValue(c.Introspect), types.BoolValue(c.SkipConsent), types.BoolValue(c.RequirePKCE)
	m.RequirePushed, m.DPoPBound = types.BoolValue(c.RequirePushedAuthorizationRequests), types.BoolValue(c.DPOPBoundAccessTokens)
	m.BackchannelLogoutURI = textOf(c.BackchannelLogoutURI)
	m.JWKS = jsonOf(c.JWKS, m.JWKS)
}

// jsonOf is the server's JSON, as it was written if it means the same.
func jsonOf(got any, prior types.String) types.String {
	if got == nil {
		return types.StringNull()
	}
	var was any
	if json.Unmarshal([]byte(prior.ValueString()), &was) == nil && reflect.DeepEqual(was, got) {
		return prior
	}
	text, err := json.Marshal(got)
	if err != nil {
		return types.StringNull()
	}
	return types.StringValue(string(text))
}

// keySet reads the JWK Set; nil for none.
func (m *oauthClient) keySet(diags *diag.Diagnostics) any {
	var set any
	if text := m.JWKS.ValueString(); text != "" {
		if err := json.Unmarshal([]byte(text), &set); err != nil {
			diags.AddError("jwks is no JSON", "Give a JWK Set, such as jsonencode({ keys = [ … ] }).")
		}
	}
	return set
}

func (m *oauthClient) body(ctx context.Context, diags *diag.Diagnostics) client.CreateClientBody {
	return client.CreateClientBody{
		Name: m.Name.ValueString(), Profile: m.Profile.ValueString(), TokenEndpointAuthMethod: m.AuthMethod.ValueString(),
		GrantTypes: listOf(ctx, diags, m.GrantTypes), RedirectUris: listOf(ctx, diags, m.RedirectURIs), Scopes: listOf(ctx, diags, m.Scopes),
		PostLogoutRedirectUris: listOf(ctx, diags, m.PostLogoutRedirectURIs), TokenFormat: m.TokenFormat.ValueString(),
		IDTokenSignedResponseAlg: m.IDTokenAlgorithm.ValueString(), Environment: m.Environment.ValueString(), Environments: listOf(ctx, diags, m.Environments),
		Introspect: m.Introspect.ValueBool(), SkipConsent: m.SkipConsent.ValueBool(), RequirePKCE: m.RequirePKCE.ValueBool(),
		RequirePushedAuthorizationRequests: m.RequirePushed.ValueBool(), DPOPBoundAccessTokens: m.DPoPBound.ValueBool(),
		BackchannelLogoutURI: m.BackchannelLogoutURI.ValueString(), JWKSURI: m.JWKSURI.ValueString(), JWKS: m.keySet(diags),
	}
}

// changes are what the plan wants other than it is.
func (m *oauthClient) changes(ctx context.Context, diags *diag.Diagnostics, plan oauthClient) client.ClientMembers {
	body := client.ClientMembers{
		Name: changed(plan.Name, m.Name), TokenFormat: changed(plan.TokenFormat, m.TokenFormat), IDTokenSignedResponseAlg: changed(plan.IDTokenAlgorithm, m.IDTokenAlgorithm),
		Environment: changed(plan.Environment, m.Environment), BackchannelLogoutURI: changed(plan.BackchannelLogoutURI, m.BackchannelLogoutURI), JWKSURI: changed(plan.JWKSURI, m.JWKSURI),
		GrantTypes: changedSet(ctx, diags, plan.GrantTypes, m.GrantTypes), RedirectUris: changedSet(ctx, diags, plan.RedirectURIs, m.RedirectURIs),
		Scopes: changedSet(ctx, diags, plan.Scopes, m.Scopes), PostLogoutRedirectUris: changedSet(ctx, diags, plan.PostLogoutRedirectURIs, m.PostLogoutRedirectURIs),
		Environments: changedSet(ctx, diags, plan.Environments, m.Environments), Introspect: changedBool(plan.Introspect, m.Introspect),
		SkipConsent: changedBool(plan.SkipConsent, m.SkipConsent), RequirePKCE: changedBool(plan.RequirePKCE, m.RequirePKCE),
		RequirePushedAuthorizationRequests: changedBool(plan.RequirePushed, m.RequirePushed), DPOPBoundAccessTokens: changedBool(plan.DPoPBound, m.DPoPBound),
	}
	if !plan.JWKS.Equal(m.JWKS) {
		body.JWKS = new(plan.keySet(diags)) // nil is null, which takes it back
	}
	return body
}

func changedBool(plan, state types.Bool) *bool {
	if plan.IsUnknown() || plan.Equal(state) {
		return nil
	}
	return new(plan.ValueBool())
}
