package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type serviceAccountResource struct{ forResource }

func newServiceAccount() resource.Resource { return &serviceAccountResource{} }

type serviceAccount struct {
	ID          types.String `tfsdk:"id"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
	Name        types.String `tfsdk:"name"`
	OwnerID     types.String `tfsdk:"owner_id"`
	TeamID      types.String `tfsdk:"team_id"`
	Enabled     types.Bool   `tfsdk:"enabled"`
	Status      types.String `tfsdk:"status"`
}

func (r *serviceAccountResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_service_account"
}

func (r *serviceAccountResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A service account: a subject that is no person, and owns API keys. Destroying it ends every key and token of it.",
		Attributes: map[string]schema.Attribute{
			"id":           fixed("Its id, `sa_…`; the `sub` and `client_id` of its keys."),
			"workspace_id": workspaceAttribute(),
			"name":         required("What it is for."),
			"owner_id":     optional("The member who answers for it."),
			"team_id":      optional("The team that looks after it."),
			"enabled":      defaultedBool("Whether its keys and tokens work. Without it nothing is enabled or disabled, and `status` tells."),
			"status":       told("`active` or `disabled`."),
		},
	}
}

func (m *serviceAccount) take(s *client.ServiceAccount) {
	m.ID, m.WorkspaceID, m.Name = types.StringValue(s.ID), types.StringValue(s.WorkspaceID), types.StringValue(s.Name)
	m.OwnerID, m.TeamID, m.Status = textOf(s.OwnerID), textOf(s.TeamID), types.StringValue(s.Status)
	m.Enabled = types.BoolValue(s.Status == "active")
}

func (r *serviceAccountResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m serviceAccount
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	wanted := m.Enabled
	made, err := r.api.CreateServiceAccount(ctx, client.NewServiceAccount{
		Name: m.Name.ValueString(), WorkspaceID: r.workspaceOr(m.WorkspaceID), OwnerID: m.OwnerID.ValueString(), TeamID: m.TeamID.ValueString(),
	})
	if err != nil {
		refused(&resp.Diagnostics, "Creating the service account", err, nil)
		return
	}
	m.take(made)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	if err := r.enable(ctx, &m, wanted); err != nil {
		refused(&resp.Diagnostics, "Disabling the service account", err, nil)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// enable makes the account what is wanted, if anything is.
func (r *serviceAccountResource) enable(ctx context.Context, m *serviceAccount, wanted types.Bool) error {
	if !known(wanted) || wanted.Equal(m.Enabled) {
		return nil
	}
	change := r.api.DisableServiceAccount
	if wanted.ValueBool() {
		change = r.api.EnableServiceAccount
	}
	s, err := change(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	if err == nil {
		m.take(s)
	}
	return err
}

func (r *serviceAccountResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m serviceAccount
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	s, err := r.api.GetServiceAccount(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	switch {
	case client.NotFound(err), err == nil && s.Status == "deleted":
		resp.State.RemoveResource(ctx)
	case err != nil:
		refused(&resp.Diagnostics, "Reading the service account", err, nil)
	default:
		m.take(s)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *serviceAccountResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, m serviceAccount
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	body := client.ServiceAccountMembers{Name: changed(plan.Name, m.Name), OwnerID: changed(plan.OwnerID, m.OwnerID), TeamID: changed(plan.TeamID, m.TeamID)}
	if body != (client.ServiceAccountMembers{}) {
		s, err := r.api.UpdateServiceAccount(ctx, m.ID.ValueString(), body, r.in(m.WorkspaceID))
		if err != nil {
			refused(&resp.Diagnostics, "Changing the service account", err, nil)
			return
		}
		m.take(s)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
	if err := r.enable(ctx, &m, plan.Enabled); err != nil {
		refused(&resp.Diagnostics, "Enabling or disabling the service account", err, nil)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *serviceAccountResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m serviceAccount
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.api.DeleteServiceAccount(ctx, m.ID.ValueString(), r.in(m.WorkspaceID)); err != nil && !client.NotFound(err) {
		refused(&resp.Diagnostics, "Ending the service account", err, nil)
	}
}
