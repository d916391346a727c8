package provider_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
)

var update = flag.Bool("update", false, "rewrite docs/terraform-reference.md")

const reference = "../../../../docs/terraform-reference.md"

func TestTheReferenceIsWhatTheProviderSays(t *testing.T) {
	server, err := factories()["gatehouse"]()
	if err != nil {
		t.Fatal(err)
	}
	all, err := server.GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("# Reference of the Terraform provider\n\nWritten by `go test ./internal/provider -update` in `cmd/terraform-provider-gatehouse`. See [terraform.md](terraform.md).\n")
	section(&b, "provider", all.Provider)
	for _, kind := range []struct {
		title   string
		schemas map[string]*tfprotov6.Schema
	}{{"resource", all.ResourceSchemas}, {"ephemeral", all.EphemeralResourceSchemas}, {"data", all.DataSourceSchemas}} {
		for _, name := range slices.Sorted(maps.Keys(kind.schemas)) {
			section(&b, kind.title+" "+name, kind.schemas[name])
		}
	}
	if *update {
		if err := os.WriteFile(reference, []byte(b.String()), 0o644); err != nil { //nolint:gosec // documentation
			t.Fatal(err)
		}
	}
	committed, err := os.ReadFile(reference)
	if err != nil || string(committed) != b.String() {
		t.Errorf("docs/terraform-reference.md is not what the provider says (go test ./internal/provider -update): %v", err)
	}
}

func section(b *strings.Builder, title string, s *tfprotov6.Schema) {
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| attribute | | |\n|---|---|---|\n", title, s.Block.Description)
	rows(b, "", s.Block.Attributes)
}

func rows(b *strings.Builder, under string, attributes []*tfprotov6.SchemaAttribute) {
	for _, a := range attributes {
		var words []string
		for word, is := range map[string]bool{"required": a.Required, "optional": a.Optional, "told": a.Computed, "sensitive": a.Sensitive, "write-only": a.WriteOnly} {
			if is {
				words = append(words, word)
			}
		}
		slices.Sort(words)
		fmt.Fprintf(b, "| `%s%s` | %s | %s |\n", under, a.Name, strings.Join(words, ", "), a.Description)
		if a.NestedType != nil {
			rows(b, under+a.Name+".", a.NestedType.Attributes)
		}
	}
}
