package provider

import (
	"iter"

	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Data sources find one thing by its id, or by its name if only one has it.

func dataText(text string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: text}
}

func dataChoice(text string) schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: text}
}

// named is the one of a list that has the name; nil with a diagnostic.
func named[T any](diags *diag.Diagnostics, what, name string, all iter.Seq2[T, error], nameOf func(T) string) *T {
	var found *T
	for one, err := range all {
		if err != nil {
			refused(diags, "Looking for the "+what, err, nil)
			return nil
		}
		if nameOf(one) != name {
			continue
		}
		if found != nil {
			diags.AddError("Several are named so", "More than one "+what+" is named "+name+". Name the id instead.")
			return nil
		}
		found = &one
	}
	if found == nil {
		diags.AddError("There is no such "+what, "No "+what+" the provider's credential can see is named "+name+".")
	}
	return found
}

// choice checks that either the id or the name is given.
func choice(diags *diag.Diagnostics, id, name types.String) {
	if known(id) == known(name) {
		diags.AddError("Give the id or the name", "Exactly one of id and name says which one is meant.")
	}
}

// each is a list that comes in one piece.
func each[T any](list []T, err error) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, one := range list {
			if !yield(one, nil) {
				return
			}
		}
	}
}
