package storage_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-auth/gatehouse/authz"
	"github.com/gatehouse-auth/gatehouse/storage"
)

const holdVariable = "GATEHOUSE_TEST_HOLD"

// TestHoldTheFile is no test but the second process of the one below.
func TestHoldTheFile(t *testing.T) {
	path := os.Getenv(holdVariable)
	if path == "" {
		return
	}
	_, err := storage.Open(t.Context(), storage.Config{Driver: storage.SQLite, Path: path, Clock: authz.SystemClock{}, AutoMigrate: true})
	fmt.Println("opened:", err)
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func TestASecondProcessIsRefusedTheFileUntilTheFirstIsGone(t *testing.T) {
	cfg := onSQLite(t)
	cmd := exec.Command(os.Args[0], "-test.run=^TestHoldTheFile$", "-test.v")
	cmd.Env = append(os.Environ(), holdVariable+"="+cfg.Path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.Process.Kill() }()
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if said, ok := strings.CutPrefix(lines.Text(), "opened: "); ok {
			if said != "<nil>" {
				t.Fatal(said)
			}
			break
		}
	}
	cfg.Clock, cfg.AutoMigrate = authz.SystemClock{}, true
	if _, err := storage.Open(t.Context(), cfg); !errors.Is(err, storage.ErrInUse) {
		t.Fatalf("beside another process: %v", err)
	}
	if _, err := storage.MigrateUp(t.Context(), cfg); !errors.Is(err, storage.ErrInUse) {
		t.Fatalf("migrating beside another process: %v", err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
	open(t, cfg)
	if _, err := storage.Open(t.Context(), cfg); !errors.Is(err, storage.ErrInUse) {
		t.Fatalf("beside this process: %v", err)
	}
}

func TestFilesAreForTheirOwnerAlone(t *testing.T) {
	cfg := onSQLite(t)
	if err := os.WriteFile(cfg.Path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, cfg)
	account(t, s)
	for _, suffix := range []string{"", "-wal", "-shm", ".lock"} {
		info, err := os.Stat(cfg.Path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s is %v", filepath.Base(cfg.Path+suffix), info.Mode())
		}
	}
}

func TestTheReadersCannotWrite(t *testing.T) {
	s := open(t, onSQLite(t))
	if err := s.Reading(t.Context()).Exec("DELETE FROM accounts").Error; err == nil {
		t.Fatal("a reader wrote")
	}
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
		var got string
		if err := s.Writing(t.Context()).Raw("PRAGMA " + pragma).Row().Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", pragma, got, err, want)
		}
	}
}

func TestConfigurationMistakesAreNamed(t *testing.T) {
	for want, cfg := range map[string]storage.Config{
		"Clock":          {Driver: storage.SQLite, Path: "x"},
		"Path":           {Driver: storage.SQLite, Clock: authz.SystemClock{}},
		"DSN":            {Driver: storage.Postgres, Clock: authz.SystemClock{}},
		"unknown driver": {Driver: "mysql", Clock: authz.SystemClock{}},
		"synchronous":    {Driver: storage.SQLite, Path: "x", Synchronous: "off", Clock: authz.SystemClock{}},
		"reading the":    {Driver: storage.Postgres, DSN: "postgres://u:hunter2@[::1:5432/db", Clock: authz.SystemClock{}},
	} {
		_, err := storage.Open(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", want, err)
		}
	}
}
