package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type keyPolicyResource struct{ forResource }

func newKeyPolicy() resource.Resource { return &keyPolicyResource{} }

// keyPolicy is what a workspace asks of all its keys: there is one of each.
type keyPolicy struct {
	WorkspaceID        types.String `tfsdk:"workspace_id"`
	EnforceRotation    types.Bool   `tfsdk:"enforce_rotation"`
	DisableUnusedAfter types.String `tfsdk:"disable_unused_after"`
}

func (r *keyPolicyResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_key_policy"
}

func (r *keyPolicyResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a workspace asks of all its API keys. A workspace has one; destroying it asks nothing of them any more.",
		Attributes: map[string]schema.Attribute{
			"workspace_id":         required("The workspace.", stringplanmodifier.RequiresReplace()),
			"enforce_rotation":     schema.BoolAttribute{Required: true, MarkdownDescription: "Whether every key is replaced at the interval the issuer lets workspaces enforce."},
			"disable_unused_after": optional("A key that was not used for as long, such as `P90D`, is disabled."),
		},
	}
}

// put makes the policy what the model says.
func (r *keyPolicyResource) put(ctx context.Context, diags *diag.Diagnostics, m keyPolicy) {
	body := client.PutKeyPolicyBody{EnforceRotation: m.EnforceRotation.ValueBool()}
	if after := m.DisableUnusedAfter.ValueString(); after != "" {
		body.DisableUnusedAfter = client.To(after)
	}
	if _, err := r.api.PutKeyPolicy(ctx, m.WorkspaceID.ValueString(), body); err != nil {
		refused(diags, "Changing the key policy", err, nil)
	}
}

func (r *keyPolicyResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	r.apply(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

func (r *keyPolicyResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	r.apply(ctx, req.Plan, &resp.State, &resp.Diagnostics)
}

// apply puts the plan, whether or not there was a policy before.
func (r *keyPolicyResource) apply(ctx context.Context, plan tfsdk.Plan, state *tfsdk.State, diags *diag.Diagnostics) {
	var m keyPolicy
	diags.Append(plan.Get(ctx, &m)...)
	if diags.HasError() {
		return
	}
	if r.put(ctx, diags, m); !diags.HasError() {
		diags.Append(state.Set(ctx, &m)...)
	}
}

func (r *keyPolicyResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m keyPolicy
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	p, err := r.api.GetKeyPolicy(ctx, m.WorkspaceID.ValueString())
	if client.NotFound(err) {
		resp.State.RemoveResource(ctx)
		return
	}
	if err != nil {
		refused(&resp.Diagnostics, "Reading the key policy", err, nil)
		return
	}
	m.EnforceRotation, m.DisableUnusedAfter = types.BoolValue(p.EnforceRotation), durationOf(p.DisableUnusedAfter, m.DisableUnusedAfter)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *keyPolicyResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m keyPolicy
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if !resp.Diagnostics.HasError() {
		r.put(ctx, &resp.Diagnostics, keyPolicy{WorkspaceID: m.WorkspaceID})
	}
}

// ImportState takes the id of the workspace.
func (r *keyPolicyResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	resource.ImportStatePassthroughID(ctx, path.Root("workspace_id"), req, resp)
}
