package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/invopop/jsonschema"

	"github.com/gatehouse-auth/gatehouse/config"
)

const packageDir = "../.."

func TestCommittedSchemaAndPageAreWhatIsGenerated(t *testing.T) {
	files, err := generate(packageDir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(packageDir, name))
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s is out of date: run go generate ./config (%v)", name, err)
		}
	}
	if !bytes.Equal(config.Schema(), files["gatehouse.schema.json"]) {
		t.Error("the embedded schema is another")
	}
}

func TestSchemaIsJSONThatRefusesUnknownKeys(t *testing.T) {
	var s struct {
		Properties           map[string]any `json:"properties"`
		AdditionalProperties *bool          `json:"additionalProperties"`
		Required             []string       `json:"required"`
	}
	if err := json.Unmarshal(config.Schema(), &s); err != nil {
		t.Fatal(err)
	}
	if len(s.Properties) != 10 || s.AdditionalProperties == nil || *s.AdditionalProperties || len(s.Required) > 0 {
		t.Errorf("schema: %d properties, additional %v, required %v", len(s.Properties), s.AdditionalProperties, s.Required)
	}
}

func TestEverySettingIsDescribedAndOnThePage(t *testing.T) {
	s, err := reflectSchema(packageDir)
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(filepath.Join(packageDir, "../docs/configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	var walk func(path string, s *jsonschema.Schema)
	walk = func(path string, s *jsonschema.Schema) {
		if s.Items != nil && s.Items.Properties != nil {
			path, s = path+"[]", s.Items
		}
		if s.Properties == nil {
			if !strings.Contains(string(page), "| `"+path+"` |") {
				t.Errorf("%s is not on the page", path)
			}
			return
		}
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			at := strings.TrimPrefix(path+"."+p.Key, ".")
			if p.Value.Description == "" {
				t.Errorf("%s has no sentence", at)
			}
			walk(at, p.Value)
		}
	}
	walk("", s)
}
