package storagetest

import (
	"bufio"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// script starts a server, runs a command and takes the server away again.
// `make test` uses the same file around all packages.
//
//go:embed postgres.sh
var script string

// until holds the server up for as long as this process lives: its input is a
// pipe that only this process holds open, so the end of the process, however
// it comes, is the end of the pipe, of cat and of the server.
const until = `echo "$GATEHOUSE_TEST_POSTGRES"; exec cat`

// unavailable is the exit status by which the script says that PostgreSQL
// cannot be had here.
const unavailable = 69

// shared is the one private server of this process, started at first use. Its
// life is the process's, and a process has no other place to keep that.
//
//nolint:gochecknoglobals // the reason stands above
var shared = sync.OnceValues(start)

// server is a running private server.
type server struct {
	dsn string
	// hold is kept because the pipe would be closed with its last reference.
	hold io.Closer
}

// private returns the address of the private server.
func private(t testing.TB) string {
	t.Helper()
	s, err := shared()
	var exit *exec.ExitError
	if errors.Is(err, exec.ErrNotFound) || errors.As(err, &exit) && exit.ExitCode() == unavailable {
		Missing(t, "PostgreSQL", "run make deps, or set GATEHOUSE_TEST_POSTGRES to the address of a server")
	}
	if err != nil {
		t.Fatal(err)
	}
	return s.dsn
}

// start runs the script and waits for it to print the address.
func start() (server, error) {
	cmd := exec.Command("sh", "-c", script, "postgres.sh", "sh", "-c", until)
	// Out of reach of the terminal's Ctrl-C, so that it can clean up after us.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	log, err := os.CreateTemp("", "gatehouse-postgres-*.log")
	if err != nil {
		return server{}, fmt.Errorf("making a log for PostgreSQL: %w", err)
	}
	defer log.Close()
	defer os.Remove(log.Name())
	cmd.Stderr = log
	hold, err := cmd.StdinPipe()
	if err != nil {
		return server{}, fmt.Errorf("preparing PostgreSQL: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return server{}, fmt.Errorf("preparing PostgreSQL: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return server{}, fmt.Errorf("starting PostgreSQL: %w", err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		err = errors.Join(cmd.Wait(), err)
		said, _ := io.ReadAll(io.NewSectionReader(log, 0, 4096))
		return server{}, fmt.Errorf("starting PostgreSQL: %s: %w", strings.TrimSpace(string(said)), err)
	}
	// Never waited for: the server outlives every test by design.
	return server{dsn: strings.TrimSpace(line), hold: hold}, nil
}
