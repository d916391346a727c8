package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// replaced reports whether the key has a successor that Terraform does not hold:
// a schedule made one.
func (m *apiKey) replaced() bool { return m.Status.ValueString() == "grace" }

// ModifyPlan says what a rotation will change: the key becomes another.
func (r *apiKeyResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var plan, state apiKey
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !state.replaced() && !triggered(plan.RotateWhen, state.RotateWhen) {
		return
	}
	unknown := types.StringUnknown()
	plan.ID, plan.Key, plan.Prefix, plan.Last4, plan.CreatedAt, plan.Status, plan.RotateAt, plan.PreviousKeyID =
		unknown, unknown, unknown, unknown, unknown, unknown, unknown, unknown
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

// rotate puts the successor of the key in its place: a new one, or the one that a
// schedule made and nobody has claimed. The old key stays valid for its grace.
func (r *apiKeyResource) rotate(ctx context.Context, diags *diag.Diagnostics, m *apiKey, plan apiKey) {
	successor, err := r.api.RotateKey(ctx, m.ID.ValueString(), client.RotateKeyBody{Grace: plan.Grace.ValueString()}, r.in(m.WorkspaceID))
	if client.Code(err) == "successor_claimed" && m.RotationDelivery.ValueString() != "" {
		r.follow(ctx, diags, m)
		return
	}
	if err != nil {
		refused(diags, "Rotating the API key", err, keyMembers)
		return
	}
	key, err := r.api.GetKey(ctx, successor.ID, r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, "Reading the API key "+successor.ID, err, nil)
		return
	}
	m.PreviousKeyID, m.Key = types.StringValue(m.ID.ValueString()), types.StringValue(successor.Key)
	m.take(key)
}

// follow takes over a successor whose text was brought to where the key says:
// Terraform holds the key, and not its text.
func (r *apiKeyResource) follow(ctx context.Context, diags *diag.Diagnostics, m *apiKey) {
	old, err := r.api.GetKey(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, "Reading the API key "+m.ID.ValueString(), err, nil)
		return
	}
	next, err := r.api.GetKey(ctx, old.SuccessorID, r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, "Reading the API key "+old.SuccessorID, err, nil)
		return
	}
	m.PreviousKeyID, m.Key = types.StringValue(old.ID), types.StringNull()
	m.take(next)
}
