package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type connectionResource struct{ forResource }

func newConnection() resource.Resource { return &connectionResource{} }

// connectionMembers are the members that have another name here.
var connectionMembers = map[string]string{"oidc.client_secret": "client_secret_wo"}

func (r *connectionResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_connection"
}

func (r *connectionResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m connection
	var secret types.String
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("client_secret_wo"), &secret)...) // it is in no plan
	wanted := m.Active
	members := m.changes(ctx, &resp.Diagnostics, connection{}, secret)
	if resp.Diagnostics.HasError() {
		return
	}
	made, err := r.api.CreateConnection(ctx, client.CreateConnectionBody{
		WorkspaceID: r.workspaceOr(m.WorkspaceID), Name: value(members.Name), Vendor: value(members.Vendor), OIDC: value(members.OIDC), SAML: value(members.SAML),
		Fallback: value(members.Fallback), JIT: value(members.JIT), Numbers: value(members.Numbers),
	})
	if err != nil {
		refused(&resp.Diagnostics, "Creating the connection", err, connectionMembers)
		return
	}
	m.take(made)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	r.activate(ctx, &resp.Diagnostics, &m, wanted)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// value is what p points to; zero for nil.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// activate puts the connection into use or takes it out, if that is wanted. A
// draft is in no use, and need not be taken out.
func (r *connectionResource) activate(ctx context.Context, diags *diag.Diagnostics, m *connection, wanted types.Bool) {
	if !known(wanted) || wanted.Equal(m.Active) {
		return
	}
	doing, change := "Taking the connection out of use", r.api.DisableConnection
	if wanted.ValueBool() {
		doing, change = "Putting the connection into use", r.api.ActivateConnection
	}
	c, err := change(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, doing, err, nil)
		return
	}
	m.take(c)
}

func (r *connectionResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m connection
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := r.api.GetConnection(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	switch {
	case client.NotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		refused(&resp.Diagnostics, "Reading the connection", err, nil)
	default:
		m.take(c)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *connectionResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, m connection
	var secret types.String
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	resp.Diagnostics.Append(req.Config.GetAttribute(ctx, path.Root("client_secret_wo"), &secret)...)
	if plan.SecretVersion.Equal(m.SecretVersion) {
		secret = types.StringNull() // Terraform cannot tell whether it changed
	}
	body := plan.changes(ctx, &resp.Diagnostics, m, secret)
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := r.api.UpdateConnection(ctx, m.ID.ValueString(), body, r.in(m.WorkspaceID))
	if err != nil {
		refused(&resp.Diagnostics, "Changing the connection", err, connectionMembers)
		return
	}
	wanted := plan.Active
	plan.take(c)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
	r.activate(ctx, &resp.Diagnostics, &plan, wanted)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

func (r *connectionResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m connection
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.api.DeleteConnection(ctx, m.ID.ValueString(), r.in(m.WorkspaceID)); err != nil && !client.NotFound(err) {
		refused(&resp.Diagnostics, "Deleting the connection", err, nil)
	}
}
