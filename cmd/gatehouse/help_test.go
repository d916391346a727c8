package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// With GATEHOUSE_TEST_UPDATE=1 the files are written instead of compared.
func TestHelpIsAsItIsWrittenDown(t *testing.T) {
	t.Setenv("GATEHOUSE_URL", "")
	written := make(map[string]bool)
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		file := filepath.Join("testdata", "help", strings.ReplaceAll(c.CommandPath(), " ", "-")+".txt")
		written[file] = true
		compareHelp(t, file, c)
		for _, sub := range c.Commands() {
			if sub.Name() != "help" {
				walk(sub)
			}
		}
	}
	root := newRoot()
	root.InitDefaultHelpCmd()
	walk(root)
	files, err := filepath.Glob("testdata/help/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !written[file] {
			t.Errorf("%s is of a command that is gone", file)
		}
	}
}

func compareHelp(t *testing.T, file string, c *cobra.Command) {
	t.Helper()
	if c.Short == "" {
		t.Errorf("%s does not say what it does", c.CommandPath())
	}
	var got bytes.Buffer
	c.SetOut(&got)
	c.InitDefaultHelpFlag()
	c.InitDefaultVersionFlag()
	if err := c.Help(); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("GATEHOUSE_TEST_UPDATE") == "1" {
		if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the help of %s changed; it is now:\n%s", c.CommandPath(), &got)
	}
}
