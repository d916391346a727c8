package main

import (
	"cmp"
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
		return usagef("%w; see %s --help", err, c.CommandPath())
	})
	root.AddCommand(
		newDemo(), newServe(), newMigrate(), newBootstrap(), newConfig(), newHealthcheck(),
		newAccount(), newWorkspace(), newMember(), newBreakGlass(), newOperator(), newInvitation(), newTeam(), newRole(), newRoleBinding(), newServiceAccount(), newResource(),
		newClient(), newConnection(), newKey(), newKeyDestination(), newPolicy(), newScope(),
	)
	strictArgs(root)
	return root
}

// strictArgs makes wrong arguments and absent flags a usage error, for the
// command and every one below.
func strictArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	if c.HasSubCommands() {
		c.RunE = func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q; see %s --help", args[0], c.CommandPath())
			}
			return c.Help()
		}
		check = cobra.ArbitraryArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := cmp.Or(check(c, args), c.ValidateRequiredFlags()); err != nil {
			return usagef("%w; see %s --help", err, c.CommandPath())
		}
		return nil
	}
	for _, sub := range c.Commands() {
		strictArgs(sub)
	}
}
