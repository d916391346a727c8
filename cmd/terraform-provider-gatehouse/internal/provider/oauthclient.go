package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type clientResource struct{ forResource }

func newClient() resource.Resource { return &clientResource{} }

// clientMembers are the members that have another name here.
var clientMembers = map[string]string{"invalid_redirect_uri": "redirect_uris", "invalid_scope": "scopes", "overlap": "secret_overlap"}

func (r *clientResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_client"
}

func (r *clientResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m oauthClient
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	body := m.body(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	body.WorkspaceID = r.workspaceOr(m.WorkspaceID)
	c, err := r.api.CreateClient(ctx, body)
	if err != nil {
		refused(&resp.Diagnostics, "Registering the client", err, clientMembers)
		return
	}
	m.Secret = textOf(c.ClientSecret)
	m.take(c)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *clientResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m oauthClient
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := r.api.GetClient(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	switch {
	case client.NotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		refused(&resp.Diagnostics, "Reading the client", err, nil)
	default:
		m.take(c)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// ModifyPlan says that a rotation will bring another secret.
func (r *clientResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var plan, state oauthClient
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !triggered(plan.RotateWhen, state.RotateWhen) {
		return
	}
	plan.Secret = types.StringUnknown()
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

func (r *clientResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, m oauthClient
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if triggered(plan.RotateWhen, m.RotateWhen) {
		c, err := r.api.RotateClientSecret(ctx, m.ID.ValueString(), client.RotateClientBody{Overlap: plan.Overlap.ValueString()}, r.in(m.WorkspaceID))
		if err != nil {
			refused(&resp.Diagnostics, "Giving the client a new secret", err, clientMembers)
			return
		}
		m.RotateWhen, m.Overlap, m.Secret = plan.RotateWhen, plan.Overlap, textOf(c.ClientSecret)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...) // the secret is told this once
	}
	body := m.changes(ctx, &resp.Diagnostics, plan)
	if resp.Diagnostics.HasError() {
		return
	}
	c, err := r.api.UpdateClient(ctx, m.ID.ValueString(), body, r.in(m.WorkspaceID))
	if err != nil {
		refused(&resp.Diagnostics, "Changing the client", err, clientMembers)
		return
	}
	plan.Secret = m.Secret
	plan.take(c)
	resp.Diagnostics.Append(resp.State.Set(ctx, &plan)...)
}

func (r *clientResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m oauthClient
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.api.DeleteClient(ctx, m.ID.ValueString(), r.in(m.WorkspaceID)); err != nil && !client.NotFound(err) {
		refused(&resp.Diagnostics, "Deleting the client", err, nil)
	}
}
