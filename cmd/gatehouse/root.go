package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "gatehouse",
		Short: "OAuth 2.0, OpenID Connect and API keys in one binary",
		Long: `Gatehouse is a standalone OAuth 2.0 and OpenID Connect authorization server:
people sign in through their own identity provider, programs with API keys.

Start with:  gatehouse demo`,
		Version: version, SilenceErrors: true, SilenceUsage: true,
		CompletionOptions: cobra.CompletionOptions{HiddenDefaultCmd: true},
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; see gatehouse %s --help", err, c.Name())
	})
	root.AddCommand(
		newDemo(), newServe(), newMigrate(), newBootstrap(), newConfig(), newHealthcheck(),
		newWorkspace(), newClient(), newKey(),
	)
	for _, c := range root.Commands() {
		strictArgs(c)
	}
	return root
}

// strictArgs makes wrong arguments a usage error, for every command below.
func strictArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	if c.HasSubCommands() {
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q; see gatehouse %s --help", args[0], c.Name())
			}
			return c.Help()
		}
		check = cobra.ArbitraryArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usagef("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
	for _, sub := range c.Commands() {
		strictArgs(sub)
	}
}
