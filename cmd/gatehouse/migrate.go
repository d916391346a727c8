package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/storage"
)

func newMigrate() *cobra.Command {
	var file string
	c := &cobra.Command{Use: "migrate", Short: "Bring the database schema up to date, or say where it stands"}
	c.PersistentFlags().StringVar(&file, "config", "", "configuration file (YAML)")
	c.AddCommand(
		&cobra.Command{Use: "up", Short: "Apply the migrations that are missing", RunE: func(c *cobra.Command, _ []string) error {
			return migrate(c.Context(), file, func(ctx context.Context, cfg storage.Config) error {
				applied, err := storage.MigrateUp(ctx, cfg)
				for _, name := range applied {
					fmt.Println("applied", name)
				}
				if err == nil && len(applied) == 0 {
					fmt.Println("the schema is up to date")
				}
				return err
			})
		}},
		&cobra.Command{Use: "status", Short: "Say where the schema stands; fails when it is behind", RunE: func(c *cobra.Command, _ []string) error {
			return migrate(c.Context(), file, func(ctx context.Context, cfg storage.Config) error {
				status, err := storage.MigrateStatus(ctx, cfg)
				if err != nil {
					return err
				}
				fmt.Printf("the schema is at version %d of %d\n", status.Version, status.Latest)
				for _, name := range status.Pending {
					fmt.Println("missing", name)
				}
				if status.Behind() {
					return errors.New("the schema is behind: run gatehouse migrate up")
				}
				return nil
			})
		}},
	)
	return c
}

func migrate(ctx context.Context, file string, do func(context.Context, storage.Config) error) error {
	cfg, err := config.Load(file, os.Environ())
	if err != nil {
		return invalidConfig(err)
	}
	db := storage.Config{Driver: cfg.Database.Driver, Path: cfg.Database.Path, DSN: cfg.Database.DSN.Reveal(), Clock: authz.SystemClock{}}
	return do(ctx, db)
}
