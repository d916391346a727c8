package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type workspaceData struct{ forData }

func newWorkspaceData() datasource.DataSource { return &workspaceData{} }

type workspace struct {
	ID        types.String `tfsdk:"id"`
	Name      types.String `tfsdk:"name"`
	AccountID types.String `tfsdk:"account_id"`
	Tier      types.String `tfsdk:"tier"`
	Status    types.String `tfsdk:"status"`
}

func (d *workspaceData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_workspace"
}

func (d *workspaceData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A workspace, by its id or its name.",
		Attributes: map[string]schema.Attribute{
			"id": dataChoice("Its id, `ws_…`."), "name": dataChoice("Its name."), "account_id": dataText("The account it belongs to."),
			"tier": dataText("Its tier."), "status": dataText("`active` or `suspended`."),
		},
	}
}

func (d *workspaceData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m workspace
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	choice(&resp.Diagnostics, m.ID, m.Name)
	if resp.Diagnostics.HasError() {
		return
	}
	found, err := d.find(ctx, resp, m)
	if err != nil {
		refused(&resp.Diagnostics, "Reading the workspace", err, nil)
	}
	if found == nil {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &workspace{
		ID: types.StringValue(found.ID), Name: types.StringValue(found.Name), AccountID: types.StringValue(found.AccountID),
		Tier: textOf(found.Tier), Status: types.StringValue(found.Status),
	})...)
}

func (d *workspaceData) find(ctx context.Context, resp *datasource.ReadResponse, m workspace) (*client.Workspace, error) {
	if known(m.ID) {
		return d.api.GetWorkspace(ctx, m.ID.ValueString())
	}
	nameOf := func(w client.Workspace) string { return w.Name }
	return named(&resp.Diagnostics, "workspace", m.Name.ValueString(), d.api.ListWorkspaces(ctx, client.ListWorkspacesParams{}), nameOf), nil
}
