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
	"github.com/gatehouse-auth/gatehouse/web/login"
)

// delegationLife is how long a bootstrap key may mint others.
const delegationLife = 24 * time.Hour

func newBootstrap() *cobra.Command {
	var file, issuer, login string
	c := &cobra.Command{
		Use:   "bootstrap",
		Short: "Create an operator of an issuer: a link to enrol by and an API key, shown once",
		Long: `Create an operator and print, once, a link by which they set up what they sign
in with, a passkey or a password with an authenticator app, and an operator API
key. The link is good once and for 24 hours. The key administers every
workspace of the issuer and may mint keys for 24 hours; an operator who signs in
at /operator lets it go on.

Where there are operators already, it gives a link only for one who is named by
--login: a new one, or one who has lost what they sign in with, whose earlier
links are then over, and so are their sessions; when the link is used, all they
signed in with before is forgotten. Operators are listed and removed by gatehouse
operator.

Whoever can run this owns the deployment: it needs the database and the root
key. With an embedded database the server must be stopped.`,
		RunE: func(c *cobra.Command, _ []string) error { return bootstrap(c.Context(), file, issuer, login) },
	}
	c.Flags().StringVar(&login, "login", "", "what the operator is called; the first one is \"operator\"")
	c.Flags().StringVar(&file, "config", "", "configuration file (YAML)")
	c.Flags().StringVar(&issuer, "issuer", "", "name of the issuer; needed when there are several")
	return c
}

func bootstrap(ctx context.Context, file, name, login string) error {
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
	return errors.Join(bootstrapIssuer(ctx, a, a.Issuers[authz.IssuerName(name)], login), a.Close())
}

func bootstrapIssuer(ctx context.Context, a *app.App, issuer *app.Issuer, name string) error {
	if err := inviteOperator(ctx, issuer, name); err != nil {
		return err
	}
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

// inviteOperator prints a link for the first operator, or for the one named.
func inviteOperator(ctx context.Context, issuer *app.Issuer, name string) error {
	if name == "" {
		there, err := issuer.Accounts.List(ctx, "")
		if err != nil {
			return err
		}
		if len(there) > 0 {
			fmt.Printf("Issuer %s has operators. For a link to enrol by, name one with --login.\n\n", issuer.Config.Name)
			return nil
		}
		name = firstOperator
	}
	account, token, err := issuer.Accounts.Invite(ctx, "", authz.OperatorAccount, name, "bootstrap", nil)
	if err != nil {
		return err
	}
	fmt.Printf(`Operator %s of issuer %s sets up what they sign in with here, once, within 24 hours:

  %s

`, account.Login, issuer.Config.Name, login.EnrolmentURL(issuer.Config.URL, token))
	return nil
}

// firstOperator is what the first operator is called.
const firstOperator = "operator"

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
