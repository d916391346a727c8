package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/authz/secret"
	"github.com/gatehouse-auth/gatehouse/config"
	"github.com/gatehouse-auth/gatehouse/storage"
)

// RootKeys returns the root keys of the configuration, or the one in the
// generated key file, which is made at first start.
func RootKeys(cfg config.Config) ([]secret.Root, error) {
	if len(cfg.Secrets.RootKeys) == 0 {
		return generatedKey(cfg.Secrets.GeneratedKeyFile)
	}
	roots := make([]secret.Root, 0, len(cfg.Secrets.RootKeys))
	for n, k := range cfg.Secrets.RootKeys {
		key, err := k.Bytes()
		if err != nil {
			return nil, fmt.Errorf("secrets.root_keys[%d]: %w", n, err)
		}
		roots = append(roots, secret.Root{ID: k.ID, Key: key})
	}
	return roots, nil
}

// foreignKeys are the keys of other systems' HMACs.
func foreignKeys(cfg config.Config) []secret.Root {
	keys := make([]secret.Root, 0, len(cfg.Secrets.ForeignHMACKeys))
	for _, k := range cfg.Secrets.ForeignHMACKeys {
		keys = append(keys, secret.Root{ID: k.ID, Key: []byte(k.Value.Reveal())})
	}
	return keys
}

func generatedKey(path string) ([]secret.Root, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's
	if errors.Is(err, fs.ErrNotExist) {
		text, err = generateKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("the root key: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) < 32 {
		return nil, fmt.Errorf("the root key file %s does not hold a key of 32 bytes in base64", path)
	}
	return []secret.Root{{ID: "generated", Key: key}}, nil
}

// generateKey writes the file before the key is used: what is encrypted with a
// key that was never saved is lost.
func generateKey(path string) ([]byte, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	text := []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600) //nolint:gosec // the path is the operator's
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	return text, errors.Join(err, f.Sync(), f.Close())
}

// OpenStore opens the database of a configuration. moved and committing may be nil.
func OpenStore(ctx context.Context, cfg config.Config, clock authz.Clock, logger *slog.Logger, moved func([]authz.NodeRef), committing func()) (*storage.Store, error) {
	return storage.Open(ctx, storage.Config{
		Driver: cfg.Database.Driver, Path: cfg.Database.Path, DSN: cfg.Database.DSN.Reveal(), Synchronous: cfg.Database.SQLite.Synchronous,
		MaxOpenConns: cfg.Database.MaxOpenConns, Clock: clock, AutoMigrate: cfg.Database.Migrates(), OnMoved: moved, Committing: committing, Logger: logger,
	})
}
