package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/boolplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/planmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringplanmodifier"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// The kinds of attributes that resources have.

func required(text string, modifiers ...planmodifier.String) schema.StringAttribute {
	return schema.StringAttribute{Required: true, MarkdownDescription: text, PlanModifiers: modifiers}
}

func optional(text string, modifiers ...planmodifier.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, MarkdownDescription: text, PlanModifiers: modifiers}
}

// defaulted is for what the server decides when nothing is said.
func defaulted(text string, modifiers ...planmodifier.String) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: text, PlanModifiers: append(modifiers, stringplanmodifier.UseStateForUnknown())}
}

// fixed is for what the server tells and does not change.
func fixed(text string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: text, PlanModifiers: []planmodifier.String{stringplanmodifier.UseStateForUnknown()}}
}

// told is for what the server tells, and may differ after any change.
func told(text string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: text}
}

// secretTold is a secret that the server tells once.
func secretTold(text string) schema.StringAttribute {
	a := fixed(text)
	a.Sensitive = true
	return a
}

func optionalSet(text string) schema.SetAttribute {
	return schema.SetAttribute{ElementType: types.StringType, Optional: true, MarkdownDescription: text}
}

func defaultedSet(text string) schema.SetAttribute {
	return schema.SetAttribute{
		ElementType: types.StringType, Optional: true, Computed: true, MarkdownDescription: text,
		PlanModifiers: []planmodifier.Set{setplanmodifier.UseStateForUnknown()},
	}
}

func defaultedBool(text string) schema.BoolAttribute {
	return schema.BoolAttribute{
		Optional: true, Computed: true, MarkdownDescription: text,
		PlanModifiers: []planmodifier.Bool{boolplanmodifier.UseStateForUnknown()},
	}
}

func workspaceAttribute() schema.StringAttribute {
	return defaulted("The workspace; the provider's, or that of its key, without it.", stringplanmodifier.RequiresReplaceIfConfigured())
}

func rotateWhen(what string) schema.MapAttribute {
	return schema.MapAttribute{
		ElementType: types.StringType, Optional: true,
		MarkdownDescription: "Texts of your choice. When one of them changes, " + what + " The first ones are only noted.",
	}
}

// triggered reports whether the plan asks for a rotation: first values ask for
// none, so that what is imported is not rotated.
func triggered(plan, state types.Map) bool {
	return !state.IsNull() && !plan.IsNull() && !plan.Equal(state)
}
