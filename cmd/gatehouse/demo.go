package main

import (
	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/demo"
)

func newDemo() *cobra.Command {
	o := demo.Options{Version: version}
	c := &cobra.Command{
		Use:   "demo",
		Short: "Run everything in one process, with nothing to configure",
		Long: `Run everything in one process on an embedded database: two products as two
issuers, an upstream identity provider with a few people, a sample application
that signs in with code + PKCE, an operator, and a workspace with a live and a
test key for each issuer. Prints URLs and curl lines that work when pasted.

It is for trying things out on this machine: everything listens on loopback,
and keys are minted anew at each start.

With --conformance it is one issuer over TLS instead, with clients and people
for the OpenID Foundation's conformance suite, and a configuration file for
each of the suite's plans.`,
		RunE: func(c *cobra.Command, _ []string) error { return demo.Run(c.Context(), o) },
	}
	c.Flags().StringVar(&o.Dir, "dir", "", "keep the database and keys in this directory; a temporary one without it")
	c.Flags().StringVar(&o.Summary, "summary", "", "write URLs and secrets as JSON to this file (mode 0600)")
	c.Flags().BoolVar(&o.Bench, "bench", false, "lift the limits per address and client, for load tests on loopback")
	c.Flags().StringVar(&o.Suite, "conformance", "", "serve one issuer for the OpenID Foundation's conformance suite at this address")
	c.MarkFlagsMutuallyExclusive("conformance", "summary")
	c.MarkFlagsMutuallyExclusive("conformance", "bench")
	return c
}
