// Package provider is the Terraform provider: a file for each thing it manages,
// and one for how that looks in Terraform.
//
// A resource is read whole after every change, and what the server says is what
// the state holds: what somebody changed elsewhere is seen at the next plan.
package provider

import (
	"context"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// New returns what makes the provider.
func New(version string) func() provider.Provider {
	return func() provider.Provider { return &gatehouse{version: version} }
}

type gatehouse struct{ version string }

var _ provider.ProviderWithEphemeralResources = (*gatehouse)(nil)

func (g *gatehouse) Metadata(_ context.Context, _ provider.MetadataRequest, resp *provider.MetadataResponse) {
	resp.TypeName, resp.Version = "gatehouse", g.version
}

type settings struct {
	URL          types.String `tfsdk:"url"`
	Issuer       types.String `tfsdk:"issuer"`
	APIKey       types.String `tfsdk:"api_key"`
	ClientID     types.String `tfsdk:"client_id"`
	ClientSecret types.String `tfsdk:"client_secret"`
	WorkspaceID  types.String `tfsdk:"workspace_id"`
}

func (g *gatehouse) Schema(_ context.Context, _ provider.SchemaRequest, resp *provider.SchemaResponse) {
	optional := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: text}
	}
	secret := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, Sensitive: true, MarkdownDescription: text}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "API keys, clients, connections and service accounts of a Gatehouse. Everything can be given in the environment instead.",
		Attributes: map[string]schema.Attribute{
			"url":           optional("Where the API is served, such as `https://api.uptimepulse.io`; or `GATEHOUSE_URL`. https, or http on this machine."),
			"issuer":        optional("The issuer, where tokens are got; or `GATEHOUSE_ISSUER`. Without it, it is the url."),
			"api_key":       secret("An API key with the `manage:` scopes of what is managed; or `GATEHOUSE_API_KEY`, `UP_API_KEY`, `SP_API_KEY`. To make credentials it needs an issuing delegation."),
			"client_id":     optional("A client that gets tokens by client_credentials, instead of an API key; or `GATEHOUSE_CLIENT_ID`."),
			"client_secret": secret("Its secret; or `GATEHOUSE_CLIENT_SECRET`."),
			"workspace_id":  optional("The workspace of everything that names none; or `GATEHOUSE_WORKSPACE_ID`. Without it, it is that of the key."),
		},
	}
}

// connected is what resources, data sources and ephemeral resources work with.
type connected struct {
	api       *client.API
	issuer    string
	apiKey    string
	clientID  string
	secret    string
	workspace string
}

func (g *gatehouse) Configure(ctx context.Context, req provider.ConfigureRequest, resp *provider.ConfigureResponse) {
	var s settings
	resp.Diagnostics.Append(req.Config.Get(ctx, &s)...)
	for name, value := range map[string]types.String{"url": s.URL, "issuer": s.Issuer, "api_key": s.APIKey, "client_id": s.ClientID, "client_secret": s.ClientSecret, "workspace_id": s.WorkspaceID} {
		if value.IsUnknown() {
			resp.Diagnostics.AddAttributeError(path.Root(name), "The value is not known yet",
				"The provider needs it to plan. Give a value that does not come of a resource of the same run, or apply that resource first (-target).")
		}
	}
	if resp.Diagnostics.HasError() {
		return
	}
	url := or(s.URL, "GATEHOUSE_URL")
	c := &connected{
		apiKey:   or(s.APIKey, "GATEHOUSE_API_KEY"),
		clientID: or(s.ClientID, "GATEHOUSE_CLIENT_ID"), secret: or(s.ClientSecret, "GATEHOUSE_CLIENT_SECRET"), workspace: or(s.WorkspaceID, "GATEHOUSE_WORKSPACE_ID"),
	}
	if c.issuer = or(s.Issuer, "GATEHOUSE_ISSUER"); c.issuer == "" {
		c.issuer = url
	}
	if url == "" {
		resp.Diagnostics.AddAttributeError(path.Root("url"), "No url", "Say where the API is served: url, or GATEHOUSE_URL.")
		return
	}
	credential := c.credential(&resp.Diagnostics)
	if credential == nil {
		return
	}
	var err error
	if c.api, err = client.New(client.Config{URL: url, Credential: credential, UserAgent: "terraform-provider-gatehouse/" + g.version}); err != nil {
		resp.Diagnostics.AddAttributeError(path.Root("url"), "The url cannot be used", err.Error())
		return
	}
	resp.ResourceData, resp.DataSourceData, resp.EphemeralResourceData = c, c, c
}

// or is the value, or that of the environment.
func or(value types.String, name string) string {
	if v := value.ValueString(); v != "" {
		return v
	}
	return os.Getenv(name)
}

// credential is how requests are authenticated; nil with a diagnostic.
func (c *connected) credential(diags *diag.Diagnostics) client.Credential {
	if c.apiKey == "" && c.clientID != "" && c.secret != "" {
		return &client.ClientCredentials{Issuer: c.issuer, ClientID: c.clientID, ClientSecret: client.Secret(c.secret)}
	}
	if c.apiKey == "" {
		up, sp := os.Getenv("UP_API_KEY"), os.Getenv("SP_API_KEY")
		if up != "" && sp != "" {
			diags.AddAttributeError(path.Root("api_key"), "Several API keys",
				"UP_API_KEY and SP_API_KEY are set: the wrong one would go to a server that must not see it. Set GATEHOUSE_API_KEY, or api_key, to the one for this server.")
			return nil
		}
		c.apiKey = up + sp
	}
	if c.apiKey == "" {
		diags.AddAttributeError(path.Root("api_key"), "No credential",
			"Set api_key, or GATEHOUSE_API_KEY (UP_API_KEY, SP_API_KEY) in the environment; or client_id and client_secret.")
		return nil
	}
	return client.APIKey(c.apiKey)
}

func (g *gatehouse) Resources(context.Context) []func() resource.Resource {
	return []func() resource.Resource{newAPIKey, newClient, newConnection, newServiceAccount, newKeyDestination, newKeyPolicy}
}

func (g *gatehouse) DataSources(context.Context) []func() datasource.DataSource {
	return []func() datasource.DataSource{newWorkspaceData, newServiceAccountData, newConnectionData, newAPIKeysData}
}

func (g *gatehouse) EphemeralResources(context.Context) []func() ephemeral.EphemeralResource {
	return []func() ephemeral.EphemeralResource{newEphemeralKey, newEphemeralToken}
}
