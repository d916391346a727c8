package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/apikey"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
)

// delegationLife is how long a bootstrap key may mint others.
const delegationLife = 24 * time.Hour

func newBootstrap() *cobra.Command {
	var file, issuer string
	c := &cobra.Command{
		Use:   "bootstrap",
		Short: "Create an operator API key for an issuer, shown once",
		Long: `Create an operator API key and print it, once. It administers every workspace
of the issuer and may mint keys for 24 hours.

Whoever can run this owns the deployment: it needs the database and the root
key. With an embedded database the server must be stopped.`,
		RunE: func(c *cobra.Command, _ []string) error { return bootstrap(c.Context(), file, issuer) },
	}
	c.Flags().StringVar(&file, "config", "", "configuration file (YAML)")
	c.Flags().StringVar(&issuer, "issuer", "", "name of the issuer; needed when there are several")
	return c
}

func bootstrap(ctx context.Context, file, name string) error {
	cfg, err := config.Load(file, os.Environ())
	if err != nil {
		return invalidConfig(err)
	}
	if name, err = chooseIssuer(cfg.Issuers, name); err != nil {
		return err
	}
	a, err := app.Open(ctx, app.Options{Config: cfg, Logger: slog.New(slog.DiscardHandler), Version: version})
	if err != nil {
		return err
	}
	return errors.Join(bootstrapIssuer(ctx, a, a.Issuers[authz.IssuerName(name)]), a.Close())
}

func bootstrapIssuer(ctx context.Context, a *app.App, issuer *app.Issuer) error {
	ends := a.Clock().Now().Add(delegationLife)
	_, text, err := issuer.Keys.MintOperator(ctx, authz.Origin{}, apikey.OperatorRequest{Name: "operator", DelegationEndsAt: ends})
	if err != nil {
		return err
	}
	fmt.Printf(`Operator key of issuer %s. It is shown this once; keep it in a vault:

  %s

It administers every workspace and may mint keys until %s. Use it:

  export %s=<the key above>
  gatehouse workspace create --url %s --name "First workspace"
`, issuer.Config.Name, text.Reveal(), ends.Format(time.RFC3339), issuer.Config.Keys.EnvVar, apiOf(issuer.Config))
	return nil
}

// chooseIssuer is the name of the one meant; it is known before anything is
// opened, as a slip must not leave a new database behind.
func chooseIssuer(issuers []config.Issuer, name string) (string, error) {
	if name == "" && len(issuers) == 1 {
		return issuers[0].Name, nil
	}
	names := make([]string, 0, len(issuers))
	for _, i := range issuers {
		names = append(names, i.Name)
	}
	switch {
	case name == "":
		return "", usagef("there are several issuers; name one with --issuer: %s", strings.Join(names, ", "))
	case !slices.Contains(names, name):
		return "", usagef("no issuer is named %q; there are: %s", name, strings.Join(names, ", "))
	}
	return name, nil
}

func apiOf(i config.Issuer) string {
	if i.APIURL != "" {
		return i.APIURL
	}
	return i.URL
}
