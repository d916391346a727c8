package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type keyDestinationResource struct{ forResource }

func newKeyDestination() resource.Resource { return &keyDestinationResource{} }

// destinationMembers are the members that have another name here.
var destinationMembers = map[string]string{"secrets": "token_wo", "status": "enabled"}

func (r *keyDestinationResource) Metadata(_ context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = req.ProviderTypeName + "_key_destination"
}

// secretsIn are those of the configuration: they are in no plan.
func secretsIn(ctx context.Context, diags *diag.Diagnostics, get func(context.Context, path.Path, any) diag.Diagnostics) client.DestinationSecrets {
	var token, secretID, accessKey types.String
	for name, to := range map[string]*types.String{"token_wo": &token, "secret_id_wo": &secretID, "secret_access_key_wo": &accessKey} {
		diags.Append(get(ctx, path.Root(name), to)...)
	}
	return client.DestinationSecrets{Token: token.ValueString(), SecretID: secretID.ValueString(), SecretAccessKey: accessKey.ValueString()}
}

func (r *keyDestinationResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	var m keyDestination
	resp.Diagnostics.Append(req.Plan.Get(ctx, &m)...)
	secrets := secretsIn(ctx, &resp.Diagnostics, req.Config.GetAttribute)
	target := m.target(&resp.Diagnostics)
	if resp.Diagnostics.HasError() {
		return
	}
	wanted := m.Enabled
	made, err := r.api.CreateKeyDestination(ctx, client.NewDestination{
		WorkspaceID: r.workspaceOr(m.WorkspaceID), Name: m.Name.ValueString(), Kind: m.Kind.ValueString(), Target: target, Secrets: secrets,
	})
	if err != nil {
		refused(&resp.Diagnostics, "Creating the key destination", err, destinationMembers)
		return
	}
	m.SigningSecret = textOf(made.SigningSecret)
	m.take(made)
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...) // the secret is told this once
	if !known(wanted) || wanted.ValueBool() {
		return
	}
	r.patch(ctx, &resp.Diagnostics, &m, client.DestinationChange{Status: "disabled"})
	resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
}

func (r *keyDestinationResource) patch(ctx context.Context, diags *diag.Diagnostics, m *keyDestination, body client.DestinationChange) {
	d, err := r.api.UpdateKeyDestination(ctx, m.ID.ValueString(), body, r.in(m.WorkspaceID))
	if err != nil {
		refused(diags, "Changing the key destination", err, destinationMembers)
		return
	}
	m.take(d)
}

func (r *keyDestinationResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	var m keyDestination
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	d, err := r.api.GetKeyDestination(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
	switch {
	case client.NotFound(err):
		resp.State.RemoveResource(ctx)
	case err != nil:
		refused(&resp.Diagnostics, "Reading the key destination", err, nil)
	default:
		m.take(d)
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

// ModifyPlan says that another signing secret will be told.
func (r *keyDestinationResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if req.State.Raw.IsNull() || req.Plan.Raw.IsNull() {
		return
	}
	var plan, state keyDestination
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &state)...)
	if resp.Diagnostics.HasError() || !triggered(plan.RotateWhen, state.RotateWhen) {
		return
	}
	plan.SigningSecret = types.StringUnknown()
	resp.Diagnostics.Append(resp.Plan.Set(ctx, &plan)...)
}

func (r *keyDestinationResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	var plan, m keyDestination
	resp.Diagnostics.Append(req.Plan.Get(ctx, &plan)...)
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	secrets := secretsIn(ctx, &resp.Diagnostics, req.Config.GetAttribute)
	if plan.SecretsVersion.Equal(m.SecretsVersion) {
		secrets = client.DestinationSecrets{} // Terraform cannot tell whether they changed
	}
	body := m.changes(&resp.Diagnostics, plan, secrets)
	if resp.Diagnostics.HasError() {
		return
	}
	if triggered(plan.RotateWhen, m.RotateWhen) {
		d, err := r.api.RotateKeyDestinationSecret(ctx, m.ID.ValueString(), r.in(m.WorkspaceID))
		if err != nil {
			refused(&resp.Diagnostics, "Giving the key destination a new signing secret", err, destinationMembers)
			return
		}
		m.SigningSecret, m.RotateWhen = textOf(d.SigningSecret), plan.RotateWhen
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...) // as above
	}
	m.RotateWhen, m.SecretsVersion, m.JWK = plan.RotateWhen, plan.SecretsVersion, plan.JWK
	r.patch(ctx, &resp.Diagnostics, &m, body)
	if !resp.Diagnostics.HasError() {
		resp.Diagnostics.Append(resp.State.Set(ctx, &m)...)
	}
}

func (r *keyDestinationResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	var m keyDestination
	resp.Diagnostics.Append(req.State.Get(ctx, &m)...)
	if resp.Diagnostics.HasError() {
		return
	}
	if err := r.api.DeleteKeyDestination(ctx, m.ID.ValueString(), r.in(m.WorkspaceID)); err != nil && !client.NotFound(err) {
		refused(&resp.Diagnostics, "Deleting the key destination", err, nil)
	}
}
