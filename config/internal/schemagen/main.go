package main

import (
	"fmt"
	"os"
	"path/filepath"
)

func main() {
	if err := run("."); err != nil {
		fmt.Fprintln(os.Stderr, "schemagen:", err)
		os.Exit(1)
	}
}

// run writes the files, given the directory of package config.
func run(dir string) error {
	files, err := generate(dir)
	if err != nil {
		return err
	}
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("making room for %s: %w", name, err)
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// generate returns the files by their path relative to dir.
func generate(dir string) (map[string][]byte, error) {
	schema, err := reflectSchema(dir)
	if err != nil {
		return nil, err
	}
	text, err := encodeSchema(schema)
	if err != nil {
		return nil, err
	}
	page, err := document(schema)
	if err != nil {
		return nil, err
	}
	return map[string][]byte{"gatehouse.schema.json": text, "../docs/configuration.md": page}, nil
}
