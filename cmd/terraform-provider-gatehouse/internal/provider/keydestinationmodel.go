package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type keyDestination struct {
	ID              types.String `tfsdk:"id"`
	WorkspaceID     types.String `tfsdk:"workspace_id"`
	Name            types.String `tfsdk:"name"`
	Kind            types.String `tfsdk:"kind"`
	URL             types.String `tfsdk:"url"`
	JWK             types.String `tfsdk:"jwk"`
	Namespace       types.String `tfsdk:"namespace"`
	Mount           types.String `tfsdk:"mount"`
	Path            types.String `tfsdk:"path"`
	RoleID          types.String `tfsdk:"role_id"`
	SecretARN       types.String `tfsdk:"secret_arn"`
	AccessKeyID     types.String `tfsdk:"access_key_id"`
	Token           types.String `tfsdk:"token_wo"`
	SecretID        types.String `tfsdk:"secret_id_wo"`
	SecretAccessKey types.String `tfsdk:"secret_access_key_wo"`
	SecretsVersion  types.String `tfsdk:"secrets_wo_version"`
	Enabled         types.Bool   `tfsdk:"enabled"`
	RotateWhen      types.Map    `tfsdk:"rotate_when"`
	SigningSecret   types.String `tfsdk:"signing_secret"`
	Status          types.String `tfsdk:"status"`
}

func (r *keyDestinationResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	replace := stringplanmodifier.RequiresReplace()
	writeOnly := func(text string) schema.StringAttribute {
		a := optional(text + " Write-only: sent when `secrets_wo_version` changes, and in no state.")
		a.WriteOnly, a.Sensitive = true, true
		return a
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Where the texts of keys that replaced others are brought: name it as `rotation_delivery` of a key. Where it is never changes; another place is another destination. It can be destroyed when no key names it.",
		Attributes: map[string]schema.Attribute{
			"id":                   fixed("Its id, `dst_…`."),
			"workspace_id":         workspaceAttribute(),
			"name":                 required("What it is."),
			"kind":                 required("`webhook`, `vault` or `aws_secrets_manager`.", replace),
			"url":                  optional("Of a webhook, of Vault, or of an endpoint of Secrets Manager other than the region's own.", replace),
			"jwk":                  optional("Of a webhook: the public key the new text is encrypted to, a JWK or a JWK Set with one, in JSON."),
			"namespace":            optional("Of Vault.", replace),
			"mount":                optional("Of Vault: where the KV engine, version 2, is mounted.", replace),
			"path":                 optional("Of Vault: the secret. `{service_account_id}` and `{environment}` stand for those of the key.", replace),
			"role_id":              optional("Of Vault: an AppRole, where no token is given.", replace),
			"secret_arn":           optional("Of Secrets Manager: the secret, which exists.", replace),
			"access_key_id":        optional("Of Secrets Manager."),
			"token_wo":             writeOnly("Of Vault: a token."),
			"secret_id_wo":         writeOnly("Of Vault: of the AppRole."),
			"secret_access_key_wo": writeOnly("Of Secrets Manager."),
			"secrets_wo_version":   optional("A text of your choice, another one whenever the secrets change."),
			"enabled":              defaultedBool("Whether anything is brought there; what is on its way waits otherwise."),
			"rotate_when":          rotateWhen("a webhook is given another signing secret; for a day its requests are signed with both."),
			"signing_secret":       secretTold("Of a webhook: what its requests are signed with (Standard Webhooks)."),
			"status":               told("`active` or `disabled`."),
		},
	}
}

func (m *keyDestination) take(d *client.Destination) {
	t := d.Target
	m.ID, m.WorkspaceID, m.Name, m.Kind = types.StringValue(d.ID), types.StringValue(d.WorkspaceID), types.StringValue(d.Name), types.StringValue(d.Kind)
	m.URL, m.Namespace, m.Mount, m.Path, m.RoleID = textOf(t.URL), textOf(t.Namespace), textOf(t.Mount), textOf(t.Path), textOf(t.RoleID)
	m.SecretARN, m.AccessKeyID = textOf(t.SecretArn), textOf(t.AccessKeyID)
	m.Status, m.Enabled = types.StringValue(d.Status), types.BoolValue(d.Status == "active")
	m.Token, m.SecretID, m.SecretAccessKey = types.StringNull(), types.StringNull(), types.StringNull()
	if m.JWK.IsNull() && t.Jwk != nil { // imported; else it stays as it was written
		if raw, err := json.Marshal(t.Jwk); err == nil {
			m.JWK = types.StringValue(string(raw))
		}
	}
}

// key is the public key, which is JSON.
func (m *keyDestination) key(diags *diag.Diagnostics) (key any) {
	if m.JWK.ValueString() == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(m.JWK.ValueString()), &key); err != nil {
		diags.AddAttributeError(path.Root("jwk"), "jwk is no JSON", "Give a JWK, or a JWK Set with one, by jsonencode or file.")
	}
	return key
}

func (m *keyDestination) target(diags *diag.Diagnostics) client.DestinationTarget {
	return client.DestinationTarget{
		URL: m.URL.ValueString(), Jwk: m.key(diags), Namespace: m.Namespace.ValueString(), Mount: m.Mount.ValueString(), Path: m.Path.ValueString(),
		RoleID: m.RoleID.ValueString(), SecretArn: m.SecretARN.ValueString(), AccessKeyID: m.AccessKeyID.ValueString(),
	}
}

// changes are what the plan wants other than it is; the server leaves what is not
// named.
func (m *keyDestination) changes(diags *diag.Diagnostics, plan keyDestination, secrets client.DestinationSecrets) client.DestinationChange {
	body := client.DestinationChange{Name: value(changed(plan.Name, m.Name)), AccessKeyID: value(changed(plan.AccessKeyID, m.AccessKeyID)), Secrets: secrets}
	if !plan.JWK.Equal(m.JWK) {
		body.Jwk = plan.key(diags)
	}
	if known(plan.Enabled) && !plan.Enabled.Equal(m.Enabled) {
		body.Status = map[bool]string{true: "active", false: "disabled"}[plan.Enabled.ValueBool()]
	}
	return body
}
