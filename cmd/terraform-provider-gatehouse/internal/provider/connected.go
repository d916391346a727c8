package provider

import (
	"context"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// forResource, forData and forEphemeral are given the provider's connection
// before they do anything.
type (
	forResource  struct{ *connected }
	forData      struct{ *connected }
	forEphemeral struct{ *connected }
)

func (f *forResource) Configure(_ context.Context, req resource.ConfigureRequest, _ *resource.ConfigureResponse) {
	f.connected, _ = req.ProviderData.(*connected) // nil while Terraform only validates
}

func (f *forData) Configure(_ context.Context, req datasource.ConfigureRequest, _ *datasource.ConfigureResponse) {
	f.connected, _ = req.ProviderData.(*connected) // as above
}

func (f *forEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, _ *ephemeral.ConfigureResponse) {
	f.connected, _ = req.ProviderData.(*connected) // as above
}

// workspaceOr is the workspace that is named, or the provider's; empty for that
// of the credential.
func (c *connected) workspaceOr(named types.String) string {
	if w := named.ValueString(); w != "" {
		return w
	}
	return c.workspace
}

// in is the option that goes with workspaceOr.
func (c *connected) in(named types.String) client.Option {
	return client.InWorkspace(c.workspaceOr(named))
}

// ImportState takes an id, or a workspace's and an id with a slash between.
func (f *forResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	id := req.ID
	if workspace, rest, ok := strings.Cut(req.ID, "/"); ok {
		id = rest
		resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("workspace_id"), workspace)...)
	}
	resp.Diagnostics.Append(resp.State.SetAttribute(ctx, path.Root("id"), id)...)
}
