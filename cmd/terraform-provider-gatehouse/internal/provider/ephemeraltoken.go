package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// ephemeralToken is a short-lived access token, in no plan and no state. It ends
// by itself.
type ephemeralToken struct{ forEphemeral }

func newEphemeralToken() ephemeral.EphemeralResource { return &ephemeralToken{} }

type runToken struct {
	APIKey       types.String `tfsdk:"api_key"`
	ClientID     types.String `tfsdk:"client_id"`
	ClientSecret types.String `tfsdk:"client_secret"`
	Scopes       types.Set    `tfsdk:"scopes"`
	Resource     types.String `tfsdk:"resource"`
	AccessToken  types.String `tfsdk:"access_token"`
	Granted      types.Set    `tfsdk:"granted_scopes"`
	ExpiresAt    types.String `tfsdk:"expires_at"`
}

func (e *ephemeralToken) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_access_token"
}

func (e *ephemeralToken) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An access token by the client_credentials grant: of an API key, of a client, or of the provider's own credential. It is in no plan and no state, and ends by itself.",
		Attributes: map[string]schema.Attribute{
			"api_key":        schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "The API key to exchange."},
			"client_id":      schema.StringAttribute{Optional: true, MarkdownDescription: "The client to be, instead."},
			"client_secret":  schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: "Its secret."},
			"scopes":         schema.SetAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: "What to ask for; all there is without it."},
			"resource":       schema.StringAttribute{Optional: true, MarkdownDescription: "What the token is for (RFC 8707); the issuer's API without it."},
			"access_token":   schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The token."},
			"granted_scopes": schema.SetAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "What was granted, which may be less."},
			"expires_at":     schema.StringAttribute{Computed: true, MarkdownDescription: "When it ends."},
		},
	}
}

func (e *ephemeralToken) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m runToken
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	grant := &client.ClientCredentials{
		Issuer: e.issuer, APIKey: client.Secret(m.APIKey.ValueString()), ClientID: m.ClientID.ValueString(), ClientSecret: client.Secret(m.ClientSecret.ValueString()),
		Scopes: listOf(ctx, &resp.Diagnostics, m.Scopes), Resource: m.Resource.ValueString(),
	}
	if grant.APIKey == "" && grant.ClientID == "" {
		grant.APIKey, grant.ClientID, grant.ClientSecret = client.Secret(e.apiKey), e.clientID, client.Secret(e.secret)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	token, err := grant.Issue(ctx)
	if err != nil {
		refused(&resp.Diagnostics, "Getting an access token", err, nil)
		return
	}
	m.AccessToken, m.ExpiresAt = types.StringValue(token.AccessToken), timeOf(token.ExpiresAt, types.StringNull())
	m.Granted = setOf(token.Scopes, types.SetValueMust(types.StringType, nil))
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}
