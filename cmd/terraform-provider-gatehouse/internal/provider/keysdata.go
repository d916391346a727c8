package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type apiKeysData struct{ forData }

func newAPIKeysData() datasource.DataSource { return &apiKeysData{} }

type keyList struct {
	WorkspaceID      types.String `tfsdk:"workspace_id"`
	Status           types.String `tfsdk:"status"`
	Environment      types.String `tfsdk:"environment"`
	ServiceAccountID types.String `tfsdk:"service_account_id"`
	UnusedFor        types.String `tfsdk:"unused_for"`
	Search           types.String `tfsdk:"search"`
	Keys             []listedKey  `tfsdk:"keys"`
}

type listedKey struct {
	ID               types.String `tfsdk:"id"`
	Name             types.String `tfsdk:"name"`
	Environment      types.String `tfsdk:"environment"`
	Scopes           types.Set    `tfsdk:"scopes"`
	ServiceAccountID types.String `tfsdk:"service_account_id"`
	Status           types.String `tfsdk:"status"`
	Last4            types.String `tfsdk:"last4"`
	CreatedAt        types.String `tfsdk:"created_at"`
	ExpiresAt        types.String `tfsdk:"expires_at"`
	LastUsedAt       types.String `tfsdk:"last_used_at"`
}

// maxListed bounds what is put into a state.
const maxListed = 1000

func (d *apiKeysData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_api_keys"
}

func (d *apiKeysData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(text string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: text}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The API keys of a workspace, a thousand at most, without their texts.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": filter("The workspace; the provider's, or that of its key, without it."), "status": filter("`active`, `grace`, `disabled`, `revoked` or `expired`."),
			"environment": filter("`live` or `test`."), "service_account_id": filter("Keys of this service account."),
			"unused_for": filter("Not used for as long, such as `P30D`."), "search": filter("Part of a name, or a whole id, prefix or last4."),
			"keys": schema.ListNestedAttribute{
				Computed: true, MarkdownDescription: "What was found.",
				NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
					"id": dataText("Its id."), "name": dataText("What it is for."), "environment": dataText("`live` or `test`."),
					"scopes":             schema.SetAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "What it may do."},
					"service_account_id": dataText("The service account it is of."), "status": dataText("Its status."), "last4": dataText("The end of its text."),
					"created_at": dataText("When it was made."), "expires_at": dataText("When it ends."), "last_used_at": dataText("When it was used last."),
				}},
			},
		},
	}
}

func (d *apiKeysData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m keyList
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	m.Keys = []listedKey{}
	none := types.SetValueMust(types.StringType, nil)
	for k, err := range d.api.ListKeys(ctx, client.ListKeysParams{
		WorkspaceID: d.workspaceOr(m.WorkspaceID), Status: m.Status.ValueString(), Environment: m.Environment.ValueString(),
		ServiceAccountID: m.ServiceAccountID.ValueString(), UnusedFor: m.UnusedFor.ValueString(), Q: m.Search.ValueString(),
	}) {
		if err != nil {
			refused(&resp.Diagnostics, "Listing the API keys", err, map[string]string{"q": "search"})
			return
		}
		if len(m.Keys) == maxListed {
			resp.Diagnostics.AddError("Too many API keys", "More than a thousand keys are there. Narrow the filter.")
			return
		}
		m.Keys = append(m.Keys, listedKey{
			ID: types.StringValue(k.ID), Name: types.StringValue(k.Name), Environment: types.StringValue(k.Environment), Scopes: setOf(k.Scopes, none),
			ServiceAccountID: types.StringValue(k.ServiceAccountID), Status: types.StringValue(k.Status), Last4: types.StringValue(k.Last4),
			CreatedAt: timeOf(k.CreatedAt, types.StringNull()), ExpiresAt: timeOf(k.ExpiresAt, types.StringNull()), LastUsedAt: timeOf(k.LastUsedAt, types.StringNull()),
		})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
