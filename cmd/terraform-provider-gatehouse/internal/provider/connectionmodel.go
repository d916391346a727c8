package provider

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-auth/gatehouse/web/api/client"
)

type connection struct {
	ID            types.String `tfsdk:"id"`
	WorkspaceID   types.String `tfsdk:"workspace_id"`
	Name          types.String `tfsdk:"name"`
	Vendor        types.String `tfsdk:"vendor"`
	OIDC          *oidcSide    `tfsdk:"oidc"`
	Secret        types.String `tfsdk:"client_secret_wo"`
	SecretVersion types.String `tfsdk:"client_secret_wo_version"`
	SAML          *samlSide    `tfsdk:"saml"`
	Fallback      types.String `tfsdk:"fallback"`
	JIT           types.String `tfsdk:"jit"`
	Numbers       types.Map    `tfsdk:"numbers"`
	Active        types.Bool   `tfsdk:"active"`
	Domains       types.Set    `tfsdk:"domains"`
	Status        types.String `tfsdk:"status"`
}

type oidcSide struct {
	Issuer   types.String `tfsdk:"issuer"`
	ClientID types.String `tfsdk:"client_id"`
	Scopes   types.Set    `tfsdk:"scopes"`
}

type samlSide struct {
	MetadataURL types.String `tfsdk:"metadata_url"`
	MetadataXML types.String `tfsdk:"metadata_xml"`
	EntityID    types.String `tfsdk:"entity_id"`
}

func (r *connectionResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	secret := optional("The secret at the provider. Write-only: it is in no plan and no state. It is sent when `client_secret_wo_version` changes.")
	secret.WriteOnly = true
	resp.Schema = schema.Schema{
		MarkdownDescription: "A connection: the identity provider where the people of a workspace sign in. It begins as a draft; a test sign-in, by a person, comes before it can be put into use. Destroying it ends everything below it.",
		Attributes: map[string]schema.Attribute{
			"id":                       fixed("Its id, `con_…`; part of the redirect URI to register: `https://<issuer>/oidc/<id>/callback`."),
			"workspace_id":             workspaceAttribute(),
			"name":                     required("What people see."),
			"vendor":                   defaulted("`okta`, `entra`, `auth0`, `onelogin`, `pingone`, `pingfederate` or `generic`."),
			"client_secret_wo":         secret,
			"client_secret_wo_version": optional("Any text; when it changes, the secret is sent."),
			"fallback":                 defaulted("When SAML is used instead: `never`, `admin`, `ask` or `auto`."),
			"jit":                      defaulted("Who joins by signing in: `off`, or `domain` for people of its domains."),
			"numbers": schema.MapAttribute{
				ElementType: types.Int64Type, Optional: true,
				MarkdownDescription: "Times of the connection, such as `attempt_minutes = 20`; those left out have their defaults (docs/federation.md, Times).",
			},
			"active":  defaultedBool("Whether it is in use. Without it nothing is switched, and `status` tells."),
			"domains": schema.SetAttribute{ElementType: types.StringType, Computed: true, MarkdownDescription: "The e-mail domains that are proven to be its."},
			"status":  told("`draft`, `testing`, `active` or `disabled`."),
			"oidc": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "The side of OpenID Connect.",
				Attributes: map[string]schema.Attribute{
					"issuer":    required("Exactly as the provider tells it."),
					"client_id": required("The client at the provider."),
					"scopes":    defaultedSet("What is asked for."),
				},
			},
			"saml": schema.SingleNestedAttribute{
				Optional: true, MarkdownDescription: "The side of SAML 2.0. The metadata is read when it changes here.",
				Attributes: map[string]schema.Attribute{
					"metadata_url": optional("Where the provider's metadata is; its certificates are believed from then on."),
					"metadata_xml": optional("The metadata itself."),
					"entity_id":    defaulted("The provider, where the metadata describes several."),
				},
			},
		},
	}
}

// take puts what the server says into the model. Where SAML metadata came from
// is the configuration's.
func (m *connection) take(c *client.Connection) {
	m.ID, m.WorkspaceID, m.Name = types.StringValue(c.ID), types.StringValue(c.WorkspaceID), types.StringValue(c.Name)
	m.Vendor, m.Fallback, m.JIT = types.StringValue(c.Vendor), types.StringValue(c.Fallback), types.StringValue(c.JIT)
	m.Status, m.Active = types.StringValue(c.Status), types.BoolValue(c.Status == "active")
	m.Domains = setOf(c.Domains, types.SetValueMust(types.StringType, nil))
	m.Secret, m.Numbers = types.StringNull(), numbersOf(c.Numbers)
	if c.OIDC.Issuer == "" {
		m.OIDC = nil
	} else {
		if m.OIDC == nil {
			m.OIDC = &oidcSide{}
		}
		m.OIDC.Issuer, m.OIDC.ClientID, m.OIDC.Scopes = types.StringValue(c.OIDC.Issuer), types.StringValue(c.OIDC.ClientID), setOf(c.OIDC.Scopes, m.OIDC.Scopes)
	}
	if c.SAML.EntityID == "" {
		m.SAML = nil
		return
	}
	if m.SAML == nil {
		m.SAML = &samlSide{MetadataURL: textOf(c.SAML.MetadataURL)}
	}
	m.SAML.EntityID = types.StringValue(c.SAML.EntityID)
}

// changes are what the model wants other than in was.
func (m *connection) changes(ctx context.Context, diags *diag.Diagnostics, was connection, secret types.String) client.ConnectionMembers {
	return client.ConnectionMembers{
		Name: given(m.Name, was.Name), Vendor: given(m.Vendor, was.Vendor), Fallback: given(m.Fallback, was.Fallback), JIT: given(m.JIT, was.JIT),
		OIDC: m.oidc(ctx, diags, was.OIDC, secret), SAML: m.saml(was.SAML), Numbers: m.numbers(ctx, diags, was.Numbers),
	}
}

// numbersOf are the numbers that were set; null for none.
func numbersOf(n client.Numbers) types.Map {
	set := map[string]int64{}
	if raw, err := json.Marshal(n); err != nil || json.Unmarshal(raw, &set) != nil || len(set) == 0 {
		return types.MapNull(types.Int64Type)
	}
	all := make(map[string]attr.Value, len(set))
	for name, value := range set {
		all[name] = types.Int64Value(value)
	}
	return types.MapValueMust(types.Int64Type, all)
}

// numbers are those wanted, where they are others than they were.
func (m *connection) numbers(ctx context.Context, diags *diag.Diagnostics, was types.Map) *client.Numbers {
	if m.Numbers.IsUnknown() || m.Numbers.Equal(was) || m.Numbers.IsNull() && was.IsNull() {
		return nil
	}
	set := map[string]int64{}
	diags.Append(m.Numbers.ElementsAs(ctx, &set, false)...)
	raw, err := json.Marshal(set)
	var n client.Numbers
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.DisallowUnknownFields()
		err = decoder.Decode(&n)
	}
	if err != nil {
		diags.AddAttributeError(path.Root("numbers"), "A number is not known", err.Error())
	}
	return &n
}

// given is changed, for what is not to be emptied.
func given(plan, state types.String) *string {
	if plan.IsNull() {
		return nil
	}
	return changed(plan, state)
}

func (m *connection) oidc(ctx context.Context, diags *diag.Diagnostics, was *oidcSide, secret types.String) *client.OIDCMembers {
	if m.OIDC == nil {
		if was == nil {
			return nil
		}
		return &client.OIDCMembers{Issuer: new("")} // takes the side away
	}
	if was == nil {
		was = &oidcSide{Scopes: types.SetNull(types.StringType)}
	}
	o := client.OIDCMembers{Issuer: given(m.OIDC.Issuer, was.Issuer), ClientID: given(m.OIDC.ClientID, was.ClientID)}
	if !m.OIDC.Scopes.IsNull() {
		o.Scopes = changedSet(ctx, diags, m.OIDC.Scopes, was.Scopes)
	}
	if known(secret) {
		o.ClientSecret = new(secret.ValueString())
	}
	if o.Issuer == nil && o.ClientID == nil && o.Scopes == nil && o.ClientSecret == nil {
		return nil
	}
	return &o
}

func (m *connection) saml(was *samlSide) *client.SAMLMembers {
	if m.SAML == nil {
		if was == nil {
			return nil
		}
		return &client.SAMLMembers{Remove: true}
	}
	same := was != nil && m.SAML.MetadataURL.Equal(was.MetadataURL) && m.SAML.MetadataXML.Equal(was.MetadataXML) &&
		(m.SAML.EntityID.IsUnknown() || m.SAML.EntityID.Equal(was.EntityID))
	if same {
		return nil
	}
	return &client.SAMLMembers{
		MetadataURL: m.SAML.MetadataURL.ValueString(), MetadataXML: m.SAML.MetadataXML.ValueString(), EntityID: m.SAML.EntityID.ValueString(),
	}
}
