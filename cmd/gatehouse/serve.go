package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/web/login"
)

func newServe() *cobra.Command {
	var file string
	var migrate bool
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server. Without a file it serves the default profile on
http://127.0.0.1:8080 with an embedded database in the current directory.

Every setting can also be given as GATEHOUSE_… in the environment; see
gatehouse config print.`,
		RunE: func(c *cobra.Command, _ []string) error { return serve(c.Context(), file, migrate) },
	}
	c.Flags().StringVar(&file, "config", "", "configuration file (YAML)")
	c.Flags().BoolVar(&migrate, "migrate", false, "bring a PostgreSQL schema up to date first")
	return c
}

func serve(ctx context.Context, file string, migrate bool) error {
	cfg, err := config.Load(file, os.Environ())
	if err != nil {
		return invalidConfig(err)
	}
	if migrate {
		cfg.Database.AutoMigrate = &migrate
	}
	lines := app.NewLogWriter(os.Stderr)
	defer func() { _ = lines.Close() }()
	logger := newLogger(cfg.Log, lines)
	for _, w := range cfg.Warnings() {
		logger.Warn("configuration", "path", w.Path, "problem", w.Message)
	}
	first := file == "" && isNew(cfg)
	a, err := app.Open(ctx, app.Options{Config: cfg, Logger: logger, Version: version})
	if err != nil {
		return err
	}
	if first {
		if err := offerSetUp(ctx, a, cfg); err != nil {
			return errors.Join(err, a.Close())
		}
	}
	return errors.Join(a.Serve(ctx), a.Close())
}

// offerSetUp tells how the first operator of a new database enrols. The link is
// a secret: it is shown on a terminal, and kept out of whatever takes the log.
func offerSetUp(ctx context.Context, a *app.App, cfg config.Config) error {
	fmt.Fprintf(os.Stderr, "A new database was made at %s.\n", cfg.Database.Path)
	for _, i := range cfg.Issuers {
		_, token, err := a.Issuers[authz.IssuerName(i.Name)].Accounts.Invite(ctx, "", authz.OperatorAccount, firstOperator, "serve", nil)
		if err != nil {
			return err
		}
		link := login.EnrolmentURL(i.URL, token)
		if onTerminal(os.Stderr) {
			fmt.Fprintf(os.Stderr, "Set up its first operator here, once, within 24 hours:\n\n  %s\n\n", link)
			continue
		}
		file := cfg.Database.Path + "." + i.Name + ".setup-link"
		if err := os.WriteFile(file, []byte(link+"\n"), 0o600); err != nil {
			return fmt.Errorf("keeping the set-up link: %w", err)
		}
		fmt.Fprintf(os.Stderr, "The link to set up its first operator, good once and for 24 hours, is in %s.\n", file)
	}
	fmt.Fprintln(os.Stderr, `For an operator's API key, stop the server and run "gatehouse bootstrap".`)
	return nil
}

func isNew(cfg config.Config) bool {
	_, err := os.Stat(cfg.Database.Path)
	return cfg.Database.Driver == config.SQLite && errors.Is(err, fs.ErrNotExist)
}

// problemList is an error that is printed on several lines.
type problemList struct{ error }

// invalidConfig says every problem on a line of its own.
func invalidConfig(err error) error {
	if problems, ok := errors.AsType[config.Problems](err); ok {
		text := fmt.Sprintf("the configuration has %d problem(s); mend them and start again:", len(problems))
		for _, p := range problems {
			text += "\n  " + p.String()
		}
		return problemList{errors.New(text)}
	}
	return err
}

func newLogger(cfg config.Log, lines *app.LogWriter) *slog.Logger {
	var level slog.Level
	if level.UnmarshalText([]byte(cfg.Level)) != nil {
		level = slog.LevelInfo
	}
	if cfg.Format == "text" {
		return slog.New(slog.NewTextHandler(lines, &slog.HandlerOptions{Level: level}))
	}
	return slog.New(app.NewJSONHandler(lines, level))
}
