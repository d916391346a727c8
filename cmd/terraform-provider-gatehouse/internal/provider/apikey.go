package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type apiKeyResource struct{ forResource }

func newAPIKey() resource.Resource { return &apiKeyResource{} }

func (r *apiKeyResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_api_key"
}

// keyMembers are the members of a key that have another name here.
var keyMembers = map[string]string{
	"rotation.interval": "rotation_interval", "rotation.delivery": "rotation_delivery", "resources.clusters": "clusters", "resources.check_groups": "check_groups",
	"resources.alert_routes": "alert_routes", "status": "enabled", "invalid_scope": "scopes",
}

func (r *apiKeyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m apiKey
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	body := m.body(ctx, &resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	body.WorkspaceID = r.workspaceOr(m.WorkspaceID)
	wanted := m.Enabled
	key, err := r.api.CreateKey(ctx, body)
	if err != nil {
		refused(&resp.Diagnostics, "Creating the API key", err, keyMembers)
		return
	}
	m.Key, m.PreviousKeyID = types.StringValue(key.Key), types.StringNull()
	m.take(key)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...) // the text is told this once
	if wanted.IsUnknown() || wanted.ValueBool() {
		return
	}
	r.patch(ctx, &resp.Diagnostics, &m, client.PatchKeyBody{Status: new("disabled")})
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// patch changes the key; a change of nothing is none.
func (r *apiKeyResource) patch(ctx context.Context, diags *diag.Diagnostics, m *apiKey, body client.PatchKeyBody) {
	key, err := r.api.UpdateKey(ctx, m.ID.ValueString(), body, r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, "Changing the API key", err, keyMembers)
		return
	}
	m.take(key)
}

// Read forgets a key that has ended, so that the next plan makes another.
func (r *apiKeyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m apiKey
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	id := m.ID.ValueString()
	key, err := r.api.GetKey(ctx, id, r.in(m.WorkspaceID))
	switch {
	case client.NotFound(err):
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		refused(&resp.Diagnostics, "Reading the API key", err, nil)
		return
	case key.Status == "revoked", key.Status == "expired":
		resp.Diagnostics.AddWarning("The API key "+id+" has "+map[string]string{"revoked": "been revoked", "expired": "expired"}[key.Status],
			"It cannot work again. The next apply makes another, with another text.")
		resp.State.RemoveResource(ctx)
		return
	case key.Status == "disabled":
		resp.Diagnostics.AddWarning("The API key "+id+" is disabled", "Keys that leak, or that nobody uses, may be disabled by the server. Look why before you enable it (enabled = true).")
	}
	m.take(key)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *apiKeyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, m apiKey
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if m.replaced() || triggered(plan.RotateWhen, m.RotateWhen) {
		r.rotate(ctx, &resp.Diagnostics, &m, plan)
		if resp.Diagnostics.HasError() {
			return
		}
		m.RotateWhen, m.Grace = plan.RotateWhen, plan.Grace
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...) // the text is told this once
	}
	m.RotateWhen, m.Grace = plan.RotateWhen, plan.Grace
	if known(m.RotationInterval) && plan.RotationInterval.IsNull() && known(plan.RotationDelivery) { // absent, the interval would stay
		r.patch(ctx, &resp.Diagnostics, &m, client.PatchKeyBody{Rotation: client.Null[client.Rotation]()})
	}
	if body, any := m.changes(ctx, &resp.Diagnostics, plan); any && !resp.Diagnostics.HasError() {
		m.adopt(plan)
		r.patch(ctx, &resp.Diagnostics, &m, body)
	}
	if resp.Diagnostics.HasError() {
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

// Delete revokes the key, and the one it replaced: what is destroyed works no
// more, whatever grace there was.
func (r *apiKeyResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m apiKey
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	for _, id := range []string{m.ID.ValueString(), m.PreviousKeyID.ValueString()} {
		if id == "" {
			continue
		}
		if _, err := r.api.RevokeKey(ctx, id, r.in(m.WorkspaceID)); err != nil && !client.NotFound(err) && client.Code(err) != "key_ended" {
			refused(&resp.Diagnostics, "Revoking the API key "+id, err, nil)
		}
	}
}
