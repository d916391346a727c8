package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type connectionData struct{ forData }

func newConnectionData() datasource.DataSource { return &connectionData{} }

type foundConnection struct {
	ID          types.String `tfsdk:"id"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
	Name        types.String `tfsdk:"name"`
	Vendor      types.String `tfsdk:"vendor"`
	Issuer      types.String `tfsdk:"issuer"`
	EntityID    types.String `tfsdk:"entity_id"`
	Domains     types.Set    `tfsdk:"domains"`
	Status      types.String `tfsdk:"status"`
}

func (d *connectionData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connection"
}

func (d *connectionData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A connection, by its id or its name.",
		Attributes: map[string]schema.Attribute{
			"id": dataChoice("Its id, `con_…`."), "name": dataChoice("Its name."), "workspace_id": dataChoice("The workspace; the provider's, or that of its key, without it."),
			"vendor": dataText("The vendor."), "issuer": dataText("The issuer of its side of OpenID Connect."), "entity_id": dataText("The provider of its side of SAML."),
			"domains": schema.SetAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "The e-mail domains that are proven to be its."},
			"status":  dataText("`draft`, `testing`, `active` or `disabled`."),
		},
	}
}

func (d *connectionData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m foundConnection
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	choice(&resp.Diagnostics, m.ID, m.Name)
	if resp.Diagnostics.HasError() {
		return
	}
	c := d.find(ctx, resp, m)
	if c == nil {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &foundConnection{
		ID: types.StringValue(c.ID), WorkspaceID: types.StringValue(c.WorkspaceID), Name: types.StringValue(c.Name), Vendor: types.StringValue(c.Vendor),
		Issuer: textOf(c.OIDC.Issuer), EntityID: textOf(c.SAML.EntityID), Status: types.StringValue(c.Status),
		Domains: setOf(c.Domains, types.SetValueMust(types.StringType, nil)),
	})...)
}

func (d *connectionData) find(ctx context.Context, resp *datasource.ReadResponse, m foundConnection) *client.Connection {
	if known(m.ID) {
		c, err := d.api.GetConnection(ctx, m.ID.ValueString(), d.in(m.WorkspaceID))
		if err != nil {
			refused(&resp.Diagnostics, "Reading the connection", err, nil)
			return nil
		}
		return c
	}
	all, err := d.api.ListConnections(ctx, d.in(m.WorkspaceID))
	var items []client.Connection
	if all != nil {
		items = all.Items
	}
	return named(&resp.Diagnostics, "connection", m.Name.ValueString(), each(items, err), func(c client.Connection) string { return c.Name })
}
