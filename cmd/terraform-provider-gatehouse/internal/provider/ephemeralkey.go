package provider

import (
	"context"
	"encoding/json"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

// ephemeralKey is an API key for one run of Terraform: made when it is first
// needed, revoked at the end, in no plan and no state.
type ephemeralKey struct{ forEphemeral }

var _ ephemeral.EphemeralResourceWithClose = (*ephemeralKey)(nil)

func newEphemeralKey() ephemeral.EphemeralResource { return &ephemeralKey{} }

type runKey struct {
	ID          types.String `tfsdk:"id"`
	WorkspaceID types.String `tfsdk:"workspace_id"`
	Name        types.String `tfsdk:"name"`
	Environment types.String `tfsdk:"environment"`
	Scopes      types.Set    `tfsdk:"scopes"`
	IPAllowlist types.Set    `tfsdk:"ip_allowlist"`
	ExpiresIn   types.String `tfsdk:"expires_in"`
	ExpiresAt   types.String `tfsdk:"expires_at"`
	Key         types.String `tfsdk:"key"`
}

const (
	runKeyLife    = time.Hour
	maxRunKeyLife = 24 * time.Hour
)

func (e *ephemeralKey) Metadata(_ context.Context, req ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_api_key"
}

func (e *ephemeralKey) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "An API key for one run: made when it is needed, revoked at the end of the run, and in no plan and no state. Plan and apply each make their own.",
		Attributes: map[string]schema.Attribute{
			"workspace_id": schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "The workspace; the provider's, or that of its key, without it."},
			"name":         schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "What it is for; `terraform` without it."},
			"environment":  schema.StringAttribute{Required: true, MarkdownDescription: "`live` or `test`."},
			"scopes":       schema.SetAttribute{ElementType: types.StringType, Required: true, MarkdownDescription: "What it may do."},
			"ip_allowlist": schema.SetAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: "The CIDR blocks it may be used from."},
			"expires_in":   schema.StringAttribute{Optional: true, MarkdownDescription: "When it ends by itself, should the run not come to its end: such as `30m`, at most `24h`; an hour without it."},
			"id":           schema.StringAttribute{Computed: true, MarkdownDescription: "Its id."},
			"expires_at":   schema.StringAttribute{Computed: true, MarkdownDescription: "When it ends by itself."},
			"key":          schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Its text."},
		},
	}
}

func (e *ephemeralKey) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m runKey
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	life := runKeyLife
	if text := m.ExpiresIn.ValueString(); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 || d > maxRunKeyLife {
			resp.Diagnostics.AddAttributeError(path.Root("expires_in"), "expires_in is no such duration", "Give one such as 30m, at most 24h.")
			return
		}
		life = d
	}
	body := client.CreateKeyBody{
		Name: m.Name.ValueString(), WorkspaceID: e.workspaceOr(m.WorkspaceID), Environment: m.Environment.ValueString(),
		Scopes: listOf(ctx, &resp.Diagnostics, m.Scopes), IPAllowlist: listOf(ctx, &resp.Diagnostics, m.IPAllowlist), ExpiresAt: time.Now().Add(life),
	}
	if body.Name == "" {
		body.Name = "terraform"
	}
	if resp.Diagnostics.HasError() {
		return
	}
	key, err := e.api.CreateKey(ctx, body)
	if err != nil {
		refused(&resp.Diagnostics, "Creating an API key for the run", err, keyMembers)
		return
	}
	held, err := json.Marshal(map[string]string{"id": key.ID, "workspace_id": key.WorkspaceID})
	if err == nil {
		resp.Diagnostics.Append(resp.Private.SetKey(ctx, "key", held)...)
	}
	m.ID, m.Key, m.ExpiresAt = types.StringValue(key.ID), types.StringValue(key.Key), timeOf(key.ExpiresAt, types.StringNull())
	m.Name, m.WorkspaceID = types.StringValue(key.Name), types.StringValue(key.WorkspaceID)
	resp.Diagnostics.Append(resp.Result.Set(ctx, &m)...)
}

// Close revokes the key.
func (e *ephemeralKey) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	var held map[string]string
	text, diags := req.Private.GetKey(ctx, "key")
	resp.Diagnostics.Append(diags...)
	if json.Unmarshal(text, &held) != nil || held["id"] == "" {
		return
	}
	if _, err := e.api.RevokeKey(ctx, held["id"], client.InWorkspace(held["workspace_id"])); err != nil && !client.NotFound(err) {
		refused(&resp.Diagnostics, "Revoking the API key of the run, "+held["id"]+",", err, nil)
	}
}
