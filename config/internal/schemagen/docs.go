package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"

	"github.com/gatehouse-auth/gatehouse/config"
)

//go:embed head.md
var head string

// document is the page of every setting.
func document(s *jsonschema.Schema) ([]byte, error) {
	values, err := profileValues()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(head)
	for section := s.Properties.Oldest(); section != nil; section = section.Next() {
		columns, rule := "default", "---|"
		if section.Key == "issuers" {
			columns, rule = strings.Join(config.Profiles(), " | "), "---|---|---|"
		}
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n| key | type | %s | meaning |\n|---|---|%s---|\n",
			section.Key, section.Value.Description, columns, rule)
		rows(&b, values, section.Key, section.Value)
	}
	return b.Bytes(), nil
}

// rows writes the row of a setting, or those of what is in it.
func rows(b *bytes.Buffer, values []map[string]any, path string, s *jsonschema.Schema) {
	if s.Items != nil && s.Items.Properties != nil {
		path, s = path+"[]", s.Items
	}
	if s.Properties != nil {
		for p := s.Properties.Oldest(); p != nil; p = p.Next() {
			rows(b, values, path+"."+p.Key, p.Value)
		}
		return
	}
	if !strings.HasPrefix(path, "issuers") {
		values = values[:1]
	}
	fmt.Fprintf(b, "| `%s` | %s |", path, typeName(s))
	for _, v := range values {
		fmt.Fprintf(b, " %s |", shown(path, v))
	}
	fmt.Fprintf(b, " %s |\n", strings.ReplaceAll(s.Description, "|", `\|`))
}

func typeName(s *jsonschema.Schema) string {
	switch {
	case s.Items != nil:
		return "list of " + typeName(s.Items)
	case s.AdditionalProperties != nil && s.Type == "object":
		return "map to " + typeName(s.AdditionalProperties)
	case len(s.Enum) > 0:
		var words []string
		for _, word := range s.Enum {
			words = append(words, fmt.Sprintf("`%v`", word))
		}
		return strings.Join(words, ", ")
	case len(s.Examples) > 0:
		return map[any]string{"15m0s": "duration", "${env:NAME}": "secret", "10.0.0.0/8": "prefix"}[s.Examples[0]]
	}
	return s.Type
}

// profileValues are the printed defaults of each profile.
func profileValues() ([]map[string]any, error) {
	var all []map[string]any
	for _, profile := range config.Profiles() {
		c, err := config.Load("", []string{"GATEHOUSE_ISSUERS_0_PROFILE=" + profile})
		if err != nil {
			return nil, fmt.Errorf("loading profile %s: %w", profile, err)
		}
		text, err := c.Redacted()
		if err != nil {
			return nil, err
		}
		var v map[string]any
		if err := yaml.Unmarshal(text, &v); err != nil {
			return nil, fmt.Errorf("reading profile %s: %w", profile, err)
		}
		all = append(all, v)
	}
	return all, nil
}

// shown is the default of the setting at path. Of a list of blocks it is that
// of the first; lists of scopes are printed whole, by their names.
func shown(path string, v map[string]any) string {
	if list, key, ok := strings.Cut(path, "scopes[]."); ok {
		if key != "name" {
			return ""
		}
		var names []string
		blocks, _ := at(list+"scopes", v).([]any)
		for _, block := range blocks {
			names = append(names, fmt.Sprintf("`%v`", at("name", block)))
		}
		return strings.Join(names, " ")
	}
	switch value := at(path, v).(type) {
	case nil, map[string]any:
		if m, ok := value.(map[string]any); ok && len(m) > 0 {
			return "`" + strings.Trim(strings.TrimPrefix(fmt.Sprint(m), "map"), "[]") + "`"
		}
		return ""
	case []any:
		if len(value) == 0 {
			return ""
		}
		return strings.ReplaceAll(strings.Trim(fmt.Sprintf("`%v`", value), "`[]"), " ", ", ")
	default:
		if text := fmt.Sprint(value); text != "" {
			return "`" + text + "`"
		}
		return ""
	}
}

// at is the value at a path, "[]" meaning the first.
func at(path string, v any) any {
	for key := range strings.SplitSeq(path, ".") {
		name, list := strings.CutSuffix(key, "[]")
		m, _ := v.(map[string]any)
		v = m[name]
		if list {
			items, _ := v.([]any)
			if len(items) == 0 {
				return nil
			}
			v = items[0]
		}
	}
	return v
}
