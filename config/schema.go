package config

import (
	_ "embed"
	"slices"
)

//go:embed gatehouse.schema.json
var schema []byte

// Schema is the JSON Schema of the configuration file, for editors. It is
// generated from the types of this package.
func Schema() []byte { return slices.Clone(schema) }
