package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type apiKey struct {
	ID               types.String `tfsdk:"id"`
	WorkspaceID      types.String `tfsdk:"workspace_id"`
	Name             types.String `tfsdk:"name"`
	Environment      types.String `tfsdk:"environment"`
	Scopes           types.Set    `tfsdk:"scopes"`
	ServiceAccountID types.String `tfsdk:"service_account_id"`
	Clusters         types.Set    `tfsdk:"clusters"`
	CheckGroups      types.Set    `tfsdk:"check_groups"`
	AlertRoutes      types.Set    `tfsdk:"alert_routes"`
	IPAllowlist      types.Set    `tfsdk:"ip_allowlist"`
	ExpiresAt        types.String `tfsdk:"expires_at"`
	RotationInterval types.String `tfsdk:"rotation_interval"`
	RotationDelivery types.String `tfsdk:"rotation_delivery"`
	Tier             types.String `tfsdk:"tier"`
	Enabled          types.Bool   `tfsdk:"enabled"`
	RotateWhen       types.Map    `tfsdk:"rotate_when"`
	Grace            types.String `tfsdk:"grace"`
	Key              types.String `tfsdk:"key"`
	Prefix           types.String `tfsdk:"prefix"`
	Last4            types.String `tfsdk:"last4"`
	Status           types.String `tfsdk:"status"`
	CreatedAt        types.String `tfsdk:"created_at"`
	RotateAt         types.String `tfsdk:"rotate_at"`
	PreviousKeyID    types.String `tfsdk:"previous_key_id"`
}

func (r *apiKeyResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := stringplanmodifier.RequiresReplace()
	resp.Schema = schema.Schema{
		MarkdownDescription: "An API key. Its text is in the state, marked sensitive: encrypt the state, or use the ephemeral resource of the same name, which leaves nothing there. Destroying it revokes it, and the key it replaced.",
		Attributes: map[string]schema.Attribute{
			"id":                 fixed("Its id, `key_…`; another one after a rotation."),
			"workspace_id":       workspaceAttribute(),
			"name":               required("What it is for."),
			"environment":        required("`live` or `test`.", replace),
			"scopes":             schema.SetAttribute{ElementType: types.StringType, Required: true, MarkdownDescription: "What it may do, such as `monitor:read`. More takes what creating such a key takes."},
			"service_account_id": defaulted("The service account it is of; one of its own without it.", stringplanmodifier.RequiresReplaceIfConfigured()),
			"clusters":           optionalSet("The clusters it is restricted to."),
			"check_groups":       optionalSet("The check groups it is restricted to."),
			"alert_routes":       optionalSet("The alert routes it is restricted to."),
			"ip_allowlist":       optionalSet("The CIDR blocks it may be used from."),
			"expires_at":         optional("When it ends, such as `2027-01-31T00:00:00Z`."),
			"rotation_interval":  optional("Replace it by a successor as often, such as `P90D`. The apply after that takes the successor over."),
			"rotation_delivery":  optional("The `gatehouse_key_destination` that the texts of its successors are brought to. Once one was brought there by a schedule, `key` is null: Terraform is not told it."),
			"tier":               defaulted("Its rate tier; the operator's to choose."),
			"enabled":            defaultedBool("Whether it works. Without it nothing is enabled or disabled, and `status` tells."),
			"rotate_when":        rotateWhen("the key is replaced by a successor that may do the same, with another id and text. The old key stays valid for its grace."),
			"grace":              optional("How long the old key stays valid at a rotation, such as `PT24H`, at most `P30D`; the issuer's default, 72 hours, without it."),
			"key":                secretTold("Its text. Null for a key that was imported."),
			"prefix":             fixed("The beginning of its text, which may be shown."),
			"last4":              fixed("The end of its text."),
			"status":             told("`active`, `disabled`, or `grace` once a schedule replaced it."),
			"created_at":         fixed("When it was made."),
			"rotate_at":          told("When it will be replaced, by its schedule, the workspace's policy or the issuer's rule."),
			"previous_key_id":    fixed("The key it replaced at the latest rotation."),
		},
	}
}

// take puts what the server says into the model. The text is not among it.
func (m *apiKey) take(k *client.Key) {
	m.ID, m.WorkspaceID, m.Name = types.StringValue(k.ID), types.StringValue(k.WorkspaceID), types.StringValue(k.Name)
	m.Environment, m.ServiceAccountID, m.Tier = types.StringValue(k.Environment), types.StringValue(k.ServiceAccountID), types.StringValue(k.Tier)
	m.Scopes = setOf(k.Scopes, m.Scopes)
	m.Clusters, m.CheckGroups, m.AlertRoutes = setOf(k.Resources.Clusters, m.Clusters), setOf(k.Resources.CheckGroups, m.CheckGroups), setOf(k.Resources.AlertRoutes, m.AlertRoutes)
	m.IPAllowlist = setOf(k.IPAllowlist, m.IPAllowlist)
	m.ExpiresAt, m.CreatedAt, m.RotateAt = timeOf(k.ExpiresAt, m.ExpiresAt), timeOf(k.CreatedAt, m.CreatedAt), timeOf(k.RotateAt, m.RotateAt)
	m.RotationInterval = durationOf(k.Rotation.Interval, m.RotationInterval)
	if m.RotationDelivery = types.StringNull(); k.Rotation.Delivery != claimed {
		m.RotationDelivery = textOf(k.Rotation.Delivery)
	}
	m.Enabled = types.BoolValue(k.Status != "disabled")
	m.Prefix, m.Last4, m.Status = types.StringValue(k.Prefix), types.StringValue(k.Last4), types.StringValue(k.Status)
}

// claimed is the delivery of a key whose successor waits for the old key.
const claimed = "claim"

// rotation is what the server is told of a schedule and a destination.
func (m *apiKey) rotation() client.Rotation {
	return client.Rotation{Interval: m.RotationInterval.ValueString(), Delivery: m.RotationDelivery.ValueString()}
}

func (m *apiKey) resources(ctx context.Context, diags *diag.Diagnostics) client.Resources {
	return client.Resources{
		Clusters: listOf(ctx, diags, m.Clusters), CheckGroups: listOf(ctx, diags, m.CheckGroups), AlertRoutes: listOf(ctx, diags, m.AlertRoutes),
	}
}

func (m *apiKey) body(ctx context.Context, diags *diag.Diagnostics) client.CreateKeyBody {
	return client.CreateKeyBody{
		Name: m.Name.ValueString(), Environment: m.Environment.ValueString(), Scopes: listOf(ctx, diags, m.Scopes),
		ServiceAccountID: m.ServiceAccountID.ValueString(), Resources: m.resources(ctx, diags), IPAllowlist: listOf(ctx, diags, m.IPAllowlist),
		ExpiresAt: timeIn(diags, "expires_at", m.ExpiresAt), Tier: m.Tier.ValueString(), Rotation: m.rotation(),
	}
}

// changes are what the plan wants other than it is.
func (m *apiKey) changes(ctx context.Context, diags *diag.Diagnostics, plan apiKey) (body client.PatchKeyBody, any bool) {
	body.Name, body.Tier = changed(plan.Name, m.Name), changed(plan.Tier, m.Tier)
	body.Scopes, body.IPAllowlist = changedSet(ctx, diags, plan.Scopes, m.Scopes), changedSet(ctx, diags, plan.IPAllowlist, m.IPAllowlist)
	any = body.Name != nil || body.Tier != nil || body.Scopes != nil || body.IPAllowlist != nil
	if !plan.Clusters.Equal(m.Clusters) || !plan.CheckGroups.Equal(m.CheckGroups) || !plan.AlertRoutes.Equal(m.AlertRoutes) {
		body.Resources, any = new(plan.resources(ctx, diags)), true
	}
	if !plan.ExpiresAt.Equal(m.ExpiresAt) {
		body.ExpiresAt, any = client.Null[time.Time](), true
		if at := timeIn(diags, "expires_at", plan.ExpiresAt); !at.IsZero() {
			body.ExpiresAt = client.To(at)
		}
	}
	if !plan.RotationInterval.Equal(m.RotationInterval) || !plan.RotationDelivery.Equal(m.RotationDelivery) {
		body.Rotation, any = client.Null[client.Rotation](), true
		if wanted := plan.rotation(); wanted != (client.Rotation{}) {
			if wanted.Delivery == "" {
				wanted.Delivery = claimed // absent, it would stay
			}
			body.Rotation = client.To(wanted)
		}
	}
	if known(plan.Enabled) && !plan.Enabled.Equal(m.Enabled) {
		body.Status, any = new(map[bool]string{true: "active", false: "disabled"}[plan.Enabled.ValueBool()]), true
	}
	return body, any
}

// adopt takes over how the plan writes what the server may write differently.
func (m *apiKey) adopt(plan apiKey) {
	m.Clusters, m.CheckGroups, m.AlertRoutes, m.IPAllowlist = plan.Clusters, plan.CheckGroups, plan.AlertRoutes, plan.IPAllowlist
	m.ExpiresAt, m.RotationInterval, m.RotationDelivery = plan.ExpiresAt, plan.RotationInterval, plan.RotationDelivery
}
