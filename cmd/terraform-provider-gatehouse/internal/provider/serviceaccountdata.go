package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type serviceAccountData struct{ forData }

func newServiceAccountData() datasource.DataSource { return &serviceAccountData{} }

func (d *serviceAccountData) Metadata(_ context.Context, req datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_account"
}

func (d *serviceAccountData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A service account, by its id or its name.",
		Attributes: map[string]schema.Attribute{
			"id": dataChoice("Its id, `sa_…`."), "name": dataChoice("Its name."), "workspace_id": dataChoice("The workspace; the provider's, or that of its key, without it."),
			"owner_id": dataText("The member who answers for it."), "team_id": dataText("The team that looks after it."),
			"enabled": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether its keys and tokens work."}, "status": dataText("`active` or `disabled`."),
		},
	}
}

func (d *serviceAccountData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m serviceAccount
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	choice(&resp.Diagnostics, m.ID, m.Name)
	if resp.Diagnostics.HasError() {
		return
	}
	var found *client.ServiceAccount
	var err error
	if known(m.ID) {
		found, err = d.api.GetServiceAccount(ctx, m.ID.ValueString(), d.in(m.WorkspaceID))
	} else {
		all := d.api.ListServiceAccounts(ctx, client.ListServiceAccountsParams{WorkspaceID: d.workspaceOr(m.WorkspaceID)})
		found = named(&resp.Diagnostics, "service account", m.Name.ValueString(), all, func(s client.ServiceAccount) string { return s.Name })
	}
	if err != nil {
		refused(&resp.Diagnostics, "Reading the service account", err, nil)
	}
	if found == nil {
		return
	}
	m.take(found)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}
