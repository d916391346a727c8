package config

import (
	"bytes"
	"fmt"

	"github.com/goccy/go-yaml"
)

// Redacted is the whole configuration as YAML, what defaults and profiles
// added included. Secrets given inline are "[redacted]"; of the others the
// place they come from is printed, so that a configuration without inline
// secrets loads again to an equal one. Durations read "1h0m0s".
func (c Config) Redacted() ([]byte, error) {
	var b bytes.Buffer
	if err := yaml.NewEncoder(&b, yaml.Indent(2), yaml.IndentSequence(true)).Encode(c); err != nil {
		return nil, fmt.Errorf("config: printing: %w", err)
	}
	return b.Bytes(), nil
}
