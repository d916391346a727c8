package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/config"
)

func newConfig() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "config", Short: "Check, print or describe the configuration"}
	c.PersistentFlags().StringVar(&file, "config", "", "configuration file (YAML)")
	c.AddCommand(
		&cobra.Command{Use: "check", Short: "Name every problem of the configuration", RunE: func(*cobra.Command, []string) error {
			cfg, err := config.Load(file, os.Environ())
			if err != nil {
				return invalidConfig(err)
			}
			for _, w := range cfg.Warnings() {
				fmt.Fprintln(os.Stderr, "warning:", w.String())
			}
			fmt.Println("the configuration is valid")
			return nil
		}},
		&cobra.Command{Use: "print", Short: "Print the effective configuration, secrets redacted", RunE: func(*cobra.Command, []string) error {
			cfg, err := config.Load(file, os.Environ())
			if err != nil {
				return invalidConfig(err)
			}
			text, err := cfg.Redacted()
			if err != nil {
				return err
			}
			_, err = os.Stdout.Write(text)
			return err
		}},
		&cobra.Command{Use: "schema", Short: "Print the JSON Schema of the configuration file", RunE: func(*cobra.Command, []string) error {
			_, err := os.Stdout.Write(config.Schema())
			return err
		}},
	)
	return c
}
