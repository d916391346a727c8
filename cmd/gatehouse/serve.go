package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/cmd/gatehouse/app"
	"github.com/gatehouse-auth/gatehouse/config"
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
		fmt.Fprintf(os.Stderr, `A new database was made at %s.
Stop the server and run "gatehouse bootstrap" to get the operator's key, then start it again.
`, cfg.Database.Path)
	}
	return errors.Join(a.Serve(ctx), a.Close())
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
